"""Ensembles of strategies: a bandit over them, a filter by batches, and an upper reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import above, at_least, one_hot, require, share
from al_bench.core.logistic import balanced_weights, logistic
from al_bench.core.problem import knowing
from al_bench.core.state import UNLABELLED, Floats, Ints, Querying, State, Strategy
from al_bench.strategies.badge import Badge
from al_bench.strategies.balanced import MostLikelyPositive
from al_bench.strategies.common.ranking import random_argmax, unanswered
from al_bench.strategies.coverage import UHerding
from al_bench.strategies.galaxy import Galaxy
from al_bench.strategies.similar import FLQMI
from al_bench.strategies.uncertainty import Confidence
from al_bench.strategies.wrappers import show_only


@dataclass(frozen=True)
class Refine:
    """REFINE: an ensemble filters the pool in passes, then `chooser` queries (Huseljic et al., CVPR
    2026).

    In each pass every rule proposes batches, each from a random part of the rows left; rows in no
    batch are dropped. As in the authors' code, but for BAIT, which is too dear, and TypiClust in
    two passes. Costs `depth` times `batches` calls of rules.

        >>> rows = Refine({"margin": Margin(), "badge": Badge()}, batches=4).select(state, 10, rng)

    Parameters
    ----------
    rules : strategies by name, at least one; they see no answers within the batch
    chooser : strategy that queries from the rows left; it sees no answers within the batch
    depth : number of passes, 0 for the chooser alone
    batches : per pass, equally many of every rule, at least one
    part : fraction of the rows left that a rule sees from the second pass on, above 0 to 1, at
        least the budget
    first : rows that a rule sees in the first pass, at least the budget
    most : rows kept by a pass, at random if there are more, at least the budget
    """

    title = "REFINE"
    rules: Mapping[str, Strategy]
    chooser: Strategy = field(default_factory=UHerding)
    depth: int = 5
    batches: int = 100
    part: float = 0.4
    first: int = 5000
    most: int = 10_000

    def __post_init__(self) -> None:
        require(len(self.rules) > 0, self, "one at least", rules=self.rules)
        at_least(self, 0, depth=self.depth)
        at_least(self, 1, batches=self.batches, first=self.first, most=self.most)
        share(self, part=self.part)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        left, size = state.unlabelled, self.first
        for _ in range(self.depth if len(left) > budget else 0):
            named = candidates(self.rules, self.batches, state, left, size, budget, rng)
            left = np.unique(np.concatenate(named))
            left = left[rng.permutation(len(left))[: max(self.most, budget)]]
            size = int(self.part * len(left))
        return unanswered(self.chooser, show_only(state, left), budget, rng)


def candidates(
    rules: Mapping[str, Strategy],
    batches: int,
    state: State,
    rows: Ints,
    size: int,
    budget: int,
    rng: np.random.Generator,
) -> list[Ints]:
    """Equally many batches of every rule, each from max(`size`, `budget`) random ones of `rows`."""
    named = []
    for rule in rules.values():
        for _ in range(max(batches // len(rules), 1)):
            seen = rng.permutation(rows)[: max(size, budget)]
            named.append(unanswered(rule, show_only(state, seen), budget, rng))
    return named


@dataclass(frozen=True, eq=False)
class BoSS:
    """Upper reference, not a method: of many rules' batches the one that lowers the error most;
    reads the truth (BoSS: Huseljic et al., TMLR 2026).

    Rules propose batches, each from a random part of the pool. The batch whose linear head, fitted
    with its true classes too, lowers the class-balanced error most is queried. The authors measure
    it on test rows; here it is measured on unlabelled pool rows outside the batch.
    ``truth_balanced`` stands for two of their rules; there is no BAIT.

        >>> rules = {"margin": Margin(), "truth": ClassBalancedByTruth()}
        >>> rows = BoSS(rules, batches=4).given(truth).select(state, 10, rng)

    Parameters
    ----------
    rules : strategies by name, at least one; they see no answers within the batch, and get the
        truth if they read it
    batches : equally many of every rule, at least one
    first : rows that a rule sees, at least the budget
    scored : random unlabelled rows that the error is measured on, at most
    l2 : penalty of the head's weights; the rows' mean weight is one
    iterations : steps of a fit, at most
    truth : (n,) the true class of every pool row, None until it is given
    """

    title = "BoSS"
    reads_truth: ClassVar[bool] = True
    rules: Mapping[str, Strategy]
    batches: int = 100
    first: int = 2500
    scored: int = 10_000
    l2: float = 1.0
    iterations: int = 50
    truth: Ints | None = None

    def __post_init__(self) -> None:
        require(len(self.rules) > 0, self, "one at least", rules=self.rules)
        counts = {"batches": self.batches, "first": self.first, "scored": self.scored}
        at_least(self, 1, **counts, iterations=self.iterations)
        above(self, 0, l2=self.l2)

    def given(self, truth: Ints) -> BoSS:
        rules = {name: knowing(rule, truth) for name, rule in self.rules.items()}
        return replace(self, rules=rules, truth=np.asarray(truth, dtype=np.int64))

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        if self.truth is None:
            raise ValueError("BoSS was not given the truth; call given(truth) first")
        rows = state.unlabelled
        if budget >= len(rows):
            return rng.permutation(rows)
        scored = rng.permutation(rows)[: self.scored]
        weights = 1 / np.bincount(self.truth[scored])[self.truth[scored]]
        before = state.probs[scored].argmax(axis=1) != self.truth[scored]
        named = candidates(self.rules, self.batches, state, rows, self.first, budget, rng)
        gains = []
        for batch in named:
            less = before.astype(float) - self._errs(state, batch, scored)
            gains.append(np.sum(weights * less * ~np.isin(scored, batch)))
        return named[int(random_argmax(np.round(gains, 9)[None], rng)[0])]

    def _errs(self, state: State, batch: Ints, scored: Ints) -> Floats:
        """(s,) errors on the scored rows of a head trained with this batch's true classes too."""
        assert self.truth is not None
        rows, k = np.concatenate([state.labelled, batch]), state.n_classes
        classes = np.concatenate([state.labels[state.labelled], self.truth[batch]])
        targets = one_hot(classes, k)
        weights = balanced_weights(targets, np.ones(len(rows)))
        data, fit = (state.rows.features[rows], targets, weights), (1e-5, self.iterations)
        head = logistic(*data, self.l2, np.zeros(k), *fit)
        guesses = (state.rows.features[scored] @ head[:-1] + head[-1]).argmax(axis=1)
        return np.asarray(guesses != self.truth[scored])


