"""The predictions that the project makes, a folder each."""
