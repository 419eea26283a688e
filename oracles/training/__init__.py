"""Real training: data, recipes and trainers."""
