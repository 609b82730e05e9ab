"""What will go wrong in training on this dataset, and which settings fit it?"""
