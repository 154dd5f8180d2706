"""Which training rows exist: ``keep(labels, n_classes, rng) -> Kept``, fixed before a run begins. A
ratio is always largest over smallest class, at least 1 (some papers use its inverse). Which classes
are rare is drawn for every seed, or fixed by class number: ``order: drawn | fixed``. All are
O(n)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least, one_of, require
from al_bench.core.state import Floats, Ints
from al_bench.data.types import Kept

ORDERS = ("drawn", "fixed")


class Natural:
    """Every row of the data set.

    >>> kept = Natural().keep(labels, 4, rng)
    """

    title = "natural skew"

    def keep(self, labels: Ints, n_classes: int, rng: np.random.Generator) -> Kept:
        return Kept(np.arange(len(labels)), np.arange(n_classes))


@dataclass(frozen=True)
class LongTail:
    """Exponential long tail, n_c = n_max * ratio^(-c/(K-1)) (Cui et al., 2019).

    n_max is the size of the largest class and counts are rounded down, which gives the usual
    counts on balanced data. A class keeps at least one row and at most those that exist, so on
    imbalanced data the realised ratio differs; the class counts show it.

        >>> kept = LongTail(ratio=50).keep(labels, 4, rng)

    Parameters
    ----------
    ratio : largest over smallest class, at least 1
    order : "drawn" or "fixed", which classes are rare
    """

    option = "longtail"
    title = "long tail {ratio}:1"
    ratio: float = 10
    order: str = "drawn"

    def __post_init__(self) -> None:
        check_order(self.order, ratio=self.ratio)

    def keep(self, labels: Ints, n_classes: int, rng: np.random.Generator) -> Kept:
        fractions = self.ratio ** (-np.arange(n_classes) / max(n_classes - 1, 1))
        return thinned(labels, ranked(fractions, self.order, rng), rng)


@dataclass(frozen=True)
class NaturalOrLongTail:
    """The data set's natural imbalance if that is large enough, else an exponential long tail.

    This allows one setting for many data sets.

        >>> kept = NaturalOrLongTail(ratio=100).keep(labels, 4, rng)

    Parameters
    ----------
    skew : smallest ratio of largest over smallest class from which a data set is left unchanged
    ratio : of the long tail, largest over smallest class
    many, many_ratio : `many_ratio` is the ratio for data sets of more than `many` classes
    order : as in `LongTail`
    """

    option = "natural_or_longtail"
    title = "long tail {ratio}:1 unless skewed, {many_ratio}:1 above {many} classes"
    skew: float = 10
    ratio: float = 50
    many: int = 20
    many_ratio: float = 20
    order: str = "drawn"

    def __post_init__(self) -> None:
        check_order(self.order, skew=self.skew, ratio=self.ratio, many_ratio=self.many_ratio)

    def keep(self, labels: Ints, n_classes: int, rng: np.random.Generator) -> Kept:
        counts = np.bincount(labels, minlength=n_classes)
        if counts.max() >= self.skew * counts[counts > 0].min():
            return Natural().keep(labels, n_classes, rng)
        ratio = self.ratio if n_classes <= self.many else self.many_ratio
        return LongTail(ratio, self.order).keep(labels, n_classes, rng)


@dataclass(frozen=True)
class Step:
    """Some classes are rare, `ratio` times smaller than the largest one (Buda et al., 2018).

        >>> kept = Step(minority=0.25).keep(labels, 4, rng)

    Parameters
    ----------
    ratio : largest over smallest class, at least 1
    minority : fraction of classes that are rare, in (0, 1); at least one is rare and one is not
    order : as in `LongTail`
    """

    title = "step {ratio}:1"
    ratio: float = 10
    minority: float = 0.5
    order: str = "drawn"

    def __post_init__(self) -> None:
        require(0 < self.minority < 1, self, "one between 0 and 1", minority=self.minority)
        check_order(self.order, ratio=self.ratio)

    def keep(self, labels: Ints, n_classes: int, rng: np.random.Generator) -> Kept:
        rare = min(max(round(self.minority * n_classes), 1), n_classes - 1)
        fractions = np.where(np.arange(n_classes) < n_classes - rare, 1.0, 1 / self.ratio)
        return thinned(labels, ranked(fractions, self.order, rng), rng)


@dataclass(frozen=True)
class Merge:
    """All classes but k - 1 become one large one (GALAXY: Zhang, Katz-Samuels and Nowak, 2022).

    The classes of test rows are merged in the same way.

        >>> kept = Merge(classes=2).keep(labels, 4, rng)

    Parameters
    ----------
    classes : k, fewer than the data set has
    order : "fixed" clips labels at k - 1, as GALAXY does; "drawn" draws the k - 1 classes that
        stay, in their order
    """

    title = "{classes} classes merged"
    classes: int = 3
    order: str = "drawn"

    def __post_init__(self) -> None:
        at_least(self, 2, classes=self.classes)
        check_order(self.order)

    def keep(self, labels: Ints, n_classes: int, rng: np.random.Generator) -> Kept:
        wanted = f"fewer than the {n_classes} of the data set"
        require(self.classes < n_classes, self, wanted, classes=self.classes)
        stay = np.arange(self.classes - 1)
        if self.order == "drawn":
            stay = np.sort(rng.choice(n_classes, size=self.classes - 1, replace=False))
        classes = np.full(n_classes, self.classes - 1)
        classes[stay] = np.arange(self.classes - 1)
        return Kept(np.arange(len(labels)), classes)


@dataclass(frozen=True)
class OneVsRest:
    """One class against all others at a given rate of the pool (AnchorAL: Lesci and Vlachos, 2024).

        >>> kept = OneVsRest(target=3).keep(labels, 4, rng)

    Parameters
    ----------
    target : a class number, or None to draw one for every seed; it becomes class 0, the rest 1
    rate : the target's fraction of the pool, in (0, 1); the side that is too large is thinned
    """

    title = "one class of {rate} %"
    target: int | None = None
    rate: float = 0.01

    def __post_init__(self) -> None:
        require(0 < self.rate < 1, self, "one between 0 and 1", rate=self.rate)

    def keep(self, labels: Ints, n_classes: int, rng: np.random.Generator) -> Kept:
        target = int(rng.integers(n_classes)) if self.target is None else self.target
        require(0 <= target < n_classes, self, f"a class 0..{n_classes - 1}", target=target)
        hits, rest = np.flatnonzero(labels == target), np.flatnonzero(labels != target)
        if len(hits) > self.rate * len(labels):
            wanted = max(round(len(rest) * self.rate / (1 - self.rate)), 1)
            hits = rng.choice(hits, size=min(wanted, len(hits)), replace=False)
        else:
            wanted = max(round(len(hits) * (1 - self.rate) / self.rate), 1)
            rest = rng.choice(rest, size=min(wanted, len(rest)), replace=False)
        rows = np.sort(np.concatenate([hits, rest]))
        return Kept(rows, (np.arange(n_classes) != target).astype(np.int64))


def check_order(order: str, **ratios: float) -> None:
    """ValueError unless the order is known and all ratios are at least 1."""
    one_of("imbalance", ORDERS, order=order)
    wanted = "largest over smallest class, at least 1"
    require(all(1 <= ratio < np.inf for ratio in ratios.values()), "imbalance", wanted, **ratios)


def ranked(fractions: Floats, order: str, rng: np.random.Generator) -> Floats:
    """(k,) the fraction of each class: in order of class number, or randomly permuted."""
    return fractions if order == "fixed" else rng.permutation(fractions)


def sizes(available: Ints, fractions: Floats) -> Ints:
    """(k,) rows kept of each class: its fraction of the largest, rounded down, in 1..available."""
    # the small term corrects floating-point error below a whole number (5000 * 0.01 = 49.99...)
    wanted = np.floor(available.max() * fractions + 1e-6).astype(np.int64)
    return np.asarray(np.minimum(np.maximum(wanted, 1), available))


def thinned(labels: Ints, fractions: Floats, rng: np.random.Generator) -> Kept:
    """A random subset of every class, of the size that its fraction gives."""
    kept = sizes(np.bincount(labels, minlength=len(fractions)), fractions)
    rows = [
        rng.choice(np.flatnonzero(labels == c), size=size, replace=False)
        for c, size in enumerate(kept)
    ]
    return Kept(np.sort(np.concatenate(rows)), np.arange(len(fractions)))
