"""What the local platform answers over HTTP: its calls, their checks and its page."""
