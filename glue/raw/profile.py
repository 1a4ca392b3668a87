"""One page about the raw files: the local twin of DataBrew's profile job."""

import html
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from glue.raw.athena_files import lost_on_athena, rows_of
from glue.raw.files import RawFile, check_raw_folder
from glue.raw.rules import count_broken
from ml.tools.atomic_files import file_aside
from ml.tools.paths import path_literal, raw_dir, text_literal
from ml.tools.progress import StepMaker, counted_step

SAMPLE_ROWS = 100_000  # of a larger file; rules and counts see every row
SEED = 1


@click.command()
@click.option(
    "--raw",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=raw_dir,
    show_default="RAW_DIR, or raw",
    help="Folder of the six raw files.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("target/raw_profile.html"),
    help="The page to write.",
)
def profile(raw: Path, out: Path) -> None:
    """Write one HTML page: types, nulls, distinct values, distributions, broken rules."""
    write_profile(raw, out, counted_step)
    click.echo(out)


def write_profile(raw: Path, out: Path, step: StepMaker) -> None:
    """
    Profile the six files and write one page that needs no network.

    Parameters
    ----------
    raw
        Folder of the six files, plain or gzipped.
    out
        The page; it appears whole or not at all.

    Raises
    ------
    click.ClickException
        If a file is missing or of another shape, or a row has too many or too few fields.

    """
    files = check_raw_folder(raw, step)
    sections = []
    with step("Profiling", len(files)) as advance:
        for file in files:
            sections.append("".join(_section(file)))
            advance(1)
    with file_aside(out) as aside:
        aside.write_text(_page(files, sections), encoding="utf-8")


def _section(file: RawFile) -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        rows_of(file, Path(scratch)) as connection,
    ):
        (rows,) = connection.execute("select count(*) from file").fetchone() or (0,)
        rules = [
            *lost_on_athena(connection, file),
            *count_broken(connection, "file", file.table),
        ]
        sample = "" if rows <= SAMPLE_ROWS else f" using sample reservoir({SAMPLE_ROWS} rows)"
        repeat = f" repeatable ({SEED})" if sample else ""
        # shown with the types that a reader would guess; the tables themselves keep strings
        part = Path(scratch) / "sample.csv"
        connection.execute(
            f"copy (select * from file{sample}{repeat}) to {text_literal(str(part))}"
            " (header, delimiter ',')"
        )
        frame = connection.sql(
            f"from read_csv({path_literal(part)}, sample_size = -1, hive_partitioning = false)"
        ).pl()
    shown = f"{rows:,} rows" + (f", {SAMPLE_ROWS:,} of them sampled below" if sample else "")
    yield f'<section id="{file.table.name}"><h2>{file.path.name}</h2>'
    yield f"<p>{shown}; {file.size:,} bytes; sha256 <code>{file.sha256[:16]}</code></p>"
    yield "<table><tr><th>column</th><th>rule</th><th>values or keys that break it</th></tr>"
    for rule in rules:
        mark = ' class="broken"' if rule.broken else ""
        counted = "counted by dbt build" if rule.broken is None else f"{rule.broken:,}"
        yield f"<tr{mark}><td>{rule.columns}</td><td>{html.escape(rule.rule)}</td>"
        yield f"<td>{counted}</td></tr>"
    yield "</table>"
    from skrub import TableReport  # noqa: PLC0415 - of requirements-tools.txt

    report = TableReport(
        frame,
        verbose=0,
        plot_distributions=True,
        compute_associations=False,
        open_tab="distributions",
    )
    yield f"{report.html_snippet()}</section>"


def _page(files: list[RawFile], sections: list[str]) -> str:
    links = " · ".join(f'<a href="#{file.table.name}">{file.table.name}</a>' for file in files)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Raw files</title>
<style>
:root {{ color-scheme: light; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2330; background: #fff; }}
h2 {{ margin-top: 3rem; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #dde1e8; }}
.broken td {{ color: #b3261e; font-weight: 600; }}
</style>
</head>
<body>
<h1>Raw files</h1>
<p>{links}</p>
{"".join(sections)}
</body>
</html>
"""
