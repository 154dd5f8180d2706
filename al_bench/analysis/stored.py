"""How a table of results is kept: five digits of what was measured, three of seconds.

Another seed moves a metric in its second or third digit; those behind the fifth are most of the
bytes of a file, for no two are alike. Every table is rounded when it is read, from runs or from a
file, so that what is made of either is the same to the last digit; the files of a run keep every
digit. Recall by class, a list a round, is kept of a run's last round.

In a file a number has as many binary digits as its decimal ones need, and zeros after them, which
cost nothing. Measured values hardly repeat, so they are written without a dictionary, and byte by
byte where many differ: all first bytes, then all second ones. A column is one page, since a
compressor finds repetitions within a page only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from al_bench.state import Floats

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SECONDS = "seconds_"
DIGITS, DIGITS_OF_SECONDS = 5, 3  # decimal, from the first that is not zero
BITS, BITS_OF_SECONDS = 18, 11  # binary ones, from which these can be told
GIVEN = ["noise_rate", "cost"]  # counts and sums of prices, which repeat
LEVEL = 19  # of zstd: slow to write, as fast to read
PAGE = 2**26  # bytes, at most
MANY = 0.2  # of a column's values that differ, above which they are written byte by byte

Rounding: TypeAlias = Callable[[Floats, int], Floats]


def kept(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of rounds as it is kept; the same once more. O(numbers)."""
    last = frame["round"] == frame.groupby("id")["round"].transform("max")
    by_class = [recall if keep else [] for recall, keep in zip(frame["recall"], last, strict=True)]
    return measured(frame, decimal, DIGITS, DIGITS_OF_SECONDS).assign(recall=by_class)


def small(frame: pd.DataFrame) -> pa.Table:
    """A kept table as it is written; of one that was read it is what was written, to the bit."""
    import pyarrow as pa

    shorter = measured(frame, binary, BITS, BITS_OF_SECONDS)
    table = pa.Table.from_pandas(shorter, preserve_index=False)
    for number, name in enumerate(table.column_names):
        if name.startswith(SECONDS):
            table = table.set_column(number, name, table.column(number).cast(pa.float32()))
    return table


def measured(frame: pd.DataFrame, to: Rounding, digits: int, of_seconds: int) -> pd.DataFrame:
    """The table with what was measured rounded to so many digits."""
    names = frame.select_dtypes("float").columns.difference(GIVEN)
    return frame.assign(**{
        name: to(frame[name].to_numpy(), of_seconds if name.startswith(SECONDS) else digits)
        for name in names
    })  # fmt: skip


def decimal(values: Floats, digits: int) -> Floats:
    """(n,) numbers with so many decimal digits, from the first that is not zero."""
    sizes = np.abs(np.where(np.isfinite(values) & (values != 0), values, 1.0))
    places = digits - 1 - np.floor(np.log10(sizes))
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    return np.asarray(np.round(values * up / down) / up * down)


def binary(values: Floats, digits: int) -> Floats:
    """(n,) numbers with so many binary digits, from the first that is not zero."""
    fractions, powers = np.frexp(values)
    return np.asarray(np.ldexp(np.round(fractions * 2.0**digits), powers - digits))


def large(table: pa.Table) -> pa.Table:
    """A stored table as it is computed with: all numbers that are not whole as doubles."""
    import pyarrow as pa

    for number, field in enumerate(table.schema):
        if field.type == pa.float32():
            table = table.set_column(number, field.name, table.column(number).cast(pa.float64()))
    return table


def options(table: pa.Table) -> dict[str, Any]:
    """How `pyarrow.parquet.write_table` is to write it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def element(kind: pa.DataType) -> pa.DataType:
        return kind.value_type if pa.types.is_list(kind) else kind

    words = [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in table.schema
        if not pa.types.is_floating(element(field.type))
    ]
    split = [
        field.name
        for field in table.schema
        if pa.types.is_floating(field.type)
        and pc.count_distinct(table[field.name]).as_py() > MANY * len(table)
    ]
    return {
        "compression": "zstd",
        "compression_level": LEVEL,
        "use_dictionary": words,
        "use_byte_stream_split": split,
        "data_page_size": PAGE,
    }
