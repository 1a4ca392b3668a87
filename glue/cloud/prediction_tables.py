"""The tables of predictions: a run's files become the latest, and a partition of the history."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import click
from botocore.exceptions import ClientError

from glue.raw.catalogue import table_input
from glue.settings import Settings
from ml.tasks.registry import TASKS
from ml.tasks.task import PUBLISHED
from ml.tools.aws import client, error_code


def publish_tables(settings: Settings, run_id: str, sha256: Mapping[str, str]) -> None:
    """
    Copy a run's predictions into the lake, then let the catalogue point at them.

    They go to a place of their own, named by the run and by what they hold, so that nothing that
    somebody reads is written over. A partition adds them to the history; one change of the table
    moves the latest of all tasks. Cut off at any point, the latest are those of before.

    Parameters
    ----------
    settings
        Where the run, the lake and the database are.
    run_id
        Name of the run.
    sha256
        Of each file of the run's predictions, by task and name.

    Raises
    ------
    click.ClickException
        If the run has no file for the tables, or the tables are not there.

    """
    files = {task.name: f"{task.name}/{PUBLISHED}" for task in TASKS if task.published}
    for task, file in files.items():
        if file not in sha256:
            raise click.ClickException(
                f"Run {run_id} has no {PUBLISHED} of {task}: nothing is published. Predict it"
                f" again: python -m glue start --from predict --run {run_id}"
            )
    glue, s3, database = client("glue"), client("s3"), settings.predictions_database
    tables = {name: _table(glue, database, name) for name in ("history", "latest")}
    held = json.dumps({file: sha256[file] for file in files.values()})
    version = hashlib.sha256(held.encode()).hexdigest()[:16]
    place = settings.lake.below("predictions").below(f"run={run_id}").below(version)
    run = settings.run(run_id)
    for task, file in files.items():
        source = {"Bucket": run.bucket, "Key": run.key(f"predictions/{file}")}
        s3.copy(source, place.bucket, place.key(f"{task}.parquet"))
    _set_partition(glue, tables["history"], run_id, str(place))
    tables["latest"]["StorageDescriptor"]["Location"] = str(place)
    # without an archived version of the table for every night
    glue.update_table(
        DatabaseName=database, TableInput=table_input(tables["latest"]), SkipArchive=True
    )
    click.echo(f"{database}.latest: {place}")


def _table(glue: Any, database: str, name: str) -> dict[str, Any]:  # noqa: ANN401
    try:
        table: dict[str, Any] = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
        raise click.ClickException(
            f"There is no table {database}.{name}, which a build makes: python -m glue start"
        ) from None
    return table


def _set_partition(glue: Any, table: dict[str, Any], run_id: str, place: str) -> None:  # noqa: ANN401
    where = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    storage = table["StorageDescriptor"] | {"Location": place}
    partition = {"Values": [run_id], "StorageDescriptor": storage}
    try:
        glue.create_partition(**where, PartitionInput=partition)
    except ClientError as error:
        if error_code(error) != "AlreadyExistsException":
            raise
        glue.update_partition(**where, PartitionValueList=[run_id], PartitionInput=partition)
