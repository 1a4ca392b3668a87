"""`python -m tests.athena_api serve`: the Athena API on one loopback port."""

import signal
import sys
from pathlib import Path
from types import FrameType

import click

from tests.athena_api.serving import serving
from tests.athena_api.trino_server import TrinoUnavailableError


@click.group()
def main() -> None:
    """Answer the Athena API on one loopback port, for work without an AWS account."""


@main.command()
@click.option("--engine", type=click.Choice(["trino", "duckdb"]), default="trino")
@click.option("--work", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--port", default=0, help="0 takes a free one.")
@click.option("--raw", type=click.Path(path_type=Path, file_okay=False, exists=True))
def serve(engine: str, work: Path, port: int, raw: Path | None) -> None:
    """Serve until ended. WORK gets `env` (shell lines, when ready) and `queries.jsonl`."""
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, _stop)
    try:
        with serving(engine, work.resolve(), port, raw) as url:
            click.echo(f"The Athena API is ready at {url}, {engine} runs the SQL. Elsewhere:")
            click.echo(f"  source {work / 'env'} && dbt build --target athena")
            click.echo("Ctrl-C ends it and forgets its tables.")
            signal.pause()
    except TrinoUnavailableError as error:
        raise click.ClickException(str(error)) from error


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main(prog_name="python -m tests.athena_api")
