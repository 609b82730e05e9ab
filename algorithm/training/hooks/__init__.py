"""What happens during training beside the steps? One file for each thing; hook.py is the seam."""
