"""ALFA-Mix: rows whose class flips when their features move towards labelled ones."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import softmax
from al_bench.bounds import require
from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.clusters import representatives
from al_bench.strategies.common.distances import blocks, squared_distances, unit_rows
from al_bench.strategies.common.linear import linear_head


class AlfaMix:
    """Rows that flip under feature mixing, one of each cluster (ALFA-Mix: Parvaneh et al., 2022).

    Mixing with a class mean c of the labelled rows, at the paper's closed-form ratio, moves a row
    by `step` |c - h| along its loss gradient, so a row flips from a certain length on, which is
    computed instead of searched. The step grows in multiples of `step`, below one, until there are
    enough candidates; of as many k-means clusters of these as the budget, the rows nearest to the
    centres are queried; too few are joined by random rows. With nothing labelled every row is a
    candidate. O(u d k) time, O(u d) memory at most. A model without a linear head is one over its
    log-probabilities.
    """

    def __init__(self, step: float) -> None:
        require(0 < step < 1, self, "one between 0 and 1", step=step)
        self.step = step

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
            rest = rng.permutation(np.setdiff1d(rows, candidates))
            return np.concatenate([candidates, rest[: budget - len(candidates)]])
        features = unit_rows(state.rows.features, candidates)
        return candidates[representatives(features, budget, rng)]


def flip_steps(state: State) -> Floats:
    """(u,) the smallest part of the distance to some class mean that flips the row; inf if none.

    Along the unit loss gradient g the score of class j gains (W g)_j a unit, so it overtakes the
    predicted class c after (s_c - s_j) / ((W g)_j - (W g)_c).
    """
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
