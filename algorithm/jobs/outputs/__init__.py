"""What a job leaves in train_url: checkpoints, the model, plots, the closing report."""
