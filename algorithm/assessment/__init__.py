"""Why a model's figures are what they are, what to change, and the next job's hyperparameters.

`assess.assess` tells one assessment in the order it happens; `api.analyse` is the platform's
interface for other people's scripts.
"""
