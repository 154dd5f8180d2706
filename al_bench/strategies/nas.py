"""NAS: what wrong answers seem to cover is covered again (Shafir, Hacohen and Weinshall, 2025)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import at_least, require, softmax
from al_bench.core.state import HIDDEN, UNLABELLED, Bools, Floats, Ints, Querying, State, Strategy
from al_bench.strategies.balance import unanswered
from al_bench.strategies.common.distances import unit_rows

RATE, MOMENTUM, DECAY, BATCH = 0.1, 0.9, 1e-4, 64  # of the descent whose scores judge answers


@dataclass(frozen=True)
class NAS:
    """Noise-aware sampling: any covering strategy, to which suspected answers cover nothing.

    The batch is bought as many rows at a time as there are classes, the odd ones with the first
    (Shafir et al., 2025). Before each purchase the answers are judged (`suspected`, the authors'
    filter for few answers) and rows of suspected ones are hidden from `inner`, so their
    neighbourhood is open again. With fewer answers than classes none is suspected; a withheld
    answer is taken for the likeliest class and not judged. The authors' training leaves suspected
    answers out too, which is a training rule and not done here. The inner strategy's time, and
    O(m d k) an epoch for m answers, b / k times.

        >>> queries = NAS(ProbCover(), epochs=10).select(state, 10, rng)
        >>> first = next(queries)

    Parameters
    ----------
    inner : strategy that covers the pool by its labelled rows
    percentile : of the scores of rows with a made-up class, under which an answer is suspected, 0
        to 100
    epochs : of the training that scores are taken from
    """

    version: ClassVar = 2  # 1: the authors' other filter, by cross-validation
    inner: Strategy
    percentile: float = 80.0
    epochs: int = 40

    def __post_init__(self) -> None:
        fine = 0 <= self.percentile <= 100
        require(fine, self, "0 to 100", percentile=self.percentile)
        at_least(self, 1, epochs=self.epochs)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Querying:
        budget, k = min(budget, len(state.unlabelled)), state.n_classes
        labels, heard = state.labels.copy(), state.labels >= 0
        bought = 0
        while bought < budget:
            share = budget % k if bought == 0 else 0
            share = share + k if budget - bought >= k else share
            shown, judged = labels.copy(), np.flatnonzero(heard)
            if len(judged) >= k:
                free = np.flatnonzero(labels == UNLABELLED)
                made_up = rng.permutation(free)[: -(-len(judged) // k)]
                rows = np.concatenate([judged, made_up])
                features = unit_rows(state.rows.features, rows).astype(np.float64)
                wrong = suspected(features, labels[judged], k, self.percentile, self.epochs, rng)
                shown[judged[wrong]] = HIDDEN
            rows = unanswered(self.inner, replace(state, labels=shown), share, rng)
            bought += len(rows)
            if bought >= budget:
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
    """(m,) whether an answer stays under what rows of a made-up class reach in training (area under
    the margin, AUM: Pleiss et al., 2020, for few answers).

    features: (m + t, d), the rows without an answer, one for every k answers, last. A linear head
    with k + 1 classes is taught all of them by stochastic descent from zero, these as of class k. A
    row's score is that of its class less the best other one's, the mean over epochs, before each
    step. The bar is a percentile of these rows' scores. The authors' batches leave out what does
    not fill one, here the last is smaller.
    """
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
