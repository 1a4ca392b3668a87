"""The raw zone: the six files checked, profiled, uploaded and held against the catalogue."""
