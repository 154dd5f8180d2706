"""What labels add to the foundation model alone, method by method."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from al_bench.report.analysis import Analysis
from al_bench.report.curves import LearningCurves
from al_bench.report.keys import Method, Setting
from al_bench.report.savings import area, last_level
from al_bench.report.stats import Floats
from al_bench.report.tables.render import NONE, Table, called

BELOW = 0.005  # of accuracy: so much under the foundation model counts as below it


def ladders(analysis: Analysis) -> list[tuple[Setting, list[int]]]:
    """The places of settings that differ only in data set and prior, the weakest prior first."""
    groups: dict[Setting, list[int]] = {}
    curves = [found.curves for found in analysis.settings]
    for place in sorted(range(len(curves)), key=lambda place: curves[place].prior):
        groups.setdefault(curves[place].setting.without("dataset", "prior"), []).append(place)
    return [(shared, places) for shared, places in sorted(groups.items()) if len(places) > 1]


def beyond_prior(analysis: Analysis) -> list[Table]:
    """A table for all settings that differ in their data set and prior alone."""
    return [table_of(analysis, shared, places) for shared, places in ladders(analysis)]


def table_of(analysis: Analysis, shared: Setting, places: Sequence[int]) -> Table:
    """Gains over the foundation model alone in these settings, the best mean area first."""
    gains = {method: [gain for place in places if (gain := gain_of(analysis, method, place))]
             for method in analysis.competitors}  # fmt: skip
    whole = [method for method, found in gains.items() if len(found) == len(places)]
    methods = sorted(whole, key=lambda m: -np.mean([area(y, n)[0] for n, y in gains[m]]))

    def mean(method: Method, of: Callable[[Floats, Floats], float]) -> float:
        return float(np.mean([of(labels, curve) for labels, curve in gains[method]]))

    def until(method: Method, more: float) -> str:
        found = [float(n[(y[0] >= more).argmax()]) for n, y in gains[method] if y.max() >= more]
        return f"{np.median(found):.0f} ({len(found)})" if found else NONE

    columns: dict[str, Callable[[Method], str]] = {
        "method": lambda m: called(analysis, m),
        "first batch": lambda m: points(mean(m, lambda n, y: y[0, 0])),
        "area": lambda m: points(mean(m, lambda n, y: area(y, n)[0])),
        "end": lambda m: points(mean(m, lambda n, y: last_level(y, n)[0])),
        "below it at the end": lambda m: str(
            sum(last_level(y, n)[0] < -BELOW for n, y in gains[m])
        ),
        "rounds below it, %": lambda m: f"{100 * mean(m, lambda n, y: (y < -BELOW).mean()):.0f}",
        "labels to +1": lambda m: until(m, 0.01),
        "labels to +5": lambda m: until(m, 0.05),
    }
    left = len(analysis.competitors) - len(methods)
    note = (
        f"Balanced accuracy less that of the foundation model alone, in points; means over "
        f"{len(places)} pairs of data set and foundation model, of curves that are means over "
        "seeds. A method counts with its probabilities alone or multiplied by the prior's, "
        "whichever has the larger area in a setting; ours as they are. Labels to a gain: the "
        "median over the pairs that reach it, in brackets how many do."
    ).replace("Balanced accuracy", analysis.spec.metric.replace("_", " ").capitalize())
    note += f" {left} methods have not run on all pairs." if left else ""
    title = f"Beyond the foundation model alone: {analysis.names.setting(shared) or 'all settings'}"
    return Table.of(title, methods, columns, note=note)


def gain_of(analysis: Analysis, method: Method, place: int) -> tuple[Floats, Floats] | None:
    """(p,) labels, and (1, p) the mean curve less the prior; None where it has not run."""
    forms: list[LearningCurves] = [curves[place] for curves in analysis.curves.values()]
    if method not in forms[0].methods:
        return None
    forms = forms[:1] if method in analysis.roles.ours else forms
    best = max(forms, key=lambda one: one.area(method))
    return best.labels, best.mean(method) - forms[0].prior


def end_gains(analysis: Analysis) -> list[float]:
    """The final gain of the first of our methods, or of the best, over the prior, pair by pair."""
    places = [place for _, group in ladders(analysis) for place in group]
    found = [gain_of(analysis, analysis.champion, place) for place in places]
    return [float(last_level(curve, labels)[0]) for labels, curve in filter(None, found)]


def points(gain: float) -> str:
    return f"{100 * gain:+.1f}"
