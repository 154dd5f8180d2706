"""Label noise: ``answers(truth, rng)`` makes an annotator's answers to the whole pool before a run.
So a row queried twice gets the same answer, and with one seed all strategies have the same errors.
All are vectorised over the pool: at most O(n k)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import at_least, require
from al_bench.core.hashing import hashed
from al_bench.core.state import Floats, Ints
from al_bench.data.types import Truth

KEPT = 32  # number of most recent pools whose probabilities a process keeps
MOST_BYTES = 2**22  # largest array that is kept for a pool, so 128 MiB in all


class Clean:
    """The true class, always.

    >>> answers = Clean().answers(truth, rng)
    """

    title = "no label noise"

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        return truth.labels.copy()


@dataclass(frozen=True)
class Symmetric:
    """With probability `rate` a uniformly drawn wrong class (Natarajan et al., 2013).

    With a long tail this changes the observed class fractions: a rare class gets wrong labels from
    every large class.

        >>> answers = Symmetric(rate=0.3).answers(truth, rng)

    Parameters
    ----------
    rate : fraction of wrong answers, in [0, 1)
    """

    title = "{rate} % label noise"
    rate: float = 0.2

    def __post_init__(self) -> None:
        check_rate("symmetric", self.rate)

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        flipped = rng.random(len(truth.labels)) < self.rate
        shift = rng.integers(1, truth.n_classes, size=len(truth.labels))
        return np.where(flipped, (truth.labels + shift) % truth.n_classes, truth.labels)


@dataclass(frozen=True)
class PairFlip:
    """With probability `rate` the next class, cyclically (Han et al., 2018).

        >>> answers = PairFlip(rate=0.3).answers(truth, rng)

    Parameters
    ----------
    rate : fraction of wrong answers, in [0, 1)
    """

    title = "{rate} % label noise, pair flips"
    rate: float = 0.2

    def __post_init__(self) -> None:
        check_rate("pair-flip", self.rate)

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        flipped = rng.random(len(truth.labels)) < self.rate
        return np.where(flipped, (truth.labels + 1) % truth.n_classes, truth.labels)


class Confusion:
    """Answers drawn from a confusion matrix (Dawid and Skene, 1979).

        >>> answers = Confusion(np.full((4, 4), 0.25)).answers(truth, rng)

    Parameters
    ----------
    matrix : k rows of k probabilities; row t has the probabilities of answers if the true class is
        t, so each row sums to one
    """

    def __init__(self, matrix: Sequence[Sequence[float]]) -> None:
        rows = [list(row) for row in matrix]
        k = len(rows)
        if k < 2 or any(len(row) != k for row in rows):
            raise ValueError(
                f"confusion noise has rows of {[len(row) for row in rows]} entries; wanted a "
                "square matrix of at least 2 classes"
            )
        self.matrix = np.array(rows, dtype=np.float64)
        sums = self.matrix.sum(axis=1)
        wrong = np.flatnonzero((abs(sums - 1) > 1e-6) | (self.matrix < 0).any(axis=1))
        if len(wrong):
            raise ValueError(
                f"confusion noise: row {wrong[0]} is {rows[wrong[0]]}; wanted probabilities of the "
                f"answers where the true class is {wrong[0]}, summing to one"
            )

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        if len(self.matrix) != truth.n_classes:
            raise ValueError(
                f"confusion noise has {len(self.matrix)} classes; the problem has {truth.n_classes}"
            )
        return drawn_classes(self.matrix[truth.labels], rng)


@dataclass(frozen=True)
class FeatureDependent:
    """Hard rows are mislabelled more often, as a class that they resemble (after Xia et al., 2020).

    A reference model (linear discriminant analysis on the features, cross-fitted in `folds` parts,
    so never trained on the row itself) gives probabilities p. A row's answer is wrong with
    probability proportional to 1 - p_true, clipped at one; the mean of these probabilities is
    `rate`. A wrong answer is drawn from p over the wrong classes.

        >>> answers = FeatureDependent(rate=0.3).answers(truth, rng)

    Parameters
    ----------
    rate : mean fraction of wrong answers, in [0, 1)
    folds : parts of the pool, each predicted by a model fitted on the others; 2 or more
    """

    title = "{rate} % label noise, feature-dependent"
    rate: float = 0.2
    folds: int = 5

    def __post_init__(self) -> None:
        at_least(self, 2, folds=self.folds)
        check_rate("feature-dependent", self.rate)

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        return misread(truth, reference_held_out(truth, self.folds, rng), self.rate, rng)


def misread(truth: Truth, probs: Floats, rate: float, rng: np.random.Generator) -> Ints:
    """(n,) answers that are wrong with probability proportional to 1 - p_true, `rate` on average; a
    wrong answer is drawn from probs, (n, k), over the wrong classes."""
    n, rows = len(truth.labels), np.arange(len(truth.labels))
    flipped = rng.random(n) < flip_chances(1 - probs[rows, truth.labels], rate)
    wrong = probs + 1e-9  # if the model is sure, wrong classes are equally likely
    wrong[rows, truth.labels] = 0
    return np.where(flipped, drawn_classes(wrong, rng), truth.labels)


class Uniform:
    """A uniformly drawn class, independent of the row: a spammer.

    >>> answers = Uniform().answers(truth, rng)
    """

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        return rng.integers(0, truth.n_classes, size=len(truth.labels))


class Largest:
    """The largest class of the pool for every row: a spammer who is often right.

    >>> answers = Largest().answers(truth, rng)
    """

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        counts = np.bincount(truth.labels, minlength=truth.n_classes)
        return np.full(len(truth.labels), counts.argmax())


@dataclass(frozen=True)
class Human:
    """One human's answers: a column of recorded labels, such as CIFAR-10N's (Wei et al., 2022).

        >>> answers = Human().answers(truth, rng)

    Parameters
    ----------
    column : of the data set's human columns, (n,) labels; cifar10 has aggregate, random1 and worst
    """

    title = "people's answers ({column})"
    column: str = "worst"

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        labels = human_column("human noise", truth, self.column)
        if labels.ndim != 1 or np.any((labels < 0) | (labels >= truth.n_classes)):
            raise ValueError(
                f"human noise: column {self.column!r} has shape {labels.shape} and values "
                f"{labels.min()}..{labels.max()}; wanted one label 0..{truth.n_classes - 1} a row"
            )
        return labels.astype(np.int64)


@dataclass(frozen=True)
class Votes:
    """The answer of one of several raters: drawn per row in proportion to the votes for each class.

        >>> answers = Votes().answers(truth, rng)

    Parameters
    ----------
    column : of the data set's human columns, (n, k) votes
    """

    title = "one rater's answer"
    column: str = "votes"

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        votes = votes_of("votes noise", truth, self.column)
        if not np.all(votes.sum(axis=1) > 0):
            row = int(np.flatnonzero(votes.sum(axis=1) <= 0)[0])
            raise ValueError(f"votes noise: row {row} of column {self.column!r} has no vote")
        return drawn_classes(votes, rng)


def realised(truth: Ints, answers: Ints, n_classes: int) -> tuple[float, Floats]:
    """The fraction of wrong answers: overall, and (k,) by true class, NaN without rows."""
    counts = np.bincount(truth, minlength=n_classes)
    wrong = np.bincount(truth[truth != answers], minlength=n_classes)
    rates = np.full(n_classes, np.nan)
    np.divide(wrong, counts, out=rates, where=counts > 0)
    return float(wrong.sum() / max(counts.sum(), 1)), rates


def check_rate(name: str, rate: float) -> None:
    require(0 <= rate < 1, f"{name} noise", "0 or more and under 1", rate=rate)


def human_column(name: str, truth: Truth, column: str) -> NDArray[np.int64]:
    """A human column of the pool; ValueError that names the columns there are."""
    if column not in truth.columns:
        have = ", ".join(truth.columns) or "none"
        raise ValueError(f"{name}: the data set has no human column {column!r}; it has {have}")
    return truth.columns[column]


def votes_of(name: str, truth: Truth, column: str) -> NDArray[np.int64]:
    """(n, k) votes of the pool; ValueError if the column does not hold votes."""
    votes = human_column(name, truth, column)
    if votes.shape != (len(truth.labels), truth.n_classes) or np.any(votes < 0):
        raise ValueError(f"{name}: column {column!r} has shape {votes.shape}; wanted counts of "
                         f"{truth.n_classes} classes a row, none negative")  # fmt: skip
    return votes


def drawn_classes(weights: NDArray[np.floating | np.integer], rng: np.random.Generator) -> Ints:
    """(n,) one class per row, drawn in proportion to the (n, k) non-negative weights."""
    heights = np.cumsum(weights, axis=1, dtype=np.float64)
    total = heights[:, -1]
    aim = np.minimum(rng.random(len(weights)) * total, np.nextafter(total, 0))  # below the total
    return np.asarray((heights <= aim[:, None]).sum(axis=1))


def flip_chances(difficulty: Floats, rate: float) -> Floats:
    """(n,) min(1, s * difficulty) with s such that the mean is `rate`, found exactly."""
    if rate == 0:
        return np.zeros(len(difficulty))
    hard = np.maximum(np.asarray(difficulty, dtype=np.float64), 1e-6)
    falling = np.sort(hard)[::-1]
    rest = np.cumsum(falling[::-1])[::-1]  # sum of the rows from here on
    cut = np.arange(len(hard))  # number of earlier rows, which are clipped at one
    scale = (rate * len(hard) - cut) / rest
    first = int(np.argmax(scale * falling <= 1 + 1e-12))  # the first row that is not clipped
    return np.asarray(np.minimum(1.0, scale[first] * hard))


def reference_held_out(truth: Truth, folds: int, rng: np.random.Generator) -> Floats:
    """(n, k) class probabilities of each row by a model fitted on the other folds; cached."""
    n = len(truth.labels)
    if n < folds:
        raise ValueError(f"feature-dependent noise needs {folds} rows at least; the pool has {n}")
    fold = rng.permutation(np.arange(n) % folds)
    place = place_of(hashed(truth.labels, truth.features, fold).hexdigest(), truth.n_classes)
    if place:
        return place[0]
    probs = reference_model(truth, fold)
    probs.flags.writeable = False
    if probs.nbytes <= MOST_BYTES:
        place.append(probs)
    return probs


@lru_cache(maxsize=KEPT)
def place_of(content: str, n_classes: int) -> list[Floats]:
    """The list that holds the cached probabilities of a pool; the pool itself is not kept."""
    return []


def reference_model(truth: Truth, fold: Ints) -> Floats:
    """(n, k) probabilities by linear discriminant analysis fitted on other folds; fold: (n,)."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    probs = np.zeros((len(fold), truth.n_classes))
    for number in np.unique(fold):
        inside, outside = fold == number, fold != number
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        present = np.unique(truth.labels[outside])
        if len(present) == 1:  # the model could only predict this class
            probs[np.ix_(inside, present)] = 1
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Only one sample")  # in a rare class: no problem
            model.fit(truth.features[outside], truth.labels[outside])
        probs[np.ix_(inside, present)] = model.predict_proba(truth.features[inside])
    return probs
