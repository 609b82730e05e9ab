"""The rows of the hyperparameter table, one file for each subject."""
