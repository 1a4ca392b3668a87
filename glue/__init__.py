"""The raw zone: where raw files come from and how they get into the cloud."""
