"""Serve the API until the process is ended."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.athena_api.athena import Athena
from tests.athena_api.clients import CREDENTIALS, REGION, make_client
from tests.athena_api.duckdb_engine import DuckDBEngine
from tests.athena_api.engine import Engine
from tests.athena_api.faults import Faults
from tests.athena_api.raw_zone import RAW_BUCKET, RAW_DATABASE, upload_raw
from tests.athena_api.server import Server
from tests.athena_api.trino_engine import TrinoEngine
from tests.athena_api.trino_server import running_trino

LAKE_BUCKET = "next-basket-lake"
RESULTS_BUCKET = "next-basket-results"
WORK_GROUP = "next-basket"


class QuietHandler(WSGIRequestHandler):
    """Answers without a line on the screen for each request; connections stay open."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


def environment(url: str) -> dict[str, str]:
    """Give the environment variables that bring clients, and the profile's target, to `url`."""
    return {
        "AWS_ENDPOINT_URL": url,
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "ATHENA_SCHEMA": "next_basket",
        "ATHENA_RAW_SCHEMA": RAW_DATABASE,
        "ATHENA_WORK_GROUP": WORK_GROUP,
        "ATHENA_RESULTS": f"s3://{RESULTS_BUCKET}/",
        "ATHENA_LAKE": f"s3://{LAKE_BUCKET}/",
        "ATHENA_RAW": f"s3://{RAW_BUCKET}/",
    }


@contextmanager
def serving(engine_name: str, work: Path, port: int, raw_dir: Path | None) -> Iterator[str]:
    """
    Serve the API in this process, and give its address.

    Parameters
    ----------
    engine_name
        `trino` or `duckdb`.
    work
        Folder for the query log, the engine's files and `env`, which is written last.
    port
        Port on the loopback address; 0 takes a free one.
    raw_dir
        Folder with the raw CSV files, or None to start with an empty raw zone.

    Raises
    ------
    TrinoUnavailableError
        If Trino is asked for and cannot be run here.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / "env").unlink(missing_ok=True)
    moto = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", port, moto, threaded=True, request_handler=QuietHandler)
    url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with running_engine(engine_name, url, work / "engine") as engine:
            faults = Faults()
            glue, s3 = make_client("glue", url), make_client("s3", url)
            athena = Athena(
                engine=engine, glue=glue, s3=s3, log=work / "queries.jsonl", faults=faults
            )
            server.app = Server(athena, moto, faults)
            make_account(url)
            if raw_dir:
                upload_raw(url, raw_dir)
            exports = [f"export {k}={shlex.quote(v)}\n" for k, v in environment(url).items()]
            (work / "env.unfinished").write_text("".join(exports))
            (work / "env.unfinished").rename(work / "env")
            yield url
    finally:
        (work / "env").unlink(missing_ok=True)
        server.shutdown()
        server.server_close()


@contextmanager
def running_engine(name: str, url: str, work: Path) -> Iterator[Engine]:
    """Run the engine of a name over the S3 and Glue at `url`."""
    if name == "duckdb":
        yield DuckDBEngine(make_client("glue", url), make_client("s3", url), work)
        return
    with running_trino(url, work) as trino_url:
        yield TrinoEngine(trino_url)


def make_account(url: str) -> None:
    """Make what the project's stack makes once: buckets, the raw database, the work group."""
    s3 = make_client("s3", url)
    for bucket in (RAW_BUCKET, LAKE_BUCKET, RESULTS_BUCKET):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=RAW_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    make_client("glue", url).create_database(DatabaseInput={"Name": RAW_DATABASE})
    make_client("athena", url).create_work_group(
        Name=WORK_GROUP,
        Configuration={
            "EnforceWorkGroupConfiguration": False,
            "ResultConfiguration": {"OutputLocation": f"s3://{RESULTS_BUCKET}/"},
        },
    )
