"""How long is a training, in epochs, steps and minutes?"""
