"""Datasets as annotation tools save or export them: one file a tool."""
