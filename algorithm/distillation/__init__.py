"""How does a student learn from another network?"""
