"""Makes the tables of predictions in the catalogue of moto, as a build on Athena does."""

import polars as pl

from ml.lake.predictions import PREDICTIONS
from tests.athena_api.glue_tables import GlueTables
from tests.python.glue.conftest import Account

TYPES = {
    pl.Int64(): "bigint",
    pl.Int32(): "int",
    pl.Float64(): "double",
    pl.Boolean(): "boolean",
    pl.String(): "string",
    pl.Datetime("us"): "timestamp",
}


def make_prediction_tables(account: Account) -> None:
    """Make both tables without a row, as a build does."""
    columns = {name: f"{name} {TYPES[kind]}" for name, kind in PREDICTIONS.items()}
    run = columns["run"]
    tables = {
        "latest": f"({', '.join(columns.values())}) stored as parquet location 's3://{{}}none/'",
        "history": f"({', '.join(c for c in columns.values() if c != run)}) partitioned by ({run})"
        " stored as parquet location 's3://{}'",
    }
    glue = GlueTables(account.glue)
    glue.run("create database if not exists predictions", "default")
    for name, rest in tables.items():
        place = f"{account.settings.lake.bucket}/predictions/"
        glue.run(f"create external table predictions.{name} {rest.format(place)}", "default")
