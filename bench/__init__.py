"""Speed and memory, measured against what one would write by hand."""
