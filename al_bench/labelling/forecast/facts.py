"""What is known of a pool when a forecast is made: what the foundation model says of its rows, and
how a few labels of rows drawn at random agree with it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from al_bench.core.arrays import one_hot
from al_bench.core.state import Floats, Ints

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)  # of the ridge, in mean squared lengths of a row
MOST = 500  # labelled rows that are asked how well features tell them
WORD = 5  # labels that what the foundation model says of itself is worth
STEPS = 50  # of expectation maximisation


@dataclass(frozen=True)
class Facts:
    """What a forecast is made of.

    rows, classes: their numbers; noise: fraction of wrong answers; labels: of rows drawn at random;
    confidence: mean probability of the foundation model's class; right, recall: its accuracy, and
    mean recall of the classes, as it says itself or, with labels, as these say; shares: (k,) of the
    classes, likewise; learnable: fraction of variance of the labels that a linear head on the
    features explains, leave-one-out, 0 without any.
    """

    rows: int
    classes: int
    noise: float
    labels: int
    confidence: float
    right: float
    recall: float
    shares: Floats
    learnable: float

    @classmethod
    def of(cls, line: Any) -> Facts:
        """The facts in a line of a table, a mapping or a series."""
        return cls(**{one.name: line[one.name] for one in fields(cls)})

    def seen(self, labels: Floats | float) -> Floats:
        """The labels of a class, geometric mean over classes, that so many of random rows hold; in
        labels without noise that say as much."""
        k, counts = self.classes, np.asarray(labels, dtype=float)[..., None] * self.shares
        worth = max(1 - self.noise * k / (k - 1), 0.0) ** 2
        return np.asarray(np.exp(np.log1p(counts * worth).mean(axis=-1)) - 1)


def facts_of(
    features: Floats,
    prior: Floats,
    rows: Ints,
    answers: Ints,
    noise: float = 0.0,
    weights: Floats | None = None,
) -> Facts:
    """The facts of a pool.

    features: (n, d); prior: (n, k) class probabilities; rows, answers: (m,) labelled rows, which
    must have been drawn at random, and their classes; noise: fraction of these that is wrong;
    weights: (m,) the fraction of the pool that each stands for (None: the same). O(n k + d MOST^2).
    """
    n, k = prior.shape
    right, recalls, shares = agreement(prior, rows, answers, noise, weights)
    some = slice(None, None, len(rows) // MOST + 1)
    own = explained(features[rows[some]], one_hot(answers[some], k)) if len(rows) else 0.0
    sure = float(prior.max(axis=1).mean())
    recall = float(recalls.mean())
    return Facts(n, k, noise, len(rows), sure, right, recall, shares, own)


def agreement(
    prior: Floats, rows: Ints, answers: Ints, noise: float, weights: Floats | None = None
) -> tuple[float, Floats, Floats]:
    """Accuracy of the foundation model, (k,) its recalls, and (k,) shares of the classes.

    Maximum a posteriori by expectation maximisation over the true classes of labelled rows, whose
    answers err evenly over the other classes (Dawid and Skene, 1979). Recalls lie about the
    accuracy, the accuracy about what the model says itself, and the shares about those of its
    classes, each with the weight of `WORD` labels. Its errors fall on classes as its guesses do, so
    that a rare class does not take the blame for wrong answers about frequent ones.
    """
    k, guesses = prior.shape[1], prior.argmax(axis=1)
    sure, guessed = float(prior.max(axis=1).mean()), np.bincount(guesses, minlength=k) / len(prior)
    said = np.full((k, k), noise / (k - 1))
    np.fill_diagonal(said, 1 - noise)
    heard, hit = said[:, answers].T, one_hot(guesses[rows], k) > 0
    missed = guessed[guesses[rows]][:, None] / np.maximum(1 - guessed, 1e-6)  # (m, k) if missed
    before = (guessed + 1 / k) / 2
    each = np.ones((len(rows), 1)) if weights is None else len(rows) * weights[:, None]
    right, recalls, shares = sure, np.full(k, sure), before
    for _ in range(STEPS if len(rows) else 0):
        truths = shares * np.where(hit, recalls, (1 - recalls) * missed) * heard + 1e-15
        truths *= each / truths.sum(axis=1, keepdims=True)
        counts, hits = truths.sum(axis=0), (truths * hit).sum(axis=0)
        right = float(hits.sum() + WORD * sure) / (len(rows) + WORD)
        recalls = (hits + WORD * right) / (counts + WORD)
        shares = (counts + WORD * before) / (len(rows) + WORD)
    return right, recalls, shares


def explained(features: Floats, classes: Floats) -> float:
    """The fraction of variance of (m, k) class indicators that ridge regression explains of rows
    left out, one at a time, at the best of some penalties; 0 at least."""
    goal = classes - classes.mean(axis=0)
    total = float((goal**2).sum())
    if total == 0:
        return 0.0
    apart = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    lengths, turn = np.linalg.eigh(
        apart @ apart.T / max(float((apart**2).sum(axis=1).mean()), 1e-12)
    )
    lengths, turned, best = np.maximum(lengths, 0), turn.T @ goal, np.inf
    for penalty in PENALTIES:
        kept = lengths / (lengths + penalty)
        own = (turn**2) @ kept + 1 / len(goal)  # how much a row's fit is its own label
        rest = (goal - (turn * kept) @ turned) / np.maximum(1 - own, 1e-6)[:, None]
        best = min(best, float((rest**2).sum()))
    return max(1 - best / total, 0.0)
