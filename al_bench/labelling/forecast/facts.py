"""What is known of a pool when a forecast is made: what the foundation model says of its rows, and
how a few labels of rows drawn at random agree with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from al_bench.core.arrays import one_hot
from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints

ROWS = 800  # drawn to see how the foundation model's classes lie among the features
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)  # of the ridge, in mean squared lengths of a row
STEPS = 30  # of expectation maximisation


@dataclass(frozen=True)
class Facts:
    """What a forecast is made of.

    rows, classes: their numbers; noise: fraction of wrong answers; labels: of rows drawn at random;
    confidence: mean probability of the foundation model's class; right, recall: its accuracy, and
    mean recall of the classes, as it says itself or, with labels, as these say; shares: (k,) of the
    classes, likewise; smooth: fraction of variance of its classes that a linear head on the
    features explains, leave-one-out; learnable: the same of the labels, 0 without any.
    """

    rows: int
    classes: int
    noise: float
    labels: int
    confidence: float
    right: float
    recall: float
    shares: Floats
    smooth: float
    learnable: float

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Facts:
        """The facts in a line of a table."""
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
    seed: int = 0,
    smooth: float | None = None,
) -> Facts:
    """The facts of a pool.

    features: (n, d); prior: (n, k) class probabilities; rows, answers: (m,) labelled rows, which
    must have been drawn at random, and their classes; smooth: if it is known from before. O(n k +
    d ROWS^2).
    """
    n, k = prior.shape
    if smooth is None:
        some = rng(seed, "forecast").permutation(n)[:ROWS]
        smooth = explained(features[some], one_hot(prior[some].argmax(axis=1), k))
    joint = agreement(prior, rows, answers, noise)
    shares = joint.sum(axis=0)
    recalls = np.diag(joint) / np.maximum(shares, 1e-12)
    own = explained(features[rows], one_hot(answers, k)) if len(rows) else 0.0
    return Facts(n, k, noise, len(rows), float(prior.max(axis=1).mean()), float(np.trace(joint)),
                 float(recalls.mean()), shares, smooth, own)  # fmt: skip


def agreement(prior: Floats, rows: Ints, answers: Ints, noise: float) -> Floats:
    """(k, k) fractions of the rows by the foundation model's class and the true one.

    Expectation maximisation over the true classes of labelled rows, whose answers err evenly over
    the other classes (Dawid and Skene, 1979). What the model says itself counts as one label a
    class.
    """
    k = prior.shape[1]
    guesses = prior.argmax(axis=1)
    own = np.zeros((k, k))
    np.add.at(own, guesses, prior.astype(np.float64))
    own /= own.sum()
    said = np.full((k, k), noise / (k - 1))
    np.fill_diagonal(said, 1 - noise)
    heard, seen, joint = said[:, answers].T, one_hot(guesses[rows], k).astype(float), own
    for _ in range(STEPS if len(rows) else 0):
        truths = joint[guesses[rows]] * heard + 1e-12
        truths /= truths.sum(axis=1, keepdims=True)
        joint = (seen.T @ truths + k * own) / (len(rows) + k)
    return joint


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
