"""Trains on data.csv, evaluates, predicts and reports: `python -m ml`."""
