"""Labels, class names and people's answers from tables; classes are matched by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.hashing import FOLDER, data_path
from al_bench.core.state import ABSENT, Ints
from al_bench.data.datasets.check import refuse
from al_bench.data.types import People

NOBODY = (None, "", ABSENT)  # cells without an answer
KEYS = ("answers", "who", "missing")


def why_absent(name: str, *files: str) -> str | None:
    """Why the files of a data set are not on this machine, or None if they are."""
    for file in files:
        if not data_path(file).is_file():
            return f"{name}: there is no file {file}, neither in ${FOLDER} nor from here"
    return None


def absent_of(source: Any) -> str | None:
    """Why a source's data are not on this machine; None if they are, or it does not tell."""
    found: str | None = source.absent() if hasattr(source, "absent") else None
    return found


def open_parquet(name: str, file: str) -> tuple[Path, Any]:
    """The path of a parquet file and its table, in memory."""
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from pyarrow import parquet
    from pyarrow.lib import ArrowInvalid

    if why := why_absent(name, file):
        raise FileNotFoundError(why)
    path = data_path(file)
    try:
        return path, Dataset(InMemoryTable(parquet.read_table(path)))
    except (ArrowInvalid, OSError) as error:
        raise ValueError(f"{name}: {path} is no parquet file: {first_line(error)}") from error


def rows_where(where: str, table: Any, rows: Mapping[str, Sequence[Any]]) -> Any:
    """The rows of a table, in its order, whose columns have one of the allowed values."""
    keep = np.ones(len(table), dtype=bool)
    for column, values in rows.items():
        keep &= np.isin(np.array(table[column_of(where, table, column)][:]), list(values))
    if not keep.any():
        raise ValueError(f"{where} has no row where {dict(rows)}; wanted at least one")
    return table if keep.all() else table.select(np.flatnonzero(keep))


def first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def column_of(where: str, table: Any, *candidates: str) -> str:
    """The first candidate that the table has; ValueError that lists its columns if it has none."""
    for candidate in candidates:
        if candidate in table.column_names:
            return candidate
    raise ValueError(
        f"{where} has no column {candidates[0]!r}; its columns are {', '.join(table.column_names)}"
    )


def without_gaps(where: str, table: Any, column: str) -> list[Any]:
    """The values of a column; ValueError if it or one of them is missing."""
    values = list(table[column_of(where, table, column)][:])
    empty = [row for row, value in enumerate(values) if value in (None, "")]
    refuse(where, empty, lambda row: f"row {row} has no {column!r}", "one in every row")
    return values


def label_names(where: str, table: Any, label: str) -> list[str] | None:
    """The data's own class names in order of class number, or None if labels are only numbers."""
    feature = table.features[label]
    if hasattr(feature, "names"):  # a ClassLabel
        return list(feature.names)
    kind = str(getattr(feature, "dtype", feature))
    if "string" in kind:
        return sorted(set(without_gaps(where, table, label)))
    if "int" in kind:
        return None
    raise ValueError(f"{where}: column {label!r} holds {kind}, row 0 {table[label][0]!r}; wanted "
                     "class names or whole numbers")  # fmt: skip


def numbered(
    where: str,
    table: Any,
    column: str,
    own: Sequence[str] | None,
    n_classes: int,
    missing: bool = False,
) -> Ints:
    """(n,) class numbers, from numbers or the names `own`; `missing`: an empty cell is ABSENT."""
    values = list(table[column_of(where, table, column)][:])
    theirs = getattr(table.features[column], "names", None)
    if theirs and own and list(theirs) != list(own):
        values = [theirs[value] if value in range(len(theirs)) else value for value in values]
    number: dict[Any, int] = {name: c for c, name in enumerate(own or ())}
    number |= {c: c for c in range(n_classes)}
    number |= dict.fromkeys(NOBODY, ABSENT) if missing else {}
    unknown = [row for row, value in enumerate(values) if value not in number]
    wanted = f"a class of the training labels, by its number 0..{n_classes - 1}"
    wanted += f" or name ({', '.join(own[:5])}{' ...' * (len(own) > 5)})" if own else ""
    wanted += ", or nothing" * missing
    where = f"{where}: column {column!r}"
    refuse(where, unknown, lambda row: f"row {row} is {values[row]!r}", wanted)
    return np.array([number[value] for value in values], dtype=np.int64)


