"""TAILOR: algorithm selection by Thompson sampling (Zhang et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from al_bench.core.arrays import at_least, require
from al_bench.core.state import UNLABELLED, Floats, Ints, Querying, State, Strategy
from al_bench.strategies.badge import Badge
from al_bench.strategies.balanced import MostLikelyPositive
from al_bench.strategies.common.ranking import random_argmax, unanswered
from al_bench.strategies.galaxy import Galaxy
from al_bench.strategies.similar import FLQMI
from al_bench.strategies.uncertainty import Confidence


@dataclass(frozen=True)
class Tailor:
    """TAILOR: a bandit over strategies, rewarded for labels of rare classes (Zhang et al., 2023).

    Each candidate proposes a batch. For each query, a class distribution is drawn for every
    candidate from Dirichlet(1 + its counts); the candidate of highest expected reward gives its
    next row. The reward of a class is one over its labels, negative if it has over half of all.
    Counts start at one plus expected labels, from the model's probabilities of the candidate's
    batch, and grow with the answers of each oracle call. O(b m k) plus the candidates.

        >>> queries = Tailor({"margin": Margin(), "badge": Badge()}).select(state, 10, rng)
        >>> first = next(queries)

    Parameters
    ----------
    candidates : strategies by name, at least one
    chunk : rows per oracle call
    trust : expected labels in a candidate's initial counts
    """

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
