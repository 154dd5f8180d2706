"""What components share: arithmetic of arrays, and what a parameter may be."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from al_bench.state import Floats, Ints


def unit(vectors: Floats) -> Floats:
    """(n, d) rows at length one, in float32; a zero row stays zero."""
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.float32(1e-12)))


def softmax(scores: Floats) -> Floats:
    """Probabilities along the last axis, in the scores' own precision; one copy is made."""
    odds = scores - scores.max(axis=-1, keepdims=True)
    np.exp(odds, out=odds)
    odds /= odds.sum(axis=-1, keepdims=True)
    return np.asarray(odds)


def log_softmax(scores: Floats) -> Floats:
    """Their logarithms; one copy is made, besides the odds."""
    logs = scores - scores.max(axis=-1, keepdims=True)
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
    """(m, k) certainties of these (m,) classes, float32."""
    return np.eye(n_classes, dtype=np.float32)[classes]


def uniform(n: int, k: int) -> Floats:
    """(n, k) equal probabilities, which say nothing."""
    return np.full((n, k), 1 / k, dtype=np.float32)


def require(fine: bool, who: object, wanted: str, **got: object) -> None:
    """ValueError that says who got what and what was wanted, unless that is fine.

    who: the component, or what a user calls it.
    """
    if not fine:
        name = who if isinstance(who, str) else type(who).__name__
        said = ", ".join(f"{parameter}={value!r}" for parameter, value in got.items())
        raise ValueError(f"{name} got {said}; wanted {wanted}")


def at_least(who: object, least: float, **got: float) -> None:
    """ValueError unless each of these numbers is this one or more."""
    require(all(value >= least for value in got.values()), who, f"{least} or more", **got)


def above(who: object, bar: float, **got: float) -> None:
    """ValueError unless each of these numbers is larger than this one."""
    require(all(value > bar for value in got.values()), who, f"more than {bar}", **got)


def fraction(who: object, **got: float) -> None:
    """ValueError unless each of these numbers is in 0..1, both included."""
    require(all(0 <= value <= 1 for value in got.values()), who, "0 to 1", **got)


def share(who: object, **got: float) -> None:
    """ValueError unless each of these numbers is a part: above 0, and at most 1."""
    require(all(0 < value <= 1 for value in got.values()), who, "more than 0 and at most 1", **got)


def one_of(who: object, words: Iterable[str], **got: object) -> None:
    """ValueError unless each of these is one of some words."""
    known = tuple(words)
    wanted = f"one of {', '.join(known)}"
    require(all(value in known for value in got.values()), who, wanted, **got)
