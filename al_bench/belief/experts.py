"""What answers say of each of the two experts, before they are pooled: pure arithmetic."""

from __future__ import annotations

import numpy as np

from al_bench.core.arrays import log_softmax
from al_bench.core.state import Floats, Ints


def even_weights(answers: Ints, pseudocount: float = 0.0) -> Floats:
    """(m,) weights under which every class that was answered weighs the same, one in all; a class
    of n rows weighs n / (n + pseudocount) of that."""
    counts = np.bincount(answers)
    return np.asarray(1.0 / (int((counts > 0).sum()) * (counts[answers] + pseudocount)))


def prior_trust(prior: Floats, answers: Ints) -> float:
    """How far the prior may be listened to, in 0..1: it may, unless the answers contradict it.

    The class-balanced agreement of ``argmax prior`` with the answers against what the product of
    the two marginals gives: 1 down to one standard error below it, 0 from two and a half on. A
    prior that says nothing agrees by chance and keeps its trust: the exponents leave it out.
    """
    index = np.arange(len(answers))
    best = prior == prior.max(axis=1, keepdims=True)
    guesses = best / best.sum(axis=1, keepdims=True)
    weights = even_weights(answers)
    agreement = weights @ guesses[index, answers]
    chance = guesses.mean(axis=0)[answers]
    spread = np.sqrt(np.sum(weights**2 * chance * (1 - chance)))
    if spread == 0:
        return 1.0
    return float(np.clip(((agreement - weights @ chance) / spread + 2.5) / 1.5, 0.0, 1.0))


def class_bias(held_out: Floats, answers: Ints, pseudocount: float) -> Floats:
    """(k,) by how much the task model favours each class whatever the row, in log-probability.

    The mean of (m, k) held-out log-probabilities over rows, every answer's class weighing the
    same, less its own mean over classes: zero for an expert that favours none. With few rows of
    a class the regression's intercept favours the others by far; with few rows that mean is
    uncertain too, so a class of n rows counts n / (n + pseudocount). Zeros without a row.
    """
    mean = even_weights(answers, pseudocount).astype(held_out.dtype) @ held_out
    return np.asarray(mean - mean.mean())


def divided_prior(log_prior: Floats, means: Floats, exponent: float) -> Floats:
    """(n, k) log-probabilities less so many times the logarithms of their classes' means (k,)."""
    return log_prior if exponent == 0 else log_softmax(log_prior - exponent * means)


def curvature(n_classes: int) -> float:
    """Of a row's cross-entropy along the score of one of so many even classes."""
    return (n_classes - 1) / n_classes**2
