"""The shop and the runs that these tests share."""

from tests.python.ml.task_runs import built, data, discovery_run, next_run

__all__ = ["built", "data", "discovery_run", "next_run"]
