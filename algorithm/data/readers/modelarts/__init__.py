"""Datasets of the platform: manifests, and where their addresses lie."""
