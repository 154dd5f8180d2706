"""Class-balanced active learning (Bengar et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least, entropy
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.ranking import top


@dataclass(frozen=True)
class CBAL:
    """CBAL: largest entropy under a penalty for expected class imbalance (Bengar et al., 2022).

    Minimises over batches z the sum of -entropy plus `weight` times the L1 distance between the
    batch's expected class counts and the labels that each class lacks. The binary program is
    relaxed to a linear one (HiGHS), solved exactly by column generation; the largest fractions are
    taken.

        >>> rows = CBAL(weight=2.0).select(state, 10, rng)

    Parameters
    ----------
    weight : of the penalty, nats a row; the default is the paper's for 10 classes, 2 for 100
    columns : rows that enter the program at a time, in multiples of the budget
    """

    title = "CBAL"
    weight: float = 0.6
    columns: int = 4

    def __post_init__(self) -> None:
        at_least(self, 0, weight=self.weight)
        at_least(self, 1, columns=self.columns)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)
        budget = min(budget, len(rows))
        if budget in (0, len(rows)):
            return rows
        probs = state.probs[rows].astype(float)
        lacking = (state.counts.sum() + budget) / state.n_classes - state.counts
        fractions = relaxed(
            -entropy(probs), probs, np.maximum(lacking, 0), self.weight, budget, self.columns
        )
        return rows[top(fractions, budget, rng)]


def relaxed(
    cost: Floats, probs: Floats, wanted: Floats, weight: float, budget: int, columns: int
) -> Floats:
    """(n,) the best z of z.cost + weight |z probs - wanted|_1, 0 <= z <= 1, sum z = budget."""
    from scipy.optimize import linprog

    n, k = probs.shape
    amount = min(n, columns * budget)
    among = np.argpartition(cost, amount - 1)[:amount]
    while True:
        inside, slack = probs[among].T, -np.eye(k)
        solved = linprog(
            np.append(cost[among], np.full(k, weight)),
            A_ub=np.block([[inside, slack], [-inside, slack]]),
            b_ub=np.append(wanted, -wanted),
            A_eq=np.append(np.ones(len(among)), np.zeros(k))[None],
            b_eq=[budget],
            bounds=[(0, 1)] * len(among) + [(0, None)] * k,
            method="highs",
        )
        if solved.status != 0:
            raise RuntimeError(f"CBAL: the linear program was not solved: {solved.message}")
        price = solved.ineqlin.marginals[:k] - solved.ineqlin.marginals[k:]
        reduced = cost - probs @ price - solved.eqlin.marginals[0]
        reduced[among] = 0
        better = np.flatnonzero(reduced < -1e-7)
        if len(better) == 0:
            fractions = np.zeros(n)
            fractions[among] = solved.x[: len(among)]
            return fractions
        if len(better) > amount:
            better = better[np.argpartition(reduced[better], amount)[:amount]]
        among = np.concatenate([among, better])
