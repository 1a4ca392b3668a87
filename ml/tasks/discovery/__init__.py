"""Discovery: which products shoppers will buy for the first time."""
