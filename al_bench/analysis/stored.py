"""What a parquet file of results keeps of a table, and how: as small as what is read of it allows.

Measured values are kept as float32: 24 bits, a relative error of at most 6e-8 where tables show
three or four digits. Seconds, which no two runs have in common, are rounded to 11 of these bits
(at most 0.05 %). Names, counts, rates and costs are kept as they are. The files of a run itself,
its manifest and rounds.jsonl, keep every digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

EXACT = ("noise_rate", "cost")  # numbers that settings and tariffs say: nothing measured
SECONDS = "seconds_"
BITS = 11
LEVEL = 19  # of zstd: slow to write, as fast to read


def small(table: pa.Table) -> pa.Table:
    """The table as it is written; of a table that was read it is what was written, to the bit."""
    import pyarrow as pa

    table = as_type(table, pa.float64(), pa.float32())
    for number, name in enumerate(table.column_names):
        if name.startswith(SECONDS) and pa.types.is_float32(table.schema.field(number).type):
            values = table.column(number).to_numpy()
            rounded = pa.array(few_bits(values), pa.float32(), from_pandas=True)
            table = table.set_column(number, name, rounded)
    return table


def large(table: pa.Table) -> pa.Table:
    """A stored table as it is computed with: measured values as doubles, in which means are taken.

    Files of other versions, which have doubles, are left as they are.
    """
    import pyarrow as pa

    return as_type(table, pa.float32(), pa.float64())


def as_type(table: pa.Table, old: pa.DataType, new: pa.DataType) -> pa.Table:
    """The table with measured values, and lists of them, of one type as another."""
    import pyarrow as pa

    for number, field in enumerate(table.schema):
        if element(field.type) == old and field.name not in EXACT:
            kind = pa.list_(new) if pa.types.is_list(field.type) else new
            table = table.set_column(number, field.name, table.column(number).cast(kind))
    return table


def element(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values, or of what is in its lists."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_list(kind) else kind


def few_bits(values: Any) -> Any:
    """(n,) float32 numbers, each the nearest of so few bits; what is none stays none."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 2**BITS) / 2**BITS, exponent).astype(np.float32)


def as_kept(values: Any) -> Any:
    """Numbers in the precision of a file; all else as it is. Of a list its elements."""
    array = np.asarray(values)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def options(table: pa.Table) -> dict[str, Any]:
    """How `pyarrow.parquet.write_table` is to write it.

    Measured values hardly repeat, so they go without a dictionary; a column is one page, for a
    compressor finds repetitions within a page only.
    """
    import pyarrow as pa

    words = [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in table.schema
        if element(field.type) != pa.float32()
    ]
    return {
        "compression": "zstd",
        "compression_level": LEVEL,
        "use_dictionary": words,
        "data_page_size": 2**26,  # bytes
    }
