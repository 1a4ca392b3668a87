"""Where the files lie."""

import os
from pathlib import Path


def raw_dir() -> Path:
    """Folder of the six raw files: the environment variable RAW_DIR, or ``raw``."""
    return Path(os.environ.get("RAW_DIR") or "raw")
