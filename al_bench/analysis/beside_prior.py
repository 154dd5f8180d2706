"""Curves held against a level that needs no label, such as the prior alone: where they end, and
from how many labels on they are better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from al_bench.analysis.curves import Floats, Setting
from al_bench.analysis.keys import Method
from al_bench.analysis.savings import CLOSE, isotonic, labels_needed, last_level

CORRECTED = "corrected_prior_balanced_accuracy"
LEVELS = {"balanced_accuracy": CORRECTED, "product_balanced_accuracy": CORRECTED}


@dataclass(frozen=True)
class Beside:
    """One method beside a level. end: its mean over the last tenth of the budget; needed: labels
    from which the isotonic mean curve is above the level for good, inf if it never is; better:
    seeds whose own end is above it, of `seeds`."""

    level: float
    end: float
    needed: float
    better: int
    seeds: int


def beside(curves: Floats, labels: Floats, level: float) -> Beside:
    """How curves (s, p) do beside a level; what is above it by rounding alone is not."""
    above = level + 2 * CLOSE
    mean = isotonic(curves.mean(axis=0, keepdims=True))
    needed = float(labels_needed(mean, labels, np.array([[above]]))[0, 0])
    ends = last_level(curves, labels)
    better = int(np.count_nonzero(ends > above))
    return Beside(level, float(ends.mean()), needed, better, len(curves))


def beside_prior(setting: Setting, method: Method) -> Beside:
    """How a method does beside the prior alone, by the metric of the setting.

    The prior is taken as one number, its mean over seeds: it has no label to be lucky with.
    ValueError where the runs have no round without labels.
    """
    return beside(setting.of(method), setting.labels, alone("report.beside_prior", setting))


def alone(what: str, setting: Setting) -> float:
    """The level without labels; ValueError, to who asks for it, where there is none."""
    if np.isnan(setting.prior):
        raise ValueError(f"{what} needs the prior alone, which the runs in {setting.place} do not "
                         "have; wanted a round without labels")  # fmt: skip
    return setting.prior


def corrected_prior(frame: pd.DataFrame, metric: str) -> float:
    """What the prior alone has of a metric once its bias is taken out without a label.

    The mean over the runs of one setting; NaN where the metric has no such level, or the runs did
    not measure it.
    """
    level = LEVELS.get(metric)
    if level is None or level not in frame:
        return float("nan")
    return float(frame.loc[frame["n_labels"] == 0, level].mean())
