"""Ids of categories become codes that have nothing to do with their size."""

import pyarrow as pa

from ml.data.categories import CategoryCodes


def rows(*aisles: int | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "up_orders": pa.array(range(len(aisles)), pa.int64()),
            "prod_aisle_id": pa.array(aisles, pa.int64()),
        }
    )


def codes(batch: pa.RecordBatch) -> list[int | None]:
    found: list[int | None] = batch.column("prod_aisle_id").to_pylist()
    return found


def test_ids_are_numbered_as_blocks_of_rows_bring_them() -> None:
    numbering = CategoryCodes()
    largest = 2**63 - 1
    first = numbering.coded(rows(7_000_000_000, largest, None, 7_000_000_000))
    assert codes(first) == [0, 1, None, 0]
    assert codes(numbering.coded(rows(3, largest, largest - 1))) == [2, 1, 3]
    assert numbering.ids == {"prod_aisle_id": [7_000_000_000, largest, 3, largest - 1]}
    # what is no category stays as it is
    assert first.column("up_orders").to_pylist() == [0, 1, 2, 3]
    assert first.schema.names == ["up_orders", "prod_aisle_id"]


def test_a_models_own_codes_are_kept_and_other_ids_are_as_good_as_empty() -> None:
    known = {"prod_aisle_id": [50, 2**60]}
    numbering = CategoryCodes(known)
    assert codes(numbering.coded(rows(2**60, 51, 50, None))) == [1, None, 0, None]
    assert known == numbering.ids == {"prod_aisle_id": [50, 2**60]}
