"""How a table of results is kept: four decimals of what was measured.

Another seed moves a metric in its second or third digit; those behind the fourth, a hundredth of a
percent, are most of the bytes of a file, for no two are alike. Every table is rounded when it is
read, from runs or from a file, so that what is made of either is the same to the last digit; the
files of a run keep every digit. Recall by class, a list a round, is kept of a run's last round.

In a file what was measured is Parquet's decimal numbers, whole ones that say where the point is. No
two need be alike, so they are written without a dictionary and byte by byte: all first bytes, then
all second ones. A column is one page, since a compressor finds repetitions within a page only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PLACES = 4  # decimals
DIGITS = 18  # that a stored number may have, those of 64 bits
GIVEN = ["noise_rate", "cost"]  # shares and prices as they were configured, which repeat
LEVEL = 19  # of zstd: slow to write, as fast to read
PAGE = 2**26  # bytes, at most


def kept(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of rounds as it is kept; the same once more. O(numbers)."""
    last = frame["round"] == frame.groupby("id")["round"].transform("max")
    by_class = [
        np.round(recall, PLACES).tolist() if keep else []
        for recall, keep in zip(frame["recall"], last, strict=True)
    ]
    names = frame.select_dtypes("float").columns.difference(GIVEN)
    measured = {name: np.round(frame[name].to_numpy(), PLACES) for name in names}
    return frame.assign(**measured, recall=by_class)


def small(frame: pd.DataFrame) -> pa.Table:
    """A kept table as it is written."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    for number, field in enumerate(table.schema):
        if field.type == pa.float64() and field.name not in GIVEN:
            if np.isinf(frame[field.name]).any():  # for which decimals have no number
                continue
            short = table.column(number).cast(pa.decimal128(DIGITS, PLACES))
            table = table.set_column(number, field.name, short)
    return table


def large(table: pa.Table) -> pa.Table:
    """A stored table as it is computed with: all numbers that are not whole as doubles."""
    import pyarrow as pa

    for number, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) or field.type == pa.float32():
            table = table.set_column(number, field.name, table.column(number).cast(pa.float64()))
    return table


def options(table: pa.Table) -> dict[str, Any]:
    """How `pyarrow.parquet.write_table` is to write it."""
    import pyarrow as pa

    def path(field: pa.Field) -> str:
        return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)

    measured = [field.name for field in table.schema if pa.types.is_decimal(field.type)]
    return {
        "compression": "zstd",
        "compression_level": LEVEL,
        "use_dictionary": [path(f) for f in table.schema if f.name not in measured],
        "use_byte_stream_split": measured,
        "store_decimal_as_integer": True,
        "data_page_size": PAGE,
    }
