"""What is said of a cleaned dataset: what was left out, repaired, doubled or lost."""