def class_words(
    where: str, own: Sequence[str] | None, given: Mapping[str, str] | Sequence[str] | None
) -> tuple[str, ...]:
    """The words for each class number, by the data's own names; a list only where labels are bare
    numbers: else its order need not be theirs."""
    if own is None:
        if given is None or isinstance(given, Mapping):
            raise ValueError(f"{where} holds bare numbers; wanted class_names as a list, in the "
                             "order of the numbers from 0 up")  # fmt: skip
        return tuple(given)
    if given is None:
        return tuple(own)
    if not isinstance(given, Mapping):
        raise ValueError(
            f"{where} names the classes ({', '.join(own[:5])} ...), so class_names must "
            "be null or a mapping from those names to words; a list could be in another order"
        )
    return tuple(given.get(name, name) for name in own)


def aliases(
    own: Sequence[str] | None, names: Sequence[str], given: Mapping[str, str] | Sequence[str] | None
) -> tuple[tuple[str, ...], ...]:
    """The other names of each class, in these data and in other editions that `given` contains."""
    pairs = list(zip(own or (), names, strict=False))
    pairs += list(given.items()) if isinstance(given, Mapping) else []
    return tuple(tuple({a: 0 for a, word in pairs if word == name}) for name in names)


def human_columns(
    where: str,
    table: Any,
    human: Mapping[str, str | Sequence[str]],
    own: Sequence[str] | None,
    n_classes: int,
) -> dict[str, NDArray[Any]]:
    """Human answers by name: (n,) labels or (n, k) votes; missing columns are left out."""
    columns: dict[str, NDArray[Any]] = {}
    for name, source in human.items():
        if isinstance(source, str):
            if source in table.column_names:
                columns[name] = numbered(where, table, source, own, n_classes)
        elif all(column in table.column_names for column in source):
            votes = [np.array(table[column][:], dtype=np.int64) for column in source]
            columns[name] = np.stack(votes, axis=1)
    return columns


def people_columns(
    where: str,
    table: Any,
    people: Mapping[str, Mapping[str, Any]],
    own: Sequence[str] | None,
    n_classes: int,
) -> dict[str, People]:
    """Tables of several people's answers, by name, each described by a mapping in the yaml.

    answers: columns of classes; who: ``place`` (the columns are first answers, second answers ...),
    ``column`` (each column is one person), or the column with the person of each answer; missing:
    whether a cell may be empty or -1."""
    return {name: read_people(f"{where}: answers {name!r}", table, of, own, n_classes)
            for name, of in people.items()}  # fmt: skip


def read_people(
    where: str, table: Any, of: Mapping[str, Any], own: Sequence[str] | None, n_classes: int
) -> People:
    if set(of) != set(KEYS) or not isinstance(of["missing"], bool) or not of["answers"]:
        raise ValueError(
            f"{where} are told of by {dict(of)}; wanted answers: a list of columns, who: place, "
            "column or a list of columns, missing: true or false"
        )
    columns, who = [str(column) for column in of["answers"]], of["who"]
    given = [numbered(where, table, c, own, n_classes, of["missing"]) for c in columns]
    answers = np.stack(given, axis=1)
    if isinstance(who, str):
        if who not in ("place", "column"):
            raise ValueError(f"{where} have who={who!r}; wanted place, column or a list of columns")
        return People(answers, tuple(columns) if who == "column" else ())
    if len(who) != len(columns):
        raise ValueError(f"{where} have {len(columns)} columns and {len(who)} that say who gave "
                         "them; wanted as many")  # fmt: skip
    return by_worker(where, answers, [worker_names(where, table, str(column)) for column in who])


def worker_names(where: str, table: Any, column: str) -> list[str]:
    """The person of each answer in a column, as text; empty without an answer."""
    values = table[column_of(where, table, column)][:]
    return ["" if value in NOBODY else str(value) for value in values]


def by_worker(where: str, answers: Ints, who: Sequence[Sequence[str]]) -> People:
    """(n, places) answers, by the (places, n) people who gave them, as one column per person."""
    named = np.array(who).T
    given = answers != ABSENT

    def says(cell: Ints) -> str:
        has = "an answer and not who gave it" if given[tuple(cell)] else "who and not an answer"
        return f"row {cell[0]} has {has} at place {cell[1]}"

    refuse(where, np.argwhere(given != (named != "")), says, "both or neither")
    names, number = np.unique(named[given], return_inverse=True)
    rows = np.nonzero(given)[0]
    pairs, counts = np.unique(np.stack([rows, number]), axis=1, return_counts=True)
    if np.any(counts > 1):
        row, person = pairs[:, np.argmax(counts > 1)]
        raise ValueError(f"{where}: {names[person]!s} answered row {row} more than once; wanted "
                         "one answer of each to a row")  # fmt: skip
    table = np.full((len(answers), len(names)), ABSENT, dtype=np.int64)
    table[rows, number] = answers[given]
    return People(table, tuple(map(str, names)))
