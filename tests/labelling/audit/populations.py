"""Pools whose truth is known, models that guess it, and audits of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.metrics import recalls
from al_bench.core.state import Floats, Ints
from al_bench.labelling.audit.design import Audit, next_audited, reserve


@dataclass(frozen=True)
class Population:
    """truth: (n,) classes; probs: (n, k) a model's; strata, places: (n,) of the audit's design."""

    truth: Ints
    probs: Floats
    strata: Ints

    @property
    def accuracy(self) -> float:
        return float(np.mean(self.probs.argmax(axis=1) == self.truth))

    @property
    def recalls(self) -> Floats:
        return recalls(self.truth, self.probs.argmax(axis=1), self.probs.shape[1])

    def audit(self, count: int, seed: int) -> Audit:
        """So many rows by the design, with the truth for answers."""
        places = reserve(self.strata, 1.0, np.random.default_rng(seed))[1]
        rows = next_audited(self.strata, places, np.empty(0, dtype=np.int64), count)
        return Audit(rows, self.strata, self.truth[rows])


def make_population(
    shares: tuple[float, ...] = (0.6, 0.3, 0.1), n: int = 3000, sharp: float = 1.5, seed: int = 0
) -> Population:
    """Classes of these shares; the model sees the true class's log-odds raised by `sharp`, in noise
    of one, and knows the shares, so that its probabilities are right on average."""
    rng, k = np.random.default_rng(seed), len(shares)
    truth = rng.choice(k, n, p=shares)
    seen = rng.standard_normal((n, k)) + sharp * np.eye(k)[truth]
    scores = np.exp(sharp * seen) * np.array(shares)
    prior = np.exp(rng.standard_normal((n, k)) + np.eye(k)[truth]).argmax(axis=1)
    return Population(truth, scores / scores.sum(axis=1, keepdims=True), prior)


def answered(truth: Ints, k: int, error: float, people: int, seed: int) -> Ints:
    """(a, people) answers that are wrong so often, as each other class alike."""
    rng = np.random.default_rng(seed)
    said = np.repeat(truth[:, None], people, axis=1)
    other = (said + rng.integers(1, k, said.shape)) % k
    return np.where(rng.random(said.shape) < error, other, said)
