"""What every room uses, and glue too: files, progress, terminal, paths, machine."""
