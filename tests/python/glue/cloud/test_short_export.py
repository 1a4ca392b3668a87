"""The Spark job vouches for no short data.csv: its contract is missing, so nothing is read."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from glue.cloud.stack import FOLDER


class Rows:
    """A table of some rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def count(self) -> int:
        """Count the rows."""
        return self.rows

    def __getattr__(self, _name: str) -> Any:  # noqa: ANN401
        """Give the same rows, whatever is asked of them."""
        return lambda *_given, **_named: self


class Session:
    """A Spark session whose data.csv has another number of rows than candidates."""

    def __init__(self, candidates: int, written: int) -> None:
        self._candidates, self._written = candidates, written
        self.read = self

    def table(self, _name: str) -> Rows:
        """Give a table."""
        return Rows(self._candidates)

    def csv(self, _path: str, *, header: bool) -> Rows:
        """Read what was written."""
        assert header
        return Rows(self._written)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """Load the job without pyspark; what writes files notes their names."""
    spark = ModuleType("pyspark.sql")
    vars(spark).update(DataFrame=object, SparkSession=object)
    monkeypatch.setitem(sys.modules, "pyspark", ModuleType("pyspark"))
    monkeypatch.setitem(sys.modules, "pyspark.sql", spark)
    specification = importlib.util.spec_from_file_location("job", FOLDER / "export_job.py")
    assert specification
    assert specification.loader
    module: Any = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.written = []
    module._one_file = lambda _spark, _rows, _kind, path: module.written.append(Path(path).name)  # noqa: SLF001
    module._delete = lambda _spark, path: module.written.append(f"no {Path(path).name}")  # noqa: SLF001
    module._write_text = lambda _spark, _text, path: module.written.append(Path(path).name)  # noqa: SLF001
    module._is_live = lambda _spark: True  # noqa: SLF001
    module._last_window = lambda _spark: 1  # noqa: SLF001
    return module


PLAN = {"columns": [{"name": "user_id"}], "hash": "x", "tables": {"products": ["product_id"]}}


def test_short_data_csv_ends_the_job_without_a_contract(job: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=r"data\.csv got 9 of the 10 rows of candidates"):
        job.export(Session(10, 9), PLAN, "s3://shop-artifacts/runs/1/export")
    assert "contract.json" not in job.written


def test_contract_of_an_earlier_attempt_goes_first_and_is_written_last(job: Any) -> None:  # noqa: ANN401
    job.export(Session(10, 10), PLAN, "s3://shop-artifacts/runs/1/export")
    assert job.written == ["no contract.json", "data.csv", "products.parquet", "contract.json"]
