"""
Loads dbt as far as it goes without a command, in the process that commands are forked from.

What dbt makes once in a process (schemas of its classes, templates that it has parsed) takes
seconds, so the project is parsed here once, and every fork begins with that.
"""

import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from dbt.cli.main import dbtRunner
from dbt_common.tests import enable_test_caching

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("RAW_DIR", "LAKE_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH")


def _parse_project() -> None:
    with tempfile.TemporaryDirectory() as folder:
        profiles = Path(folder) / "profiles.yml"
        profiles.write_bytes((ROOT / "profiles.yml.example").read_bytes())
        with patch.dict(os.environ, dict.fromkeys(PLACES, folder) | {"DBT_LOG_LEVEL_FILE": "none"}):
            # the static parser starts threads, which no fork would have
            dbtRunner().invoke(
                ["--quiet", "--no-static-parser", "parse", "--project-dir", str(ROOT)]
            )


enable_test_caching()
_parse_project()
