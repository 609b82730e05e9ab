"""What the platform gives a job, and what it takes from it."""
