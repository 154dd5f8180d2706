"""Embeddings that a user brings, and tables of class probabilities beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.labelling.rows import Arriving
from al_bench.labelling.tables import TABLES, column, columns_of
from al_bench.state import Floats

NAMES = ("id", "row_id")  # columns of a prior table that name its rows


def embedded_rows(path: Path) -> Arriving:
    """The rows of an .npz: ``features`` (n, d) and, if given, ``ids`` (n,) and ``prior`` (n, k).

    ValueError, in one sentence, where an array is not as it must be.
    """
    arrays = plain_arrays(path)
    if "features" not in arrays:
        raise ValueError(f"{path} has no features; it has {', '.join(arrays) or 'nothing'}")
    features = numbers(f"{path}: features", arrays["features"])
    names = prior = None
    if "ids" in arrays:
        names = names_of(f"{path}: ids", arrays["ids"], len(features))
    if "prior" in arrays:
        prior = distributions(f"{path}: prior", arrays["prior"], len(features), None)
    return Arriving(str(path), "features", names, features=features, prior=prior)


def prior_table(path: Path, classes: Sequence[str], names: Sequence[str]) -> Floats:
    """(n, k) float32 class probabilities of rows by their names, from a table made elsewhere.

    An .npz holds ``prior`` (n, k) in the order of the classes and, if given, ``ids`` (n,); a csv,
    parquet or jsonl has a column for each class and, if given, ``id``. Without ids its lines are in
    the order of the rows.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} of class probabilities")
    if path.suffix == ".npz":
        arrays = plain_arrays(path)
        if "prior" not in arrays:
            raise ValueError(f"{path} has no prior; it has {', '.join(arrays) or 'nothing'}")
        values, own = arrays["prior"], arrays.get("ids")
    elif path.suffix in TABLES:
        table = columns_of(path)
        try:
            lists = [np.asarray(column(str(path), table, c), dtype=np.float64) for c in classes]
        except (TypeError, ValueError) as error:
            if "has no column" in str(error):
                raise
            raise ValueError(f"{path}: a column of a class holds no numbers ({error})") from None
        values = np.stack(lists, axis=1)
        found = [table[name] for name in NAMES if name in table and name not in classes]
        own = np.array([str(one) for one in found[0]]) if found else None
    else:
        raise ValueError(f"{path} is no table of class probabilities; wanted {', '.join(TABLES)} "
                         "or .npz")  # fmt: skip
    lines = len(values) if own is not None else len(names)
    probs = distributions(f"{path}: prior", values, lines, len(classes))
    if own is None:
        return probs
    places = {name: line for line, name in enumerate(names_of(f"{path}: ids", own, lines))}
    missing = [name for name in names if name not in places]
    if missing:
        raise ValueError(f"{path} has no line for {len(missing)} of {len(names)} rows, first "
                         f"{missing[0]!r}")  # fmt: skip
    return probs[np.array([places[name] for name in names], dtype=np.int64)]


def plain_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # numpy raises OSError, ValueError, EOFError, BadZipFile, zlib's
        line = " ".join(str(error).split())
        raise ValueError(f"{path} is not an .npz of plain arrays: {line}") from error


def numbers(where: str, values: NDArray[Any]) -> Floats:
    """(n, d) finite float32, at least a row and a column."""
    if values.ndim != 2 or not values.size or values.dtype.kind not in "fiu":
        raise ValueError(
            f"{where} is {values.dtype} of shape {values.shape}; wanted (n, d) numbers"
        )
    with np.errstate(over="ignore"):
        found: Floats = values.astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(wrong):
        raise ValueError(f"{where}: row {wrong[0]} is not finite ({len(wrong)} such rows)")
    return found


def distributions(where: str, values: NDArray[Any], n: int, k: int | None) -> Floats:
    """(n, k) class probabilities, each row's sum one."""
    if values.ndim != 2 or len(values) != n or k not in (None, values.shape[1]):
        raise ValueError(f"{where} has shape {values.shape}; wanted ({n}, {k or 'classes'})")
    found = numbers(where, values)
    wrong = np.flatnonzero((found < 0).any(axis=1) | (abs(found.sum(axis=1) - 1) > 1e-3))
    if len(wrong):
        raise ValueError(
            f"{where}: row {wrong[0]} is no probabilities that sum to one ({len(wrong)} such rows)"
        )
    return found


def names_of(where: str, values: NDArray[Any], n: int) -> list[str]:
    """(n,) names of rows as texts."""
    if values.shape != (n,) or values.dtype.kind not in "iuU":
        raise ValueError(
            f"{where} are {values.dtype} of shape {values.shape}; wanted ({n},) whole numbers or "
            "texts"
        )
    return [str(value) for value in values.tolist()]
