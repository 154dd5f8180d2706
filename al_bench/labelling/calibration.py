"""A model's probabilities at the pool's class shares, calibrated on the audit, and thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import log_softmax, softmax
from al_bench.core.predictor import logs
from al_bench.core.state import Floats, Ints

STEPS = 50  # of the fixed point
ENOUGH = 5_000  # rows by which offsets are found
RANKS = 200  # numbers of rows for which a threshold is kept
LOG2 = np.linspace(-2, 2, 17)  # of the inverse temperatures that are tried
SPREAD = 0.5  # standard deviation of the prior of log2 inverse temperature


@dataclass(frozen=True, eq=False)
class Calibration:
    """What makes probabilities calibrated on a pool.

    shares: (k,) the pool's class shares; inverse_temperature: factor of log-probabilities; offsets:
    (k,) added to them; curves: (k, 3, r) of each class, by falling threshold: the threshold, the
    precision and the recall that are expected of the rows above it."""

    shares: Floats
    inverse_temperature: float
    offsets: Floats
    curves: Floats

    def __call__(self, probs: Floats) -> Floats:
        """(m, k) calibrated probabilities; probs: (m, k) of the model."""
        return softmax(self.inverse_temperature * logs(probs) + self.offsets)

    def threshold(self, c: int, precision: float | None, recall: float | None) -> float:
        """The threshold of class c with this expected precision or recall, else the best F1."""
        thresholds, precisions, recalls = self.curves[c]
        if precision is None and recall is None:
            f1 = 2 * precisions * recalls / np.maximum(precisions + recalls, 1e-12)
            return float(thresholds[f1.argmax()])
        if precision is not None and recall is not None:
            raise ValueError("both a precision and a recall are wanted; wanted one of them")
        if precision is None:
            fits, wanted = recalls >= recall, f"recall of {recall}"
            best = fits.argmax()  # the highest threshold
        else:
            fits, wanted = precisions >= precision, f"precision of {precision}"
            best = len(fits) - 1 - fits[::-1].argmax()  # the lowest one
        if not fits.any():
            raise ValueError(
                f"no threshold has an expected {wanted}; it is {precisions.max():.2f} at most"
            )
        return float(thresholds[best])


def thresholds(
    found: Calibration,
    classes: Sequence[str],
    precision: Mapping[str, float],
    recall: Mapping[str, float],
) -> tuple[float | None, ...]:
    """(k,) the threshold of each class with the precision or recall that is wished of it, None
    where neither is; ValueError for an unknown class, or what no threshold has."""
    for name, value in (*precision.items(), *recall.items()):
        if name not in classes:
            raise ValueError(f"{name!r} is no class; wanted one of {', '.join(classes)}")
        if not 0 < value <= 1:
            raise ValueError(f"{value} is wished of {name}; wanted a fraction above 0")
    wishes = [(precision.get(name), recall.get(name)) for name in classes]
    return tuple(
        None if wish == (None, None) else found.threshold(c, *wish) for c, wish in enumerate(wishes)
    )


def calibrated(probs: Floats, rows: Ints, truths: Floats, each: Floats) -> Calibration:
    """The calibration of a pool's probabilities by its audit.

    Class shares are the audit's, with k more rows at the model's own shares. For each inverse
    temperature the offsets that give the pool these shares are found (the prior shift of Saerens et
    al., 2002, with known shares); the temperature with the least log loss on the audit is kept, by
    a prior around 1. Expected precision and recall are sums of calibrated probabilities (Lipton et
    al., 2014).

    probs: (n, k); rows: (a,) audited ones; truths: (a, k) estimates of their classes; each: (a,)
    the fraction of all rows that each stands for."""
    (_, k), a, own = probs.shape, len(rows), probs.mean(axis=0)
    shares = (a * (each @ truths if a else own) + k * own) / (a + k)
    scores = logs(probs.astype(np.float64))
    some = scores[:: max(1, len(scores) // ENOUGH)]
    tried = LOG2 if a else np.zeros(1)
    offsets = [offsets_for(2**log2 * some, shares) for log2 in tried]
    losses = [
        0.5 * (log2 / SPREAD) ** 2
        - a * float(each @ (truths * log_softmax(2**log2 * scores[rows] + o)).sum(axis=1))
        for log2, o in zip(tried, offsets, strict=True)
    ]
    best = int(np.argmin(losses))
    factor = float(2 ** tried[best])
    final = softmax(factor * scores + offsets[best])
    return Calibration(shares, factor, offsets[best], np.stack([curve(p) for p in final.T]))


def offsets_for(scores: Floats, shares: Floats) -> Floats:
    """(k,) offsets of (n, k) scores with which the mean of their softmax is `shares`."""
    offsets: Floats = np.zeros(len(shares))
    for _ in range(STEPS):
        step = np.log(shares / np.maximum(softmax(scores + offsets).mean(axis=0), 1e-12))
        offsets += step
        if np.abs(step).max() < 1e-3:
            break
    return np.asarray(offsets - offsets.mean())


def curve(probs: Floats) -> Floats:
    """(3, r) thresholds with expected precision and recall; probs: (n,) of one class."""
    falling = np.sort(probs)[::-1]
    ranks = np.unique(np.geomspace(1, len(probs), RANKS).astype(np.int64))
    found = np.cumsum(falling)[ranks - 1]
    return np.stack([falling[ranks - 1], found / ranks, found / max(falling.sum(), 1e-12)])
