"""What can a person type? One file for each verb of `python -m algorithm`."""
