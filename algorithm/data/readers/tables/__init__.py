"""CSV tables: their text, what their columns mean, and the datasets made of them."""
