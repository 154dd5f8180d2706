"""Savings level by level, in plain loops."""

from __future__ import annotations

import numpy as np


def first_reached(curve: np.ndarray, labels: np.ndarray, level: float) -> float:
    """Labels at which a curve, linear between points, first reaches a level; inf if never."""
    if curve[0] >= level:
        return float(labels[0])
    for i in range(1, len(curve)):
        if curve[i] >= level:
            part = (level - curve[i - 1]) / (curve[i] - curve[i - 1])
            return float(labels[i - 1] + part * (labels[i] - labels[i - 1]))
    return float("inf")


def ratio_over_levels(a: np.ndarray, b: np.ndarray, labels: np.ndarray, steps: int) -> float:
    """Labels of a per label of b, over levels from b's start to the highest of both; a level that
    one misses counts as the highest that both reach, which costs the lower one its budget."""
    shared = min(a.max(), b.max())
    at_a, at_b = first_reached(a, labels, shared), first_reached(b, labels, shared)
    if a.max() < b.max():
        at_a = float(labels[-1])
    if b.max() < a.max():
        at_b = float(labels[-1])
    ratio = min(max(at_a / at_b, 0.5), 2.0)
    low, high = b[0], max(a.max(), b.max())
    spent_a = spent_b = 0.0
    for level in low + (high - low) * (np.arange(steps) + 0.5) / steps:
        need_a, need_b = first_reached(a, labels, level), first_reached(b, labels, level)
        spent_a += need_a if need_a < float("inf") else ratio * need_b
        spent_b += need_b if need_b < float("inf") else need_a / ratio
    return spent_a / spent_b
