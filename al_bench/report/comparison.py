"""One method held against another in one setting, and which baseline is the strongest there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.curves import Floats, Setting
from al_bench.analysis.keys import Method
from al_bench.analysis.savings import Saving, area, compare
from al_bench.analysis.spec import ReportSpec
from al_bench.rng import rng


@dataclass(frozen=True)
class Compared:
    """Two sets of learning curves, paired by seed, held against each other."""

    savings: list[Saving]
    paired: stats.Paired  # of the area under the curve
    final: stats.Paired  # at the full budget

    def saving(self, form: str) -> Saving:
        """What one saves over the other at the `final` level, or `integrated` over all."""
        return next(s for s in self.savings if s.form == form)


@dataclass(frozen=True)
class Comparison(Compared):
    """One method against another, in one setting."""

    method: Method
    baseline: Method


def strongest(setting: Setting, methods: Sequence[Method]) -> Method | None:
    """The method of largest mean AUC in a setting; None where there is none."""
    places = [setting.methods.index(method) for method in methods]
    best = best_of(area(setting.curves[places], setting.labels, log=False))
    return None if best is None else methods[best]


def best_of(areas: Floats) -> int | None:
    """The row of (k, s) areas of largest mean over the seeds it has; None where none has any."""
    known = np.flatnonzero(~np.isnan(areas).all(axis=1))
    if not len(known):
        return None
    return int(known[np.nanmean(areas[known], axis=1).argmax()])


def crossed(rivals: Floats, labels: Floats) -> tuple[Floats, tuple[int, ...]]:
    """(s, p) curves of the best of some rivals (k, s, p), and which of them they are.

    The best is a maximum over noise, so it is chosen by area on one half of the seeds and its
    curves are taken on the other half, both ways; with one or two seeds on all of them. NaN where
    the chosen one has no run with a seed.
    """
    areas = area(rivals, labels, log=False)
    every = np.arange(rivals.shape[1])
    one, other = every[: len(every) // 2], every[len(every) // 2 :]
    halves = [(one, other), (other, one)] if len(every) > 2 else [(every, every)]
    found, who = np.full(rivals.shape[1:], np.nan), []
    for by, on in halves:
        best = best_of(areas[:, by])
        if best is not None:
            found[on] = rivals[best, on]
            who.append(best)
    return found, tuple(dict.fromkeys(who))


def held_against(
    setting: Setting, method: Method, baseline: Method, spec: ReportSpec
) -> Comparison | None:
    """One comparison over the seeds that both have; None where there are none."""
    a, b = (setting.curves[setting.methods.index(name)] for name in (method, baseline))
    who = f"{method.text} against {baseline.text} 0"
    found = compared(setting, a, b, who, spec)
    if found is None:
        return None
    return Comparison(found.savings, found.paired, found.final, method, baseline)


def compared(setting: Setting, a: Floats, b: Floats, who: str, spec: ReportSpec) -> Compared | None:
    """Curves (s, p) of a setting against others, over the seeds that both have; None where there
    are none. who: names them, so that no other method or setting moves their resamples."""
    both = ~(np.isnan(a) | np.isnan(b)).any(axis=1)
    if not both.any():
        return None
    a, b = a[both], b[both]
    draws = rng(spec.seed, f"bootstrap {setting.place.text} against {who}")
    found = compare(a, b, setting.labels, spec.bootstrap, draws)
    areas = (area(curves, setting.labels, log=False) for curves in (a, b))
    return Compared(found, stats.paired(*areas), stats.paired(a[:, -1], b[:, -1]))
