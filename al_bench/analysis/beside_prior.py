"""Every method held against the prior alone: where it ends, and from how many labels on it is
better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.analysis.curves import Setting
from al_bench.analysis.keys import Method
from al_bench.analysis.savings import isotonic, labels_needed, last_level


@dataclass(frozen=True)
class BesidePrior:
    """One method in one setting. prior: the metric without any label; end: the mean over the last
    tenth of the budget; needed: labels from which the isotonic mean curve is above the prior for
    good, inf if it never is; better: seeds whose end is above their prior, of `seeds`."""

    method: Method
    prior: float
    end: float
    needed: float
    better: int
    seeds: int


def beside_prior(setting: Setting, method: Method, prior: float) -> BesidePrior:
    """How a method does beside a prior whose metric is `prior`.

    The prior is taken as one number, its mean over seeds: it has no label to be lucky with.
    """
    curves = setting.of(method)
    mean = curves.mean(axis=0, keepdims=True)
    aim = np.array([[np.nextafter(prior, 1.0)]])
    needed = float(labels_needed(isotonic(mean), setting.labels, aim)[0, 0])
    ends = last_level(curves, setting.labels)
    better = int(np.count_nonzero(ends > prior))
    return BesidePrior(method, prior, float(ends.mean()), needed, better, len(curves))
