"""Shared helpers: arithmetic of arrays, and checks of arrays and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

SHORT = 64  # columns up to which `row_max` is faster than NumPy


def unit(vectors: Floats) -> Floats:
    """(n, d) rows scaled to length one, in float32; a zero row stays zero."""
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.float32(1e-12)))


def row_max(values: Floats) -> Floats:
    """(..., 1) the largest values along the last axis; NumPy is slow at short rows, so these are
    turned. Makes one copy."""
    if values.shape[-1] > SHORT:
        return np.asarray(values.max(axis=-1, keepdims=True))
    turned = np.ascontiguousarray(values.reshape(-1, values.shape[-1]).T)
    return np.asarray(turned.max(axis=0).reshape(*values.shape[:-1], 1))


def softmax(scores: Floats) -> Floats:
    """Probabilities along the last axis, in the scores' precision; makes two copies."""
    odds = scores - row_max(scores)
    np.exp(odds, out=odds)
    odds /= odds.sum(axis=-1, keepdims=True)
    return np.asarray(odds)


def log_softmax(scores: Floats) -> Floats:
    """Logarithm of `softmax`; makes three copies."""
    logs = scores - row_max(scores)
    logs -= np.log(np.exp(logs).sum(axis=-1, keepdims=True))
    return np.asarray(logs)


def entropy(probs: Floats) -> Floats:
    """Entropy along the last axis in nats; zeros count as zero."""
    logs = np.maximum(probs, 1e-30)
    np.log(logs, out=logs)
    return np.asarray(-np.einsum("...k,...k->...", probs, logs))


def margin(probs: Floats) -> Floats:
    """(n,) largest minus second-largest probability of each row."""
    two = np.partition(probs, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])


def one_hot(classes: Ints, n_classes: int) -> Floats:
    """(m, k) one-hot vectors of these (m,) classes, float32."""
    return np.eye(n_classes, dtype=np.float32)[classes]


def uniform(n: int, k: int) -> Floats:
    """(n, k) uniform probabilities, float32."""
    return np.full((n, k), 1 / k, dtype=np.float32)


def whole_numbers(name: str, values: Any, dimensions: int = 1) -> Ints:
    """The values as a non-empty integer array of this many dimensions; else ValueError."""
    found = np.asarray(values)
    if found.ndim != dimensions or not len(found) or found.dtype.kind not in "iu":
        shape = "(n,)" if dimensions == 1 else "(n, a)"
        raise ValueError(
            f"{name} is {found.dtype} of shape {found.shape}; wanted {shape} whole numbers"
        )
    return found.astype(np.int64)


def matrix(name: str, values: Any, rows: int | None = None, columns: int | None = None) -> Floats:
    """Values as a finite float32 (rows, columns) array; else ValueError. None: any size >= 1."""
    found = np.asarray(values)
    fits = found.ndim == 2 and rows in (None, len(found)) and columns in (None, found.shape[1])
    if not fits or not (found.size or rows == 0) or found.dtype.kind not in "fiub":
        wanted = f"({'n' if rows is None else rows}, {columns or 'd'})"
        raise ValueError(f"{name} is {found.dtype} of shape {found.shape}; wanted {wanted} numbers")
    with np.errstate(over="ignore"):
        stored: Floats = found.astype(np.float32, copy=False)
    wrong = np.flatnonzero(~np.isfinite(stored).all(axis=1))
    if len(wrong):
        raise ValueError(f"{name}: row {wrong[0]} is not finite ({len(wrong)} such rows)")
    return stored


def distributions(name: str, values: Any, rows: int, columns: int | None) -> Floats:
    """A `matrix` of probabilities, whose rows sum to one; else ValueError."""
    probs = matrix(name, values, rows, columns)
    total = probs.sum(axis=1)
    wrong = np.flatnonzero((probs < 0).any(axis=1) | (abs(total - 1) > 1e-3))
    if len(wrong):
        raise ValueError(
            f"{name}: row {wrong[0]} is no probabilities: it sums to {total[wrong[0]]:.4g} or has "
            f"a negative entry ({len(wrong)} such rows)"
        )
    return probs


def check_every_class(where: str, labels: Ints, class_names: Sequence[str]) -> None:
    """ValueError that names the first class without a row, if there is one."""
    missing = np.flatnonzero(np.bincount(labels, minlength=len(class_names)) == 0)
    if len(missing):
        raise ValueError(
            f"{where} has no row of class {class_names[missing[0]]!r} ({len(missing)} of "
            f"{len(class_names)} classes have none)"
        )


def require(fine: bool, who: object, wanted: str, **got: object) -> None:
    """ValueError with who (a component, or its name) got what and what was wanted, unless
    `fine`."""
    if not fine:
        name = who if isinstance(who, str) else type(who).__name__
        values = ", ".join(f"{parameter}={value!r}" for parameter, value in got.items())
        raise ValueError(f"{name} got {values}; wanted {wanted}")


def at_least(who: object, least: float, **got: float) -> None:
    require(all(value >= least for value in got.values()), who, f"{least} or more", **got)


def above(who: object, bar: float, **got: float) -> None:
    require(all(value > bar for value in got.values()), who, f"more than {bar}", **got)


def fraction(who: object, **got: float) -> None:
    """ValueError unless each of these numbers is in 0..1, both included."""
    require(all(0 <= value <= 1 for value in got.values()), who, "0 to 1", **got)


def share(who: object, **got: float) -> None:
    """ValueError unless each of these numbers is above 0 and at most 1."""
    require(all(0 < value <= 1 for value in got.values()), who, "more than 0 and at most 1", **got)


def one_of(who: object, words: Iterable[str], **got: object) -> None:
    known = tuple(words)
    wanted = f"one of {', '.join(known)}"
    require(all(value in known for value in got.values()), who, wanted, **got)
