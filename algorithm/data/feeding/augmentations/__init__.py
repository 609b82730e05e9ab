"""What can be done to a training picture: one file per kind of change."""
