"""Datasets in the forms of well-known public sets: one file a set."""
