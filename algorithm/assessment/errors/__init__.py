"""Which mistakes does the model make, and what does each kind cost?"""
