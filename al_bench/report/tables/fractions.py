"""Levels at fractions of the pool, set by set, and beside what others printed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import Floats, Setting, settings
from al_bench.analysis.frame import NOT_AVAILABLE
from al_bench.analysis.spec import Printed
from al_bench.report.tables.cells import DAGGER, NONE, Table, headed, percent, signed, spread

NEAR = 0.005  # of the pool: a round that ends further from a fraction does not stand for it
Scores = Mapping[str, Floats]  # by method, over seeds


def fraction_tables(analysis: Analysis) -> list[Table]:
    """What others printed beside ours, then a table for each metric and fraction of the spec."""
    spec = analysis.spec
    if not spec.fractions:
        return []
    printed = printed_in(analysis)
    found = {metric: settings(analysis.frame, metric) for metric in (*spec.metrics, *printed)}
    shown = [
        at_fraction(analysis, m, found[m], fraction)
        for m in spec.metrics
        for fraction in spec.fractions
    ]
    return [*(beside_printed(analysis, metric, found[metric]) for metric in printed), *shown]


def printed_in(analysis: Analysis) -> tuple[str, ...]:
    """The metrics of which somebody printed numbers."""
    return tuple(dict.fromkeys(one.metric for one in analysis.spec.printed_numbers))


def scores(analysis: Analysis, setting: Setting, fraction: float) -> Scores:
    """Each method's level after the round that ends nearest to a fraction of the pool; empty where
    none ends near it."""
    fractions = setting.labels / analysis.parts[setting.name]["n_pool"].mean()
    at = int(abs(fractions - fraction).argmin())
    if abs(fractions[at] - fraction) > NEAR:
        return {}
    return {method: setting.of(method)[:, at] for method in setting.methods}


def at_fraction(analysis: Analysis, metric: str, places: list[Setting], fraction: float) -> Table:
    """A row a setting and a column a method, settings without data among them."""
    methods = analysis.methods
    rows, bold = [], set()
    for number, place in enumerate(places):
        level = scores(analysis, place, fraction)
        cells = [spread(level[m]) if m in level else NONE for m in methods]
        rows.append((place.name, *cells))
        fair = [m for m in methods if m in level and m in analysis.competitors]
        if fair:
            best = max(fair, key=lambda method: level[method].mean())
            bold.add((number, methods.index(best) + 1))
    gone = dict.fromkeys(run.setting for run in analysis.results.unavailable)
    rows += [(f"{name} (not run: {NOT_AVAILABLE})", *[NONE] * len(methods)) for name in gone]
    marked = [m + DAGGER * (m in analysis.oracles) for m in methods]
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
        here = next((place for place in places if stands_for(analysis, place, one)), None)
        for fraction, value in zip(analysis.spec.fractions, one.values, strict=True):
            level = scores(analysis, here, fraction).get(one.method) if here else None
            ours, apart = why_not(analysis, one), NONE
            if level is not None:
                ours, apart = spread(level), signed(100 * float(np.mean(level)) - value)
            name = f"{one.dataset} · {one.imbalance} · {one.noise}"
            rows.append((name, one.method, percent(fraction, 0), f"{value:.1f}", ours, apart))
    header = ("setting", "method", "% of the pool", "paper", "ours", "ours − paper, points")
    note = (
        "Paper: as printed there, never recomputed. Ours: mean ± standard deviation over seeds, on "
        "other features, models and ratios, so a difference is no failed replication by itself."
    )
    return Table(f"Beside the paper: {headed(metric)}, %", header, tuple(rows), note)


def stands_for(analysis: Analysis, place: Setting, one: Printed) -> bool:
    """Whether a setting is of the kind that a printed number names."""
    first = analysis.parts[place.name].iloc[0]
    kinds = (str(first[group]).split("(")[0] for group in ("dataset", "imbalance", "noise"))
    return tuple(kinds) == (one.dataset, one.imbalance, one.noise)


def why_not(analysis: Analysis, one: Printed) -> str:
    """Why there is no number of ours."""
    kinds = [run.setting.split(" · ") for run in analysis.results.unavailable]
    named = [tuple(part.split("(")[0] for part in parts) for parts in kinds]
    gone = (one.dataset, one.imbalance, one.noise) in named
    return f"not run: {NOT_AVAILABLE}" if gone else "not run"


def not_run(analysis: Analysis) -> Table:
    """Every setting whose data set was not there, with the number of its runs."""
    gone = [run.setting for run in analysis.results.unavailable]
    rows = tuple((name, str(gone.count(name)), NOT_AVAILABLE) for name in dict.fromkeys(gone))
    note = "These runs are part of the experiment and of none of the numbers here."
    return Table(f"Not run: {NOT_AVAILABLE}", ("setting", "runs", "why"), rows, note)
