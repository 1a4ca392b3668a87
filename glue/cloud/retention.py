"""Which runs stay: the live one and the last ones, whatever their age; the others expire."""

from datetime import datetime
from typing import Any

from ml.tools.s3 import Location

KEPT_RUNS = 7  # that passed the gate, the newest ones; the live run stays besides
OLD = {"Key": "next-basket", "Value": "old"}  # what the rule old-runs of the template looks for


def tag_old_runs(s3: Any, artifacts: Location, live: str) -> list[str]:  # noqa: ANN401
    """
    Tag every object of the runs that may go, and take the tag from the live run.

    A run that has no predictions did not pass the gate and is no way back, so it is not among the
    last ones. Runs that were written to within a day are left alone: one may be under way.

    Parameters
    ----------
    s3
        Client of S3.
    artifacts
        Where the runs lie, below `runs/`.
    live
        Name of the live run.

    Returns
    -------
    list of str
        The runs that were tagged, newest first.

    """
    runs = _runs(s3, artifacts.below("runs"))
    if not runs:
        return []
    newest_first = sorted(runs, key=lambda run: _written_at(runs[run]), reverse=True)
    last = [run for run in newest_first if any("/predictions/" in key for key, _ in runs[run])]
    kept = {live, *last[:KEPT_RUNS]}
    now = max(_written_at(objects) for objects in runs.values())
    old = [
        run
        for run in newest_first
        if run not in kept and (now - _written_at(runs[run])).total_seconds() > 24 * 3600
    ]
    for key, _ in runs.get(live, []):
        s3.delete_object_tagging(Bucket=artifacts.bucket, Key=key)
    for run in old:
        for key, _ in runs[run]:
            s3.put_object_tagging(Bucket=artifacts.bucket, Key=key, Tagging={"TagSet": [OLD]})
    return old


def _runs(s3: Any, place: Location) -> dict[str, list[tuple[str, datetime]]]:  # noqa: ANN401
    """Give the objects of each run: key and time of the last change."""
    runs: dict[str, list[tuple[str, datetime]]] = {}
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    for page in pages:
        for found in page.get("Contents", []):
            run = found["Key"].removeprefix(place.prefix).partition("/")[0]
            runs.setdefault(run, []).append((found["Key"], found["LastModified"]))
    return runs


def _written_at(objects: list[tuple[str, datetime]]) -> datetime:
    return max(changed for _, changed in objects)
