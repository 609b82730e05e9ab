"""What can a person type? One file for each verb; parser.py lists them."""
