"""How does one step, one epoch go? Steps, schedule, checkpoints, hooks, healing."""
