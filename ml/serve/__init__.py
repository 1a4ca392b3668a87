"""Answers over HTTP what shoppers buy next: `python -m ml serve`."""
