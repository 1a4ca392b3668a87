"""The raw zone and the cloud: where raw files come from, and the nightly run that uses them."""
