"""Scores of every product that more than one task uses: neighbours, factors, popularity."""
