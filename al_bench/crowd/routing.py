"""Rules that send each query to people or to foundation models, by the prior's uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import entropy, fraction, require, share
from al_bench.core.state import Ints, State
from al_bench.crowd.selection import liked_first


@dataclass(frozen=True)
class CoAnnotating:
    """People for the rows of highest prior entropy, models for the others
    (CoAnnotating: Li et al., EMNLP 2023).

    Rows are ranked by the prior's entropy over the whole pool, queried or not; ties at random. The
    authors take the entropy of answers to several prompts, which is the same if the prior is
    recorded votes. If no annotator of the wanted kind is left, one of the other kind answers.
    O(n k + n log n).

        >>> who = CoAnnotating(people=0.5).assign(asked, rows, rng)

    Parameters
    ----------
    people : fraction of the pool for people, 0 to 1
    """

    people: float = 0.2

    def __post_init__(self) -> None:
        fraction(self, people=self.people)

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        unsure = np.round(entropy(state.rows.prior), 6)
        order = np.sort(unsure)
        upper = np.searchsorted(order, unsure[rows], side="right")
        equal = upper - np.searchsorted(order, unsure[rows], side="left")
        above = len(order) - upper + equal * rng.random(len(rows))
        liked = state.annotator_pool.is_model == (above >= self.people * len(order))[:, None]
        return liked_first(state, rows, liked, rng)


@dataclass(frozen=True)
class PACLabels:
    """Foundation models for rows of low uncertainty, people for the others, with a bound on the
    label error (PAC Labels: Candès, Ilyas and Zrnic, ICML 2026).

    People answer first, until `checked` of the pool is labelled; the bound assumes that these rows
    are drawn at random. Then models answer the rows whose uncertainty, 1 - max of the prior, is
    under a threshold: the largest at which, with confidence 1 - `alpha`, prior and people disagree
    on at most a fraction `error` of the pool. If people are right, at most `error` of all labels
    are wrong; people's errors count against the model. Differs from the authors' code in the bound
    (exact for 0/1 loss, Clopper and Pearson, 1934; theirs is by betting, for any loss) and in
    sampling without replacement. If no annotator of the wanted kind is left, one of the other kind
    answers. O(n k).

        >>> who = PACLabels(error=0.1).assign(asked, rows, rng)

    Parameters
    ----------
    error : fraction of the pool's labels that may be wrong, between 0 and 1
    alpha : probability that more are wrong, between 0 and 1
    checked : fraction of the pool that people answer first, above 0 to 1
    """

    error: float = 0.05
    alpha: float = 0.05
    checked: float = 0.1

    def __post_init__(self) -> None:
        for name, part in {"error": self.error, "alpha": self.alpha}.items():
            require(0 < part < 1, self, "one between 0 and 1", **{name: part})
        share(self, checked=self.checked)

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        needed = max(int(self.checked * len(state.rows)), 1)
        human = np.flatnonzero(~state.annotator_pool.is_model[state.answers.annotators])[:needed]
        prior, rows_of = state.rows.prior, state.answers.rows[human]
        unlike = prior[rows_of].argmax(axis=1) != state.answers.classes[human]
        unsure = np.sort((1 - prior[rows_of].max(axis=1))[unlike])
        wrong = allowed(needed, self.error, self.alpha)
        bar = -np.inf  # models answer rows of uncertainty below it
        if len(human) == needed and wrong >= 0:
            bar = unsure[wrong] if wrong < len(unsure) else np.inf
        sure = 1 - prior[rows].max(axis=1) < bar
        return liked_first(state, rows, state.annotator_pool.is_model == sure[:, None], rng)


def allowed(count: int, error: float, alpha: float) -> int:
    """The largest number of errors in `count` draws at which the error rate is at most `error` with
    confidence 1 - `alpha`; -1 if zero errors are too many (Clopper and Pearson, 1934)."""
    from scipy.stats import binom

    return int(np.searchsorted(binom.cdf(np.arange(count + 1), count, error), alpha, "right")) - 1
