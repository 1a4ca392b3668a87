"""Ids read as categories: numbered from 0, so that how a shop numbers them is no matter."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

CATEGORIES = ("prod_aisle_id", "prod_department_id")
"""Columns that hold ids and not amounts."""

CODE = pa.int32()


class CategoryCodes:
    """
    Numbers the ids in CATEGORIES from 0, in the order in which rows bring them.

    LightGBM reads a category as a 32-bit number. Numbered by their rows and not by their size, ids
    of any size, given in any order, make the same model.

    Parameters
    ----------
    known
        The ids of each column in the order of their codes, as `ids` gives them: other ids get no
        code, as if they were empty. None numbers every id that comes.

    Attributes
    ----------
    ids
        The ids of each column in the order of their codes.

    """

    def __init__(self, known: Mapping[str, list[int]] | None = None) -> None:
        self.ids: dict[str, list[int]] = {name: list(ids) for name, ids in (known or {}).items()}
        self._is_open = known is None

    def coded(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Replace ids by codes of the type CODE in those columns of CATEGORIES that are there."""
        for name in CATEGORIES:
            if name in rows.schema.names:
                index = rows.schema.get_field_index(name)
                rows = rows.set_column(index, name, self._codes(name, rows.column(index)))
        return rows

    def _codes(self, name: str, column: pa.Array) -> pa.Array:
        ids = self.ids.setdefault(name, [])
        if self._is_open:
            there = set(ids)
            ids += [one for one in pc.unique(column.drop_null()).to_pylist() if one not in there]
        return pc.index_in(column, value_set=pa.array(ids, column.type))
