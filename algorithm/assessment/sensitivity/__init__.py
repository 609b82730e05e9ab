"""Which properties of objects and pictures make the model miss?"""
