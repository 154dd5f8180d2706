"""NAS: what wrong answers seem to cover is covered again (Shafir, Hacohen and Weinshall, 2025)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from al_bench.core.arrays import at_least
from al_bench.core.state import HIDDEN, Bools, Floats, Ints, Querying, State, Strategy
from al_bench.strategies.balance import unanswered
from al_bench.strategies.common.distances import unit_rows


@dataclass(frozen=True)
class NAS:
    """Noise-aware sampling: any covering strategy, to which suspected answers cover nothing.

    The batch is bought as many rows at a time as there are classes, the odd ones with the first
    (Shafir et al., 2025). Before each purchase the answers are judged (`suspected`, the authors'
    cross-validation) and rows of suspected ones are hidden from `inner`, so their neighbourhood is
    open again. With fewer answers than classes none is suspected; a withheld answer is taken for
    the likeliest class and not judged. The inner strategy's time, and O(m d k) an iteration of
    `folds` logistic regressions of m answers, b / k times.

        >>> queries = NAS(ProbCover(), folds=5).select(state, 10, rng)
        >>> first = next(queries)

    Parameters
    ----------
    inner : strategy that covers the pool by its labelled rows
    folds : parts of the answers that each train a judge, at least two
    """

    inner: Strategy
    folds: int = 3

    def __post_init__(self) -> None:
        at_least(self, 2, folds=self.folds)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Querying:
        budget, k = min(budget, len(state.unlabelled)), state.n_classes
        labels, heard = state.labels.copy(), state.labels >= 0
        bought = 0
        while bought < budget:
            share = budget % k if bought == 0 else 0
            share = share + k if budget - bought >= k else share
            shown = labels.copy()
            judged = np.flatnonzero(heard)
            if len(judged) >= k:
                features = unit_rows(state.rows.features, judged).astype(np.float64)
                shown[judged[suspected(features, labels[judged], self.folds, rng)]] = HIDDEN
            rows = unanswered(self.inner, replace(state, labels=shown), share, rng)
            bought += len(rows)
            if bought >= budget:
                return rows
            answers = yield rows
            heard[rows] = answers >= 0
            labels[rows] = np.where(answers >= 0, answers, state.probs[rows].argmax(axis=1))
        return None


def suspected(features: Floats, answers: Ints, folds: int, rng: np.random.Generator) -> Bools:
    """(m,) whether more than half of the folds' models say another class than the answer.

    Each of `folds` logistic regressions learns one fold and judges all answers, its own too, as in
    the authors' code. A fold of one class says that class; one without a row agrees with all.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    order, against = rng.permutation(len(answers)), np.zeros(len(answers), dtype=np.int64)
    for fold in (order[start::folds] for start in range(folds)):
        known = np.unique(answers[fold])
        if len(known) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = LogisticRegression(C=1.0, max_iter=100)
                said = model.fit(features[fold], answers[fold]).predict(features)
            against += said != answers
        elif len(known):
            against += known[0] != answers
    return np.asarray(against > folds / 2)
