"""What does the platform give a job, and what does it take from it?"""
