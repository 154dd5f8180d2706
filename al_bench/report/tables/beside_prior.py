"""The tables that hold every method against the prior alone."""

from __future__ import annotations

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.beside_prior import BesidePrior, beside_prior
from al_bench.analysis.curves import settings
from al_bench.report.tables.cells import Table, called, headed, percent

NEVER = "never"


def beside_prior_tables(analysis: Analysis) -> list[Table]:
    """For each metric of the spec a table: rows are settings, in the order of the prior's own
    quality; columns methods."""
    return [one(analysis, metric) for metric in analysis.spec.beside_prior]


def one(analysis: Analysis, metric: str) -> Table:
    """Where each method ends by a metric, and from how many labels on it is above the prior."""
    plain = {place.place: place.prior for place in settings(analysis.frame, analysis.spec.metric)}
    places = settings(analysis.frame, metric)
    places.sort(key=lambda place: (str(place.place.choice("dataset").option), plain[place.place]))
    methods = [m for m in analysis.methods if any(m in place.methods for place in places)]
    rows, bold = [], set()
    for row, place in enumerate(places):
        prior = plain[place.place]
        cells = {m: beside_prior(place, m, prior) for m in methods if m in place.methods}
        best = max(cells.values(), key=lambda cell: cell.end).method
        bold.add((row, 2 + methods.index(best)))
        texts = (text(cells[m]) if m in cells else "–" for m in methods)
        rows.append((analysis.names.place(place.place), percent(prior), *texts))
    header = ("setting", "prior alone", *(called(analysis, method) for method in methods))
    note = (
        "Mean over the last tenth of the budget, %; in brackets the labels from which the isotonic "
        "mean curve is above the prior alone (`never` within the budget) and the number of seeds "
        f"that end above it. The prior alone is measured by {headed(analysis.spec.metric)}."
    )
    return Table(
        f"Beside the prior: {headed(metric)}, %", header, tuple(rows), note, frozenset(bold)
    )


def text(cell: BesidePrior) -> str:
    """`71.3 (from 80; 5 of 5)`."""
    since = f"from {cell.needed:.0f}" if np.isfinite(cell.needed) else NEVER
    return f"{percent(cell.end)} ({since}; {cell.better} of {cell.seeds})"
