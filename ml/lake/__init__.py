"""The built tables of both targets, and the way out of them: `python -m ml export`."""
