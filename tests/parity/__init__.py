"""Both targets built from the same raw files, and every cell of them compared."""
