"""How a table of results is kept in a parquet file: every digit of a metric, seven of seconds.

A metric stays in double precision, so that tables made of the file are those made of the runs, to
the last digit: float32 would round ties another way. Seconds, which no two runs have in common, are
kept as float32 (a relative error of at most 6e-8); the files of a run keep all of theirs. Measured
values hardly repeat, so they are written without a dictionary, and a column is one page, for a
compressor finds repetitions within a page only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

SECONDS = "seconds_"
LEVEL = 19  # of zstd: slow to write, as fast to read
PAGE = 2**26  # bytes, at most


def small(table: pa.Table) -> pa.Table:
    """The table as it is written; of a table that was read it is what was written, to the bit."""
    import pyarrow as pa

    for number, name in enumerate(table.column_names):
        if name.startswith(SECONDS):
            table = table.set_column(number, name, table.column(number).cast(pa.float32()))
    return table


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

    def element(kind: pa.DataType) -> pa.DataType:
        return kind.value_type if pa.types.is_list(kind) else kind

    words = [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in table.schema
        if not pa.types.is_floating(element(field.type))
    ]
    return {
        "compression": "zstd",
        "compression_level": LEVEL,
        "use_dictionary": words,
        "data_page_size": PAGE,
    }
