"""Every method held against the prior alone: where it ends, and from how many labels on it is
better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from al_bench.analysis.curves import Setting
from al_bench.analysis.keys import Method
from al_bench.analysis.savings import CLOSE, isotonic, labels_needed, last_level

CORRECTED = "corrected_prior_balanced_accuracy"
LEVELS = {"balanced_accuracy": CORRECTED, "product_balanced_accuracy": CORRECTED}


@dataclass(frozen=True)
class BesidePrior:
    """One method in one setting. end: the mean over the last tenth of the budget; needed: labels
    from which the isotonic mean curve is above the prior for good, inf if it never is; better:
    seeds whose own end is above it, of `seeds`."""

    method: Method
    end: float
    needed: float
    better: int
    seeds: int


def beside_prior(setting: Setting, method: Method) -> BesidePrior:
    """How a method does beside the prior alone, by the metric of the setting.

    The prior is taken as one number, its mean over seeds: it has no label to be lucky with. What is
    above it by rounding alone is not. ValueError where the runs have no round without labels.
    """
    if np.isnan(setting.prior):
        raise ValueError(f"report.beside_prior needs the prior alone, which the runs in "
                         f"{setting.place} do not have; wanted a round without labels")  # fmt: skip
    curves, above = setting.of(method), setting.prior + 2 * CLOSE
    mean = isotonic(curves.mean(axis=0, keepdims=True))
    needed = float(labels_needed(mean, setting.labels, np.array([[above]]))[0, 0])
    ends = last_level(curves, setting.labels)
    better = int(np.count_nonzero(ends > above))
    return BesidePrior(method, float(ends.mean()), needed, better, len(curves))


def corrected_prior(frame: pd.DataFrame, metric: str) -> float:
    """What the prior alone has of a metric once its bias is taken out without a label.

    The mean over the runs of one setting; NaN where the metric has no such level, or the runs did
    not measure it.
    """
    level = LEVELS.get(metric)
    if level is None or level not in frame:
        return float("nan")
    return float(frame.loc[frame["n_labels"] == 0, level].mean())
