"""On what is computed, in which number format, and how is memory saved?"""
