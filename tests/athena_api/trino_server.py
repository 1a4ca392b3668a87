"""Fetch Trino once, and run it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.athena_api.clients import CREDENTIALS, REGION
from tests.athena_api.statements import MAX_PARTITIONS_WRITTEN

VERSION = "476"
OLDEST_JAVA = 24
START_SECONDS = 180
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
# the server without plugins, and the one plugin that is needed
ARTIFACTS = ("io.trino:trino-server-core:{}:tar.gz", "io.trino:trino-hive:{}:zip")
JAVA_HOMES = (
    "/usr/lib/jvm/*",
    "/opt/java/*",
    "/opt/homebrew/opt/openjdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
)


class TrinoUnavailableError(Exception):
    """Trino cannot be run here; the message says why and what to do."""


def find_java() -> Path:
    """
    Give the `java` program of a Java that Trino runs on: JAVA_HOME, PATH, the usual places.

    Raises
    ------
    TrinoUnavailableError
        If there is none.
    """
    candidates = [Path(os.environ["JAVA_HOME"], "bin/java")] if "JAVA_HOME" in os.environ else []
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path))
    for pattern in JAVA_HOMES:
        candidates += sorted(Path("/").glob(pattern.lstrip("/") + "/bin/java"), reverse=True)
    for java in candidates:
        if java.exists() and _java_version(java) >= OLDEST_JAVA:
            return java
    raise TrinoUnavailableError(
        f"Trino {VERSION} needs Java {OLDEST_JAVA} or newer, and none was found by JAVA_HOME, on"
        f" PATH or in {', '.join(JAVA_HOMES)}: install one, or take the engine duckdb"
        " (`make athena ENGINE=duckdb`, `make parity ENGINE=duckdb`)."
    )


def _java_version(java: Path) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def cache_folder() -> Path:
    """Give the folder in which Trino is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "next_basket" / f"trino-{VERSION}"


def fetch_trino() -> Path:
    """
    Give the folder of the Trino server, fetched by its Maven coordinates if it is not there yet.

    Raises
    ------
    TrinoUnavailableError
        If Maven is missing or cannot fetch it.
    """
    home = cache_folder()
    if home.exists():
        return home
    if not shutil.which("mvn"):
        raise TrinoUnavailableError(
            f"Trino {VERSION} is fetched by Maven, and there is no program mvn on PATH: install"
            " Maven, or take the engine duckdb (`make athena ENGINE=duckdb`)."
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as unfinished:
        folder = Path(unfinished)
        for artifact in ARTIFACTS:
            _fetch(artifact.format(VERSION), folder)
        with tarfile.open(folder / f"trino-server-core-{VERSION}.tar.gz") as server:
            server.extractall(folder, filter="data")
        with zipfile.ZipFile(folder / f"trino-hive-{VERSION}.zip") as plugin:
            plugin.extractall(folder)  # noqa: S202  # written by the same people as the server
        server_folder = folder / f"trino-server-core-{VERSION}"
        shutil.rmtree(server_folder / "plugin")
        shutil.copytree(folder / f"trino-hive-{VERSION}", server_folder / "plugin" / "hive")
        try:
            server_folder.rename(home)
        except OSError:
            # another process was faster: its folder is as good
            if not home.exists():
                raise
    return home


def _fetch(artifact: str, folder: Path) -> None:
    # a repository of its own, or Maven would keep another copy for ever
    settings = (f"-DoutputDirectory={folder}", f"-Dmaven.repo.local={folder}/repository")
    done = subprocess.run(
        ["mvn", "-q", "-B", MAVEN_COPY, f"-Dartifact={artifact}", *settings],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise TrinoUnavailableError(
            f"Maven could not fetch {artifact}: {lines[0] if lines else done.stderr.strip()}"
        )


@contextmanager
def running_trino(aws_url: str, work: Path) -> Iterator[str]:
    """
    Run Trino over the S3 and Glue at `aws_url`, and give its address.

    Parameters
    ----------
    aws_url
        Address of the S3 and Glue that it reads and writes.
    work
        Folder for its settings, files and log; made if missing.

    Raises
    ------
    TrinoUnavailableError
        If it cannot be fetched or does not start.
    """
    java = find_java()
    home = fetch_trino()
    port = _free_port()
    _write_settings(work / "etc", port, aws_url)
    with (work / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(str(java), *JVM.split(), "-cp", f"{home}/lib/*"),
                *(f"-Dnode.data-dir={work}", "-Dnode.environment=standin"),
                *(f"-Dconfig={work}/etc/config.properties", f"-Dplugin.dir={home}/plugin"),
                *(f"-Dcatalog.config-dir={work}/etc/catalog", "io.trino.server.TrinoServer"),
            ],
            cwd=work,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(server, url, work / "server.log")
        yield url
    finally:
        server.send_signal(signal.SIGKILL)  # it holds nothing that an orderly end would save
        server.wait()


def _wait_until_ready(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/v1/info", timeout=5) as answer:  # noqa: S310
                if b'"starting":false' in answer.read():
                    return
        except OSError:
            pass
        time.sleep(0.2)
    last = log.read_text(errors="replace").strip().splitlines()[-5:]
    raise TrinoUnavailableError("Trino did not start; the end of its log:\n" + "\n".join(last))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_settings(folder: Path, port: int, aws_url: str) -> None:
    (folder / "catalog").mkdir(parents=True, exist_ok=True)
    files = {
        "config.properties": CONFIG.format(port=port),
        "catalog/awsdatacatalog.properties": CATALOG.format(
            url=aws_url,
            region=REGION,
            key=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            secret=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            partitions=MAX_PARTITIONS_WRITTEN,
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text)


# One writer per node: the limit of partitions is per writer, and Athena's is per statement.
CONFIG = """\
coordinator=true
node-scheduler.include-coordinator=true
node.bind-ip=127.0.0.1
node.internal-address=127.0.0.1
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
query.max-memory-per-node=50%
memory.heap-headroom-per-node=20%
catalog.management=static
task.min-writer-count=1
task.max-writer-count=1
"""

# One compiler level: queries here are over before the second one pays; it halves the work.
JVM = """\
-XX:MaxRAMPercentage=25
-XX:TieredStopAtLevel=1
-XX:+UseG1GC
-XX:+ExitOnOutOfMemoryError
-XX:ReservedCodeCacheSize=256M
-Djdk.attach.allowAttachSelf=true
-Dfile.encoding=UTF-8
-XX:+EnableDynamicAgentLoading
--add-modules=jdk.incubator.vector
--sun-misc-unsafe-memory-access=allow
--enable-native-access=ALL-UNNAMED
"""

# Trino by itself reads small files whole, and over gaps between columns; Athena's price list counts
# the columns that a query needs.
CATALOG = """\
connector.name=hive
hive.metastore=glue
hive.metastore.glue.region={region}
hive.metastore.glue.endpoint-url={url}
hive.metastore.glue.aws-access-key={key}
hive.metastore.glue.aws-secret-key={secret}
hive.metastore.glue.default-warehouse-dir=s3://no-default-location/
hive.metastore-cache-ttl=0s
hive.non-managed-table-writes-enabled=true
hive.max-partitions-per-writers={partitions}
parquet.max-merge-distance=0B
parquet.small-file-threshold=0B
fs.native-s3.enabled=true
s3.region={region}
s3.endpoint={url}
s3.aws-access-key={key}
s3.aws-secret-key={secret}
s3.path-style-access=true
"""
