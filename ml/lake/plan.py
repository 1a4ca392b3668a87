"""What an exporter outside this package needs to know: data.csv's columns, and the tables."""

import json
from pathlib import Path

import click

from ml.data.contract import contract_hash
from ml.lake.export import EXPORTED, candidates_model, data_columns
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
    columns = data_columns(candidates_model(manifest, target))
    plan = {
        "columns": columns,
        "hash": contract_hash(columns),
        "tables": EXPORTED,
    }
    with file_aside(out) as aside:
        aside.write_text(json.dumps(plan, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(f"{out}: {len(columns)} columns, {len(EXPORTED)} tables")
