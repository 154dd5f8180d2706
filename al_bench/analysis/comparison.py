"""One method held against another in one setting, and which baseline is the strongest there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.curves import Setting
from al_bench.analysis.keys import Method
from al_bench.analysis.savings import Saving, area, compare
from al_bench.analysis.spec import ReportSpec
from al_bench.rng import rng


@dataclass(frozen=True)
class Comparison:
    """One method against the baseline that a rule chose, in one setting."""

    method: Method
    baseline: Method
    rule: str
    savings: list[Saving]
    paired: stats.Paired  # of the area under the curve
    final: stats.Paired  # at the full budget

    def saving(self, form: str, smooth: bool = True) -> Saving:
        return next(s for s in self.savings if s.form == form and s.smooth == smooth)


def strongest(setting: Setting, methods: Sequence[Method], seeds: int) -> Method | None:
    """The method of largest mean AUC over the first seeds of a setting; None where none has any."""
    with np.errstate(invalid="ignore"):
        areas = area(setting.curves[:, :seeds], setting.labels, log=False)
    means = {m: areas[setting.methods.index(m)] for m in methods}
    known = {m: np.nanmean(a) for m, a in means.items() if not np.isnan(a).all()}
    return max(known, key=lambda m: known[m]) if known else None


def held_against(
    setting: Setting,
    method: Method,
    baseline: Method,
    skip: int,
    reference: float | None,
    spec: ReportSpec,
) -> Comparison | None:
    """One comparison over the seeds both have after the first `skip`; None where there is none.

    Without a reference only what every table shows is computed: the savings at the final level and
    over all levels, on isotonic curves.
    """
    seeds = setting.curves[:, skip:]
    a, b = (seeds[setting.methods.index(name)] for name in (method, baseline))
    both = ~(np.isnan(a) | np.isnan(b)).any(axis=1)
    if not both.any():
        return None
    a, b = a[both], b[both]
    draws = resamples_of(setting, method, baseline, skip, spec)
    if reference is None:
        found = compare(a, b, setting.labels, 0.0, (), spec.bootstrap, draws, fits=(True,))
    else:
        gaps = tuple(spec.targets)
        found = compare(a, b, setting.labels, reference, gaps, spec.bootstrap, draws)
    areas = (area(curves, setting.labels, log=False) for curves in (a, b))
    final = stats.paired(a[:, -1], b[:, -1])
    return Comparison(method, baseline, "", found, stats.paired(*areas), final)


def resamples_of(
    setting: Setting, method: Method, baseline: Method, skip: int, spec: ReportSpec
) -> np.random.Generator:
    """The generator of a comparison's resamples: no other method or setting moves them."""
    these = (setting.place.text, method.text, baseline.text)
    return rng(spec.seed, f"bootstrap {' against '.join(these)} {skip}")
