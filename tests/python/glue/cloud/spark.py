"""Run glue/cloud/export_job.py on a plain pyspark, as a process of its own."""

import os
import shutil
import subprocess
from pathlib import Path

from ml.tools.paths import ROOT

PYTHON = ROOT / ".venv" / "cloud" / "bin" / "python"
# Spark 3.5 runs on Java 17, as Glue 5.1 does
_JAVA_HOMES = [java.parents[1] for java in sorted(Path("/usr/lib/jvm").glob("*17*/bin/java"))]


def _missing() -> str | None:
    if not (PYTHON.parent / "spark-submit").exists():
        return "pyspark is not installed: `make test-cloud` installs it into .venv/cloud"
    if not _JAVA_HOMES and not shutil.which("java"):
        return "there is no Java 17 in /usr/lib/jvm for pyspark"
    return None


SPARK_MISSING = _missing()


def run_export_job(plan: Path, tables: Path, out: Path) -> None:
    """Export tables (`<name>.parquet` files, or folders of that name) to `out`."""
    java = {"JAVA_HOME": str(_JAVA_HOMES[0])} if _JAVA_HOMES else {}
    command = [str(PYTHON), str(ROOT / "glue" / "cloud" / "export_job.py"), "--plan", str(plan)]
    command += ["--parquet", str(tables), "--out", str(out), "--JOB_NAME", "as Glue passes it"]
    done = subprocess.run(
        command,
        env=os.environ | java | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(PYTHON)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
