"""Which name was meant? Of hyperparameters and their values, misspelt or from another system."""
