"""What is left out of a dataset or repaired, and why?"""
