"""One row per cluster of rows whose predicted class flips under feature mixing or dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import at_least, one_of, require, softmax
from al_bench.core.state import Floats, Ints, Picked, Rows, State
from al_bench.strategies.common.distances import (
    FULL,
    blocks,
    representatives,
    squared_distances,
    unit_rows,
)
from al_bench.strategies.common.posterior import linear_head
from al_bench.strategies.common.ranking import filled_at_random


@dataclass(frozen=True)
class AlfaMix:
    """Rows that flip under feature mixing, one per cluster (ALFA-Mix: Parvaneh et al., 2022).

    Mixing with a class mean c of the labelled rows, at the paper's closed-form ratio, moves a row
    by `step` |c - h| along its loss gradient. The step grows until there are enough rows that flip;
    those nearest to as many k-means centres as the budget are queried, random rows fill up. O(u d
    k) time, O(u d) memory at most.

        >>> rows = AlfaMix(step=0.1).select(state, 10, rng)

    Parameters
    ----------
    step : fraction of the distance to a class mean, between 0 and 1
    """

    option = "alfamix"
    title = "AlfaMix"
    step: float = 0.03125

    def __post_init__(self) -> None:
        require(0 < self.step < 1, self, "one between 0 and 1", step=self.step)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows, budget = state.unlabelled, min(budget, len(state.unlabelled))
        candidates = rows
        if len(state.labelled):
            # how many multiples of `step` a row needs
            steps = np.maximum(np.ceil(flip_steps(state) / self.step), 1)
            most = np.ceil(1 / self.step) - 1
            enough = np.partition(steps, budget - 1)[budget - 1] if budget else most
            candidates = rows[steps <= min(enough, most)]
        if len(candidates) < budget:
            return filled_at_random(candidates, rows, budget, rng)
        features = unit_rows(state.rows.features, candidates)
        return candidates[representatives(features, budget, rng)]


def flip_steps(state: State) -> Floats:
    """(u,) the smallest fraction of the distance to a class mean that flips the row; inf if none.
    Along the unit loss gradient g the score of class j gains (W g)_j a unit, so it overtakes the
    predicted class c after (s_c - s_j) / ((W g)_j - (W g)_c)."""
    features, weight, bias = linear_head(state)
    labels = state.labels[state.labelled]
    labelled = features[state.labelled]
    anchors = np.stack([labelled[labels == c].mean(axis=0) for c in np.unique(labels)])
    out = np.empty(len(state.unlabelled))
    for part in blocks(len(out)):
        here = state.unlabelled[part]
        scores = (features[here] @ weight.T + bias).astype(np.float64)
        index = np.arange(len(here))
        probs = softmax(scores)
        best = scores.argmax(axis=1)
        probs[index, best] -= 1
        gradient = probs @ weight
        lengths = np.linalg.norm(gradient, axis=1, keepdims=True)
        speed = (gradient / np.where(lengths > 0, lengths, 1)) @ weight.T
        lead = scores[index, best][:, None] - scores
        speed = speed - speed[index, best][:, None]
        length = np.where(speed > 0, lead / np.where(speed > 0, speed, 1), np.inf).min(axis=1)
        reach = np.sqrt(squared_distances(features[here], anchors).max(axis=1))
        out[part] = np.where(reach > 0, length / np.where(reach > 0, reach, 1), np.inf)
    return out


SPACES = ("standardised", "unit")


@dataclass(frozen=True)
class DropQuery:
    """Rows that flip under input dropout, one per cluster (DropQuery: Gupte et al., 2024).

    Candidates change class in more than half of the dropout passes, or in fewer if these are too
    few; those nearest to as many k-means centres as the budget are queried, random rows fill up.
    O(passes u d) time plus k-means on the candidates; O(u d) memory at most.

        >>> rows = DropQuery(passes=5).select(state, 10, rng)

    Parameters
    ----------
    passes : predictions under dropout
    rate : fraction of the features that is dropped, between 0 and 1
    factor : candidates wanted, in multiples of the budget
    space : of clustering: features ``standardised``, as by batch normalisation in the authors'
        code, or of ``unit`` length
    lloyd : whether Lloyd's algorithm is used for any number of clusters, as theirs, or mini-batches
        above 50
    """

    option = "dropquery"
    title = "DropQuery"
    version: ClassVar = 2  # 1: unit, without lloyd
    passes: int = 3
    rate: float = 0.75
    factor: int = 25
    space: str = "standardised"
    lloyd: bool = True

    def __post_init__(self) -> None:
        require(0 < self.rate < 1, self, "one between 0 and 1", rate=self.rate)
        at_least(self, 1, passes=self.passes, factor=self.factor)
        one_of(self, SPACES, space=self.space)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows, budget = state.unlabelled, min(budget, len(state.unlabelled))
        changes = np.full(len(rows), self.passes)
        if len(state.labelled):
            changes = self._changes(state, rows, rng)
        bar = self.passes // 2
        while bar > 0 and np.sum(changes > bar) < self.factor * budget:
            bar -= 1
        candidates = rows[changes > bar]
        if len(candidates) < budget:
            return filled_at_random(candidates, rows, budget, rng)
        if self.space == "unit" or not len(state.labelled):
            features = unit_rows(state.rows.features, candidates)
        else:
            labelled = state.rows.features[state.labelled]
            features = standardised(state.rows.features[candidates], labelled, self.rate)
        return candidates[representatives(features, budget, rng, np.inf if self.lloyd else FULL)]

    def _changes(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        """(u,) number of passes in which the predicted class differs from that without dropout."""
        whole = state.probs.argmax(axis=1)
        changes = np.zeros(len(rows), dtype=np.int64)
        for part in blocks(len(rows)):
            here = rows[part]
            inputs, prior = Picked(state.rows.inputs, here), state.rows.prior[here]
            features = state.rows.features[here]
            for _ in range(self.passes):
                seen = Rows(inputs, dropped(features, self.rate, rng), prior)
                changes[part] += state.model.predict_proba(seen).argmax(axis=1) != whole[here]
        return changes


def dropped(features: Floats, rate: float, rng: np.random.Generator) -> Floats:
    """The features, each set to zero with probability `rate`, others scaled to keep the mean."""
    kept = rng.random(features.shape, dtype=np.float32) >= rate
    return features * kept * features.dtype.type(1 / (1 - rate))


def standardised(features: Floats, labelled: Floats, rate: float) -> Floats:
    """(n, d) batch-normalised features, with statistics of the `labelled` rows under dropout.

    The authors' head is dropout, batch normalisation without learned scale, and a linear map. Under
    dropout the labelled rows (m, d) keep their mean, and their second moment is divided by 1 -
    rate; 1e-5 is added to the variance, as in PyTorch."""
    mean = labelled.mean(axis=0, dtype=np.float64)
    second = np.mean(np.square(labelled, dtype=np.float64), axis=0) / (1 - rate)
    scale = 1 / np.sqrt(np.maximum(second - mean**2, 0) + 1e-5)
    return np.asarray((features - mean.astype(features.dtype)) * scale.astype(features.dtype))
