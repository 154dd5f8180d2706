"""Herding: generalised coverage under a kernel, of all rows or of the uncertain ones."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import margin, softmax
from al_bench.bounds import above
from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.distances import blocks, pairwise, squared_distances, unit_rows
from al_bench.strategies.common.greedy import lazy_greedy

ROUNDING = 1e-5  # gains this close are equal: two rows often cover just each other


class MaxHerding:
    """Greedy kernel coverage of all rows (MaxHerding: Bae et al., 2024).

    Repeats: query the row that most raises the mean over rows of their largest kernel value exp(-|a
    - b|^2 / width^2) to a queried one, on unit-length features. Rows covered and candidates are at
    most `sample` random unlabelled ones. O(s^2 d) time, 4 s^2 bytes for a sample of s.
    """

    def __init__(self, width: float, sample: int) -> None:
        above(self, 0, width=width, sample=sample)
        self.width, self.sample = width, sample

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # the first of equals is a random one
        alike = np.ones(min(self.sample, len(rows)))
        return herd(state, rows, alike, self.width, budget)


class UHerding:
    """Greedy kernel coverage of uncertain rows (Uncertainty Herding: Bae et al., 2025).

    MaxHerding with rows weighted by 1 - margin of the tempered probabilities p^(1/temperature), and
    with the smallest distance between two labelled rows for a width (1 before there are two). The
    temperature is a constant: a query rule cannot train on a part of the labels to calibrate on the
    rest. Costs what MaxHerding costs.
    """

    def __init__(self, temperature: float, sample: int) -> None:
        above(self, 0, temperature=temperature, sample=sample)
        self.temperature, self.sample = temperature, sample

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # the first of equals is a random one
        logs = np.log(np.maximum(state.probs[rows[: self.sample]], 1e-30)) / self.temperature
        doubts = 1 - margin(softmax(logs))
        width = smallest_distance(unit_rows(state.rows.features, state.labelled))
        return herd(state, rows, doubts, width, budget)


def herd(state: State, rows: Ints, doubts: Floats, width: float, budget: int) -> Ints:
    """The first len(doubts) of `rows` by greedy coverage, then the others as they come."""
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
    """The smallest distance above zero between two rows (duplicates do not count); 1 without."""
    smallest = np.inf
    for part in blocks(len(features), 1024):
        squared = squared_distances(features[part], features)
        smallest = min(smallest, squared[squared > 0].min(initial=np.inf))
    return float(np.sqrt(smallest)) if np.isfinite(smallest) else 1.0
