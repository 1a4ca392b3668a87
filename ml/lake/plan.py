"""What an exporter outside this package needs to know: data.csv's columns, and the tables."""

import json
from pathlib import Path

import click

from ml.data.contract import contract_hash
from ml.lake.export import read_build
from ml.tools.atomic_files import file_aside


@click.command("export-plan")
@click.option(
    "--target", type=click.Choice(["local", "athena"]), required=True, help="The dbt target."
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The dbt manifest with the contract.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
def export_plan(target: str, manifest: Path, out: Path) -> None:
    """Write as JSON how data.csv and its tables are made, for glue/cloud/export_job.py."""
    build = read_build(manifest, target)
    plan = {
        "columns": build.columns,
        "hash": contract_hash(build.columns),
        "tables": build.tables,
    }
    with file_aside(out) as aside:
        aside.write_text(json.dumps(plan, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(f"{out}: {len(build.columns)} columns, {len(build.tables)} tables")
