"""Why are a model's figures what they are, and what should the next job change?

`assess.assess` tells one assessment in the order it happens; `api.analyse` is the platform's
interface for other people's scripts.
"""