@dataclass(frozen=True)
class Tailor:
    """TAILOR: a bandit over strategies, rewarded for labels of rare classes (Zhang et al., 2023).

    Each candidate proposes a batch. For each query, a class distribution is drawn for every
    candidate from Dirichlet(1 + its counts); the candidate of highest expected reward gives its
    next row. The reward of a class is one over its labels, negative if it has over half of all.
    Counts start at expected labels of the batch and grow with the answers.

        >>> queries = Tailor({"margin": Margin(), "badge": Badge()}).select(state, 10, rng)
        >>> first = next(queries)

    Parameters
    ----------
    candidates : strategies by name, at least one
    chunk : rows per oracle call
    trust : expected labels in a candidate's initial counts
    """

    title = "TAILOR"
    candidates: Mapping[str, Strategy] = field(
        default_factory=lambda: {
            "galaxy": Galaxy(),
            "likely": MostLikelyPositive(),
            "confidence": Confidence(),
            "badge": Badge(),
            "flqmi": FLQMI(),
        }
    )
    chunk: int = 10
    trust: float = 5.0

    def __post_init__(self) -> None:
        require(len(self.candidates) > 0, self, "one at least", candidates=self.candidates)
        at_least(self, 1, chunk=self.chunk)
        at_least(self, 0, trust=self.trust)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Querying:
        budget = min(budget, len(state.unlabelled))
        if not budget:
            return None
        lists = [unanswered(self.candidates[c], state, budget, rng) for c in self.candidates]
        heads = np.zeros(len(lists), dtype=np.int64)
        found = np.array([1 + self.trust * state.probs[rows].mean(axis=0) for rows in lists])
        counts, free = state.counts.copy(), state.labels == UNLABELLED
        while budget:
            batch = np.empty(min(self.chunk, budget), dtype=np.int64)
            asker = np.empty(len(batch), dtype=np.int64)
            for i in range(len(batch)):
                draws = np.array([rng.dirichlet(1 + seen) for seen in found])
                hopes = np.round(draws @ reward(counts), 12)  # equal counts: rounding, no reward
                asker[i] = random_argmax(hopes[None], rng)[0]
                rows, head = lists[asker[i]], heads[asker[i]]
                while not free[rows[head]]:
                    head += 1
                heads[asker[i]], batch[i], free[rows[head]] = head, rows[head], False
            answers = yield batch
            heard = answers >= 0
            np.add.at(found, (asker[heard], answers[heard]), 1)
            counts += np.bincount(answers[heard], minlength=len(counts))
            budget -= len(batch)
        return None


def reward(counts: Ints) -> Floats:
    worth = 1 / np.maximum(counts, 1)
    return np.asarray(np.where(counts > counts.sum() / 2, -worth, worth))
