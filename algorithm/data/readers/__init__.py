"""Which forms of datasets are read? One file for each form; recognition.py chooses."""
