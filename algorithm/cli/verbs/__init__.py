"""What a person can type: one file for each verb. `data` has a room of its own."""
