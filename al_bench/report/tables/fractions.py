"""Levels at fractions of the pool, set by set, and beside what others printed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import Floats, Setting, settings
from al_bench.analysis.frame import NOT_AVAILABLE
from al_bench.analysis.keys import Method
from al_bench.analysis.selection import matches
from al_bench.analysis.spec import Printed
from al_bench.report.tables.cells import NONE, Table, called, headed, percent, signed, spread

NEAR = 0.005  # of the pool: a round that ends further from a fraction does not stand for it
Scores = Mapping[Method, Floats]  # by method, over seeds


def printed_tables(analysis: Analysis) -> list[Table]:
    """What others printed beside ours, a table a metric."""
    metrics = dict.fromkeys(one.metric for one in analysis.spec.printed_numbers)
    return [beside_printed(analysis, m, settings(analysis.frame, m)) for m in metrics]


def fraction_tables(analysis: Analysis) -> list[Table]:
    """A table for each metric and fraction of the spec."""
    spec = analysis.spec
    found = {m: settings(analysis.frame, m) for m in spec.metrics if spec.fractions}
    return [
        at_fraction(analysis, metric, found[metric], fraction)
        for metric in found
        for fraction in spec.fractions
    ]


def scores(analysis: Analysis, setting: Setting, fraction: float) -> Scores:
    """Each method's level after the round that ends nearest to a fraction of the pool; empty where
    none ends near it."""
    fractions = setting.labels / analysis.parts[setting.place]["n_pool"].mean()
    at = int(abs(fractions - fraction).argmin())
    if abs(fractions[at] - fraction) > NEAR:
        return {}
    return {method: setting.of(method)[:, at] for method in setting.methods}


def at_fraction(analysis: Analysis, metric: str, places: list[Setting], fraction: float) -> Table:
    """A row a setting and a column a method, settings without data among them."""
    methods, names = analysis.methods, analysis.names
    rows, bold = [], set()
    for number, place in enumerate(places):
        level = scores(analysis, place, fraction)
        cells = [spread(level[m]) if m in level else NONE for m in methods]
        rows.append((names.place(place.place), *cells))
        fair = [m for m in methods if m in level and m in analysis.competitors]
        if fair:
            best = max(fair, key=lambda method: level[method].mean())
            bold.add((number, methods.index(best) + 1))
    gone = dict.fromkeys(names.all(run.place) for run in analysis.results.unavailable)
    rows += [(f"{name} (not run: {NOT_AVAILABLE})", *[NONE] * len(methods)) for name in gone]
    marked = [called(analysis, method) for method in methods]
    note = (
        "After the round that ends at this fraction of the pool; mean ± standard deviation over "
        f"seeds; bold: the best of a setting. {NONE}: no run, or no round that ends there."
    )
    title = f"{headed(metric)}, %, at {percent(fraction, 0)} % of the pool"
    return Table(title, ("setting", *marked), tuple(rows), note, frozenset(bold))


def beside_printed(analysis: Analysis, metric: str, places: list[Setting]) -> Table:
    """A row a printed number: it, ours, and the difference."""
    rows = []
    for one in analysis.spec.printed_numbers:
        if one.metric != metric:
            continue
        here = next((place for place in places if matches(place.place, one.place)), None)
        for fraction, value in zip(analysis.spec.fractions, one.values, strict=True):
            levels = scores(analysis, here, fraction) if here else {}
            level = next((levels[m] for m in levels if matches(m, one.method)), None)
            ours, apart = why_not(analysis, one), NONE
            if level is not None:
                ours, apart = spread(level), signed(100 * float(np.mean(level)) - value)
            name, method = (" · ".join(map(str, s.values())) for s in (one.place, one.method))
            rows.append((name, method, percent(fraction, 0), f"{value:.1f}", ours, apart))
    header = ("setting", "method", "% of the pool", "paper", "ours", "ours − paper, points")
    note = (
        "Paper: as printed there, never recomputed. Ours: mean ± standard deviation over seeds, on "
        "other features, models and ratios, so a difference is no failed replication by itself."
    )
    return Table(f"Beside the paper: {headed(metric)}, %", header, tuple(rows), note)


def why_not(analysis: Analysis, one: Printed) -> str:
    """Why there is no number of ours."""
    gone = any(matches(run.place, one.place) for run in analysis.results.unavailable)
    return f"not run: {NOT_AVAILABLE}" if gone else "not run"
