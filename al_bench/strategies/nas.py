"""NAS: coverage that ignores suspected label noise (Shafir, Hacohen and Weinshall, 2025)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import at_least, require, softmax
from al_bench.core.state import HIDDEN, UNLABELLED, Bools, Floats, Ints, Querying, State, Strategy
from al_bench.strategies.common.distances import unit_rows
from al_bench.strategies.common.ranking import unanswered
from al_bench.strategies.coverage import ProbCover

RATE, MOMENTUM, DECAY, BATCH = 0.1, 0.9, 1e-4, 64  # of the SGD that `suspected` runs


@dataclass(frozen=True)
class NAS:
    """Noise-aware sampling: a covering strategy for which suspected label errors cover nothing.

    The batch is queried in chunks of k rows (Shafir et al., 2025). Before each chunk labels are
    filtered (`suspected`, the authors' filter for few labels), and suspected rows are hidden from
    `inner`, so that their neighbourhood is covered again. A withheld answer is replaced by the
    predicted class. Training without suspected labels is left out. O(m d k) an epoch, b / k times.

        >>> queries = NAS(ProbCover(), epochs=10).select(state, 10, rng)
        >>> first = next(queries)

    Parameters
    ----------
    inner : strategy that covers the pool by its labelled rows
    percentile : of the scores of rows with a made-up class; labels of lower score are suspected, 0
        to 100
    epochs : of the training that gives the scores
    """

    title = "NAS"
    version: ClassVar = 2  # 1: the authors' other filter, by cross-validation
    inner: Strategy = field(default_factory=ProbCover)
    percentile: float = 80.0
    epochs: int = 40

    def __post_init__(self) -> None:
        fine = 0 <= self.percentile <= 100
        require(fine, self, "0 to 100", percentile=self.percentile)
        at_least(self, 1, epochs=self.epochs)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Querying:
        budget, k = min(budget, len(state.unlabelled)), state.n_classes
        labels, heard = state.labels.copy(), state.labels >= 0
        queried = 0
        while queried < budget:
            share = budget % k if queried == 0 else 0
            share = share + k if budget - queried >= k else share
            shown, known = labels.copy(), np.flatnonzero(heard)
            if len(known) >= k:
                free = np.flatnonzero(labels == UNLABELLED)
                made_up = rng.permutation(free)[: -(-len(known) // k)]
                rows = np.concatenate([known, made_up])
                features = unit_rows(state.rows.features, rows).astype(np.float64)
                wrong = suspected(features, labels[known], k, self.percentile, self.epochs, rng)
                shown[known[wrong]] = HIDDEN
            rows = unanswered(self.inner, replace(state, labels=shown), share, rng)
            queried += len(rows)
            if queried >= budget:
                return rows
            answers = yield rows
            heard[rows] = answers >= 0
            labels[rows] = np.where(answers >= 0, answers, state.probs[rows].argmax(axis=1))
        return None


def suspected(
    features: Floats,
    answers: Ints,
    k: int,
    percentile: float,
    epochs: int,
    rng: np.random.Generator,
) -> Bools:
    """(m,) whether a label's margin in training is below that of rows with a made-up class (area
    under the margin, AUM: Pleiss et al., 2020, for few labels).

    features: (m + t, d), labelled rows first, then t unlabelled rows, one for every k labels. A
    linear head with k + 1 classes is trained on all of them by SGD from zero; unlabelled rows get
    class k. A row's score is its class's score minus the best other one, before each step, averaged
    over epochs. The threshold is a percentile of the unlabelled rows' scores. The authors drop an
    incomplete last batch; here it is smaller."""
    classes = np.append(answers, np.full(len(features) - len(answers), k))
    design = np.c_[features, np.ones(len(features))]
    weight = np.zeros((design.shape[1], k + 1))
    speed, margins = np.zeros_like(weight), np.zeros(len(design))
    for _ in range(epochs):
        order = rng.permutation(len(design))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            at, scores = (np.arange(len(batch)), classes[batch]), design[batch] @ weight
            slope = softmax(scores)
            slope[at] -= 1
            own = scores[at]
            scores[at] = -np.inf
            margins[batch] += own - scores.max(axis=1)
            step = design[batch].T @ slope / len(batch) + DECAY * weight
            speed = MOMENTUM * speed + step
            weight -= RATE * (step + MOMENTUM * speed)
    bar = np.percentile(margins[len(answers) :], percentile)
    return np.asarray(margins[: len(answers)] < bar)
