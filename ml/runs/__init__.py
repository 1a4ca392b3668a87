"""A training run's folder: its records, its model card, and whether it may go live."""
