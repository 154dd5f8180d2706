"""Who answers what, people or foundation models: by how sure the model is, for the money."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import entropy, fraction, require, share
from al_bench.core.state import Ints, State
from al_bench.crowd.selection import liked_first


@dataclass(frozen=True)
class CoAnnotating:
    """People for the rows that a foundation model is least sure of, models for the others
    (CoAnnotating: Li et al., EMNLP 2023).

    How sure is the entropy of the prior, over the whole pool, whatever of it is queried; equal
    entropies fall at random. The authors' entropy is that of answers to several prompts, which is
    this where the prior is recorded votes. Whoever is there where nobody of the kind is left.
    O(n k + n log n).

        >>> who = CoAnnotating(people=0.5).assign(asked, rows, rng)

    Parameters
    ----------
    people : part of the pool for people, 0 to 1
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
    """Foundation models where they are sure enough for the labels to be right at a stated rate,
    people elsewhere (PAC Labels: Candès, Ilyas and Zrnic, ICML 2026).

    People answer first, until `checked` of the pool is answered, at random if queried so. Then
    models answer rows at whose uncertainty, 1 - max of the prior, and below, at most a part `error`
    of the pool is answered by the prior's likeliest class other than by people, at confidence 1 -
    `alpha`. With the labels of people taken for right the rate of wrong ones in the whole pool is
    at most `error`; where people err, their differences count against the model. As the authors'
    code, but for the bound, which is exact for yes and no (Clopper and Pearson, 1934) where theirs
    is by betting, for any loss, and but for a sample drawn without replacement. Whoever is there
    where nobody of the kind is left. O(n k).

        >>> who = PACLabels(error=0.1).assign(asked, rows, rng)

    Parameters
    ----------
    error : part of the pool's labels that may be wrong, between 0 and 1
    alpha : chance that more are, between 0 and 1
    checked : part of the pool that people answer first, above 0 to 1
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
        prior, told = state.rows.prior, state.answers.rows[human]
        unlike = prior[told].argmax(axis=1) != state.answers.classes[human]
        unsure = np.sort((1 - prior[told].max(axis=1))[unlike])
        wrong = allowed(needed, self.error, self.alpha)
        bar = -np.inf  # of the uncertainty, which a model's rows are under
        if len(human) == needed and wrong >= 0:
            bar = unsure[wrong] if wrong < len(unsure) else np.inf
        sure = 1 - prior[rows].max(axis=1) < bar
        return liked_first(state, rows, state.annotator_pool.is_model == sure[:, None], rng)


def allowed(count: int, error: float, alpha: float) -> int:
    """The most wrong ones of so many draws that show a rate of at most `error` at confidence 1 -
    `alpha`; -1 where not even none does (Clopper and Pearson, 1934)."""
    from scipy.stats import binom

    return int(np.searchsorted(binom.cdf(np.arange(count + 1), count, error), alpha, "right")) - 1
