"""Corrections of each expert by the answers, before the experts are pooled: pure arithmetic."""

from __future__ import annotations

import numpy as np

from al_bench.core.arrays import log_softmax
from al_bench.core.state import Floats, Ints


def even_weights(answers: Ints, pseudocount: float = 0.0) -> Floats:
    """(m,) sample weights that give every answered class equal weight, summing to one; a class of n
    rows gets n / (n + pseudocount) of its share."""
    counts = np.bincount(answers)
    return np.asarray(1.0 / (int((counts > 0).sum()) * (counts[answers] + pseudocount)))


def prior_trust(prior: Floats, answers: Ints) -> float:
    """Trust in the prior, in 0..1: 1 unless the answers contradict it.

    Compares the class-balanced agreement of ``argmax prior`` and answers with the agreement by
    chance (product of the marginals): 1 down to one standard error below chance, 0 from two and a
    half on. An uninformative prior agrees by chance and keeps its trust; its exponent removes it.
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
    """(k,) the task model's bias for each class, independent of the row, in log-probability.

    The class-balanced mean of (m, k) held-out log-probabilities over rows, minus its mean over
    classes: zeros for an unbiased model. The regression's intercept strongly disfavours a class
    with few rows. A mean over few rows is uncertain too, so a class of n rows counts n / (n +
    pseudocount). Zeros without rows.
    """
    mean = even_weights(answers, pseudocount).astype(held_out.dtype) @ held_out
    return np.asarray(mean - mean.mean())


def divided_prior(log_prior: Floats, means: Floats, exponent: float) -> Floats:
    """(n, k) log-probabilities of the prior divided by its class means (k, as logs) ** exponent."""
    return log_prior if exponent == 0 else log_softmax(log_prior - exponent * means)
