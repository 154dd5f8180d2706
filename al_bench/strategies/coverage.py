"""Coverage of the pool by the queried rows: core-sets, balls of one radius, or a kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import above, at_least, fraction, margin, require, share, softmax
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.distances import (
    Distance,
    Nearest,
    blocks,
    kmeans,
    pairwise,
    settle,
    squared_distances,
    squared_norms,
    unit_rows,
)
from al_bench.strategies.common.ranking import lazy_greedy

FIRST_LOOK = 256  # centres that all rows are compared with; later ones only where necessary
ROUNDING = 1e-5  # gains this close are ties: two rows often cover only each other


class CoreSet:
    """K-centre greedy on unit-length features (Sener and Savarese, 2018).

    Repeatedly queries the row farthest from all labelled and chosen rows; without a label the first
    is random. At most O((l + b) u d) time, most of which is skipped by bounds; O(u) memory.

        >>> rows = CoreSet().select(state, 10, rng)
    """

    option = "coreset"
    title = "CoreSet"

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        budget = min(budget, len(rows))
        features = state.rows.features
        nearest = Nearest(rows, on_sphere(features), np.full(len(rows), 4.0, features.dtype))
        nearest.add(rng.permutation(state.labelled))
        nearest.refresh(np.arange(len(rows)), min(FIRST_LOOK, len(nearest.centres)))
        return rows[farthest(nearest, budget)]


def farthest(nearest: Nearest, budget: int) -> Ints:
    """(budget,) positions, each the farthest from all centres and from the positions before."""
    chosen, alike = np.empty(budget, dtype=np.int64), np.ones_like(nearest.bounds)
    for i in range(budget):
        chosen[i] = nearest.argmax(alike)
        nearest.take(int(chosen[i]))
    return chosen


def on_sphere(features: Floats) -> Distance:
    """Squared distances between unit-length rows of `features`; zero rows stay zero."""
    norms = np.sqrt(squared_norms(features))
    lengths = (norms > 0).astype(features.dtype)
    scales = lengths / np.where(norms > 0, norms, 1)

    def distance(left: Ints, right: Ints) -> Floats:
        dots = features[left] @ (features[right] * scales[right][:, None]).T
        dots *= scales[left][:, None]
        return settle(dots, lengths[left], lengths[right])

    return distance


@dataclass(frozen=True)
class PCoreSet:
    """K-centre greedy among class probabilities (PCoreSet: Kang et al., 2025).

    Repeatedly queries the row whose probabilities are farthest from those of all labelled and
    chosen rows. At most O((l + b) u k) time; O(u k) memory.

        >>> rows = PCoreSet(weight=0.2).select(state, 10, rng)

    Parameters
    ----------
    weight : of the prior's probabilities, 0 to 1; the model's weigh the rest. The authors' student
        has a second head that imitates the foundation model, with weight one half; here the prior
        takes its place
    """

    option = "pcoreset"
    title = "PCoreSet"
    weight: float = 0.5

    def __post_init__(self) -> None:
        fraction(self, weight=self.weight)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        budget = min(budget, len(rows))
        points = (1 - self.weight) * state.probs.astype(np.float64)
        points += self.weight * state.rows.prior

        def distance(left: Ints, right: Ints) -> Floats:
            return squared_distances(points[left], points[right])

        nearest = Nearest(rows, distance, np.full(len(rows), 2.0))
        nearest.add(state.labelled)
        return rows[farthest(nearest, budget)]


@dataclass(frozen=True)
class ProbCover:
    """Greedy maximum coverage by balls of one radius (ProbCover: Yehuda et al., 2022).

    Once all rows are covered the rest is random. O(s^2 d) time and 5 s^2 bytes for a sample of s.

        >>> rows = ProbCover(radius=0.5).select(state, 10, rng)

    Parameters
    ----------
    radius : of a ball, in unit-length features; None: the largest radius at which a fraction
        `purity` of the balls is pure, under as many k-means clusters as classes
    purity : above 0, to 1
    sample : random unlabelled rows in the graph, at most
    """

    option = "probcover"
    title = "ProbCover"
    radius: float | None = None
    purity: float = 0.95
    sample: int = 8000

    def __post_init__(self) -> None:
        fine = self.radius is None or self.radius > 0
        require(fine, self, "null or more than 0", radius=self.radius)
        share(self, purity=self.purity)
        at_least(self, 2, sample=self.sample)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        if not len(state.unlabelled):
            return state.unlabelled
        unlabelled = rng.permutation(state.unlabelled)  # breaks ties at random
        rows, budget = unlabelled[: self.sample], min(budget, len(unlabelled))
        features = unit_rows(state.rows.features, rows)
        squared = pairwise(features)
        if self.radius is None:
            assigned = kmeans(features, state.n_classes, rng)[0]
            reach = pure_radius(squared, assigned, self.purity)
        else:
            reach = self.radius**2
        near = squared < reach
        del squared
        covered = np.zeros(len(rows), dtype=np.bool_)
        labelled = unit_rows(state.rows.features, state.labelled)
        for part in blocks(len(rows)):
            covered[part] = (squared_distances(features[part], labelled) < reach).any(axis=1)
        chosen = rows[greedy_cover(near, covered, min(budget, len(rows)))]
        rest = unlabelled[~np.isin(unlabelled, chosen)]
        return np.concatenate([chosen, rest[: budget - len(chosen)]])


def pure_radius(squared: Floats, assigned: Ints, purity: float) -> float:
    """The largest squared radius at which a part `purity` of the open balls is of one cluster."""
    nearest = np.full(len(squared), np.inf)
    for cluster in np.unique(assigned):
        inside = assigned == cluster
        if not inside.all():
            for part in blocks(len(squared), 512):
                here = np.flatnonzero(inside[part]) + part.start
                nearest[here] = np.where(inside, np.inf, squared[here]).min(axis=1)
    return float(np.sort(nearest)[int((1 - purity) * len(squared) + 1e-9)])


def greedy_cover(near: NDArray[np.bool_], covered: NDArray[np.bool_], budget: int) -> Ints:
    """Positions that cover most new rows; near: (s, s); covered: (s,), changed in place."""
    edges = near.view(np.uint8)
    degrees = np.zeros(len(near), dtype=np.int64)
    open_rows = np.flatnonzero(~covered)
    for part in blocks(len(open_rows), 128):
        degrees += edges[open_rows[part]].sum(axis=0, dtype=np.uint8)
    chosen: list[int] = []
    while len(chosen) < budget:
        best = int(degrees.argmax())
        if degrees[best] <= 0:
            break
        chosen.append(best)
        fresh = np.flatnonzero(near[best] & ~covered)
        covered[fresh] = True
        for part in blocks(len(fresh), 128):  # sums of 128 ones do not overflow a byte
            degrees -= edges[fresh[part]].sum(axis=0, dtype=np.uint8)
    return np.array(chosen, dtype=np.int64)


@dataclass(frozen=True)
class MaxHerding:
    """Greedy kernel coverage of all rows (MaxHerding: Bae et al., 2024).

    Repeatedly queries the row that most raises the mean, over rows, of their largest kernel value
    exp(-|a - b|^2 / width^2) to a queried row. O(s^2 d) time, 4 s^2 bytes for a sample of s.

        >>> rows = MaxHerding(width=0.5).select(state, 10, rng)

    Parameters
    ----------
    width : of the kernel, in unit-length features
    sample : random unlabelled rows that are candidates and to be covered, at most
    """

    option = "maxherding"
    title = "MaxHerding"
    width: float = 1.0
    sample: int = 10_000

    def __post_init__(self) -> None:
        above(self, 0, width=self.width, sample=self.sample)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        even = np.ones(min(self.sample, len(rows)))
        return herd(state, rows, even, self.width, budget)


@dataclass(frozen=True)
class UHerding:
    """Greedy kernel coverage of uncertain rows (Uncertainty Herding: Bae et al., 2025).

    MaxHerding with rows weighted by 1 - margin of the tempered probabilities p^(1/temperature). The
    width is the smallest distance between two labelled rows (1 before there are two). Costs the
    same as MaxHerding.

        >>> rows = UHerding(temperature=2.0).select(state, 10, rng)

    Parameters
    ----------
    temperature : a constant, as a strategy cannot hold out labels to calibrate the model
    sample : random unlabelled rows that are candidates and to be covered, at most
    """

    option = "uherding"
    title = "Uncertainty Herding"
    temperature: float = 1.0
    sample: int = 10_000

    def __post_init__(self) -> None:
        above(self, 0, temperature=self.temperature, sample=self.sample)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        logs = np.log(np.maximum(state.probs[rows[: self.sample]], 1e-30)) / self.temperature
        doubts = 1 - margin(softmax(logs))
        width = smallest_distance(unit_rows(state.rows.features, state.labelled))
        return herd(state, rows, doubts, width, budget)


def herd(state: State, rows: Ints, doubts: Floats, width: float, budget: int) -> Ints:
    """A greedy cover from the first len(doubts) of `rows`, weighted by doubts, then the others."""
    budget, sample = min(budget, len(rows)), rows[: len(doubts)]
    features = unit_rows(state.rows.features, sample)
    labelled = unit_rows(state.rows.features, state.labelled)
    reached = np.zeros(len(sample), dtype=features.dtype)
    if len(labelled):
        for part in blocks(len(sample)):
            nearest = squared_distances(features[part], labelled).min(axis=1)
            reached[part] = np.exp(-nearest / width**2)
    kernel = pairwise(features)
    for part in blocks(len(kernel), 256):
        kernel[part] /= -(width**2)
        np.exp(kernel[part], out=kernel[part])
    weights = doubts.astype(features.dtype)

    def gain(at: Ints) -> Floats:
        return np.maximum(kernel[at] - reached, 0) @ weights

    def take(at: int) -> None:
        np.maximum(reached, kernel[at], out=reached)

    chosen = rows[lazy_greedy(gain, take, len(sample), budget, ROUNDING)]
    return np.concatenate([chosen, rows[len(sample) :][: budget - len(chosen)]])


def smallest_distance(features: Floats) -> float:
    """The smallest distance between two different rows, above zero; 1 if there is none."""
    smallest = np.inf
    for part in blocks(len(features), 1024):
        squared = squared_distances(features[part], features)
        smallest = min(smallest, squared[squared > 0].min(initial=np.inf))
    return float(np.sqrt(smallest)) if np.isfinite(smallest) else 1.0
