"""The share of the budget in plain loops, with scikit-learn's isotonic fit and SciPy's t test."""

from __future__ import annotations

import numpy as np
from scipy.stats import ttest_1samp
from sklearn.isotonic import IsotonicRegression


def share(ours: np.ndarray, opponent: np.ndarray, labels: np.ndarray) -> float:
    """The share at which the isotonic fit of our mean curve, linear between points, first reaches
    the opponent's mean at its last point; inf if never."""
    curve = IsotonicRegression().fit_transform(labels, ours.mean(axis=0))
    level = opponent[:, -1].mean()
    if curve[0] >= level:
        return float(labels[0] / labels[-1])
    for i in range(1, len(curve)):
        if curve[i] >= level:
            part = (level - curve[i - 1]) / (curve[i] - curve[i - 1])
            return float((labels[i - 1] + part * (labels[i] - labels[i - 1])) / labels[-1])
    return float("inf")


def interval(ours: np.ndarray, opponent: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The first and the last share at which the paired difference is not told from zero, or from
    above; the last is inf where that is so at the end of the budget."""
    within = []
    for part in np.linspace(labels[0] / labels[-1], 1, 2000):
        there = np.array([np.interp(part * labels[-1], labels, curve) for curve in ours])
        test = ttest_1samp(there - opponent[:, -1], 0.0)
        if test.pvalue >= 0.05:
            within.append(float(part))
    return within[0], within[-1] if within[-1] < 1 else float("inf")
