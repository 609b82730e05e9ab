"""How do samples become batches of network input?"""
