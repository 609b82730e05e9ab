"""Rendered scenes with exact boxes, for the demonstration and the tests."""
