"""What happens in a job, in order? job.py tells it."""
