"""The same input gives the same bytes, and a number's text reads back to the same bits."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ml.lake.export import EXPORTED
from tests.python.dbt_project.data_comparison import read_text_cells
from tests.python.dbt_project.shop_builds import (
    build_once,
    contract_columns,
    write_sample_shop,
)
from tests.python.dbt_runs import (
    BUILD_UNTESTED,
    Workspace,
    dbt,
    export,
    make_workspace,
    query,
)

# more lines than the 122,880 that DuckDB gives to one thread
USERS = 1_500
ENOUGH_LINES = 130_000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build a shop large enough for several threads, with a single one."""

    def build(folder: Path) -> Workspace:
        raw = write_sample_shop(folder / "raw", USERS)
        return build_with_threads(folder / "workspace", raw, threads=1)

    return build_once(tmp_path_factory, "one-thread", build)


def test_neither_threads_nor_a_second_export_change_a_byte(
    built: Workspace, tmp_path: Path
) -> None:
    names = ("data.csv", "contract.json", *(f"{table}.parquet" for table in EXPORTED))
    first = {name: (built.lake / name).read_bytes() for name in names}
    assert first["data.csv"].count(b"\n") > ENOUGH_LINES
    others = build_with_threads(tmp_path / "workspace", built.raw, threads=4)
    for _ in range(2):
        for name in names:
            assert (others.lake / name).read_bytes() == first[name], name
        export(others)


@pytest.mark.parametrize(
    ("kind", "columns", "number"), [("double", 3, np.float64), ("real", 45, np.float32)]
)
def test_numbers_are_written_in_shortest_form_and_exactly(
    built: Workspace, kind: str, columns: int, number: type[np.floating[Any]]
) -> None:
    names = [column["name"] for column in contract_columns(built) if column["type"] == kind]
    rows = f"select {', '.join(names)} from candidates order by orders_back, user_id, product_id"
    stored = pl.DataFrame(query(built, rows), names, orient="row")
    written = read_text_cells(built.data)
    assert len(names) == columns
    for name in names:
        cells = pl.DataFrame({"text": written[name], "value": stored[name]}).unique()
        assert cells["text"].is_null().equals(cells["value"].is_null())
        for text, value in cells.drop_nulls().iter_rows():
            assert number(text) == number(value)
            # numpy writes the fewest digits that read back to the same bits; the power of ten may
            # be written either way
            shortest = Decimal(str(number(value)))
            assert Decimal(text) == shortest
            assert len(Decimal(text).as_tuple().digits) <= len(shortest.as_tuple().digits)


def build_with_threads(folder: Path, raw: Path, threads: int) -> Workspace:
    """Build and export with so many threads of dbt and so many of DuckDB."""
    workspace = make_workspace(folder, raw)
    profiles = workspace.profiles / "profiles.yml"
    text, place = profiles.read_text(encoding="utf-8"), "      config_options:\n"
    assert text.count(place) == 1
    profiles.write_text(text.replace(place, f"{place}        threads: {threads}\n"))
    dbt(workspace, *BUILD_UNTESTED, "--threads", str(threads), variables={"windows": 2})
    export(workspace)
    return workspace
