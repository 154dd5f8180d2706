"""A user's tables, column by column: csv, parquet, lines of JSON, Hugging Face data sets."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from al_bench.data.datasets.columns import first_line

Column: TypeAlias = Sequence[Any]
HUB = "hf://"
TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
TEXT_LIMIT = 1_000_000  # characters of a text: more is a mistake, such as a quote never closed
DELIMITERS = ",;\t|"
LISTED = 10  # mistakes that one message says
MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK": "a zip file", b"\x1f\x8b": "gzip"}


@dataclass(frozen=True)
class Table:
    """A table, column by column. lines: of each row in its file, or None: rows are numbered from 0;
    kept: of a part of a table, the numbers of its rows."""

    where: str
    columns: Mapping[str, Column]
    lines: Sequence[int] | None = None
    kept: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> Column:
        """One column; ValueError that lists the existing columns."""
        if name not in self.columns:
            shown = ", ".join(list(self.columns)[:20])
            raise ValueError(f"{self.where} has no column {name!r}; its columns are {shown}")
        return self.columns[name]

    def rows(self, kept: Sequence[int]) -> Table:
        columns = {name: [values[i] for i in kept] for name, values in self.columns.items()}
        lines = None if self.lines is None else [self.lines[row] for row in kept]
        return Table(self.where, columns, lines, kept)

    @property
    def places(self) -> list[str]:
        return list(map(self.place, range(len(self))))

    def place(self, row: int) -> str:
        if self.lines is not None:
            return f"line {self.lines[row]}"
        return f"row {row if self.kept is None else self.kept[row]}"


def frame_table(where: str, frame: Any) -> Table:
    return Table(where, {str(name): frame[name].tolist() for name in frame.columns})


def file_table(path: Path, encoding: str | None = None) -> Table:
    """A table in a file; cells of a csv are texts as they stand, "NA" too. encoding: of text, None
    for UTF-8. OSError or ValueError where the file is not what its suffix says."""
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise ValueError(f"{path} is empty; wanted a table with a header")
    for mark, name in MARKS.items() if encoding is None or path.suffix == ".parquet" else ():
        if start.startswith(mark):
            raise ValueError(f"{path} is {name}; wanted {path.suffix} in UTF-8, or its --encoding")
    if path.suffix == ".parquet":
        table = parquet_table(path)
    else:
        reader = json_table if path.suffix == ".jsonl" else csv_table
        table = reader(str(path), StringIO(decoded(path, encoding), newline=""))
    if not len(table):
        raise ValueError(f"{path} has no rows")
    return table


def decoded(path: Path, encoding: str | None) -> str:
    """A file's text; ValueError where its bytes are none in this encoding."""
    content = path.read_bytes()
    try:
        return content.decode(encoding or "utf-8-sig")
    except LookupError:
        wanted = "wanted one that Python knows, such as utf-8, cp1252 or utf-16"
        raise ValueError(f"no encoding is called {encoding!r}; {wanted}") from None
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        hint = "" if encoding else "; files of Excel often are cp1252: --encoding cp1252"
        raise ValueError(
            f"{path} is not {encoding or 'UTF-8'}: byte {content[error.start]:#x} in line {line:,}"
            f"{hint}"
        ) from error


def csv_table(where: str, file: StringIO) -> Table:
    """A csv with a header, whose delimiter is the one with which the header has most names.
    ValueError, with all wrong lines, for open quotes and too many cells; empty lines are skipped,
    missing cells empty."""
    csv.field_size_limit(2**31 - 1)
    head = file.readline()
    file.seek(0)
    delimiter = max(DELIMITERS, key=lambda one: len(next(csv.reader([head], delimiter=one), [])))
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines, wrong = [], []
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error:
            wrong.append(f'line {line} opens a quote that is not closed, or has a " that is not '
                         "written twice")  # fmt: skip
            continue
        if row is None:
            break
        while rows and len(row) > len(rows[0]) and not row[-1].strip():
            row.pop()
        if rows and len(row) > len(rows[0]):
            wrong.append(f"line {line} has {len(row)} cells, more cells than the header has names")
        elif row:
            rows.append(row)
            lines.append(line)
    if wrong:
        raise ValueError(f"{where} is no table: {listed(wrong)}")
    names = [name.strip() for name in rows[0]] if rows else []
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise ValueError(f"{where} has {names.count(twice[0])} columns called {twice[0]!r}")
    columns = zip(names, zip_longest(*[names, *rows[1:]], fillvalue=""), strict=True)
    return Table(where, {name: list(cells[1:]) for name, cells in columns}, lines[1:])


def listed(sentences: Sequence[str]) -> str:
    """Mistakes in words, the first ones of many."""
    more = f"; and {len(sentences) - LISTED:,} more" if len(sentences) > LISTED else ""
    return "; ".join(sentences[:LISTED]) + more


def parquet_table(path: Path) -> Table:
    from pyarrow import parquet
    from pyarrow.lib import ArrowException

    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        line = str(error).splitlines()[0]
        raise ValueError(f"{path} is no parquet file: {line}") from error
    return Table(str(path), {name: table[name].to_pylist() for name in table.column_names})


def json_table(where: str, file: StringIO) -> Table:
    found: list[dict[str, Any]] = []
    lines = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: line {number} is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"{where}: line {number} holds no object; wanted {{...}} a line")
        found.append(row)
        lines.append(number)
    names = dict.fromkeys(name for row in found for name in row)
    return Table(where, {name: [row.get(name) for row in found] for name in names}, lines)


def cell(value: Any) -> str | None:
    """A cell's text, None where it is empty."""
    if value is None or value != value:  # NaN
        return None
    return str(value).strip() or None


def dataset_table(source: str | Path, split: str) -> Table:
    """The columns of a split of a data set, of the hub (``hf://owner/name[@revision]``) or saved in
    a folder: classes by name, images encoded; ValueError where it cannot be read."""
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        table = load_split(source, split)
        for name, feature in table.features.items():
            if isinstance(feature, datasets.Image):
                table = table.cast_column(name, datasets.Image(decode=False))
    except (OSError, ValueError, KeyError, RuntimeError, DatasetsError) as error:
        cause = error.__cause__ or error
        raise ValueError(f"{source} cannot be read as a data set ({first_line(cause)})") from error
    columns: dict[str, Column] = {name: list(table[name][:]) for name in table.column_names}
    for name, feature in table.features.items():
        if classes := getattr(feature, "names", None):
            columns[name] = [None if c is None else classes[c] for c in columns[name]]
    return Table(str(source), columns)


def load_split(source: str | Path, split: str) -> Any:
    import datasets

    if isinstance(source, str):
        name, _, revision = source.removeprefix(HUB).partition("@")
        if not name:
            raise ValueError(f"it names no data set; wanted {HUB}owner/name")
        return datasets.load_dataset(name, split=split, revision=revision or None)
    if (source / "dataset_dict.json").is_file():
        return datasets.load_from_disk(str(source))[split]
    if (source / "state.json").is_file():
        return datasets.load_from_disk(str(source))
    return datasets.load_dataset(str(source), split=split)
