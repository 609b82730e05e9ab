"""How well do masks fit their objects, and what is wrong where they do not?"""
