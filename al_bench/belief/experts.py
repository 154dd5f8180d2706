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
