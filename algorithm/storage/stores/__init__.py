"""The stores: one file or folder for each, and all have the same verbs."""
