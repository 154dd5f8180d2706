"""The tables that hold every method against the prior alone."""

from __future__ import annotations

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.beside_prior import Beside, beside_prior, corrected_prior
from al_bench.analysis.curves import settings
from al_bench.report.tables.cells import NONE, Table, called, headed, percent
from al_bench.report.tables.methods import oracles_note

NEVER = "never"


def beside_prior_tables(analysis: Analysis) -> list[Table]:
    """For each metric of the spec a table: rows are settings, those of a data set in the order of
    the prior's own quality; columns methods."""
    return [one(analysis, metric) for metric in analysis.spec.beside_prior]


def one(analysis: Analysis, metric: str) -> Table:
    """Where each method ends by a metric, and from how many labels on it is above the prior.

    What the prior alone has after a correction without labels is a column more, where it was
    measured.
    """
    places = settings(analysis.frame, metric)
    places.sort(key=lambda setting: (setting.place.choice("dataset"), setting.prior))
    levels = {s.place: corrected_prior(analysis.parts[s.place], metric) for s in places}
    corrected = any(not np.isnan(level) for level in levels.values())
    rows, bold = [], set()
    for row, setting in enumerate(places):
        cells = {m: beside_prior(setting, m) for m in analysis.methods if m in setting.methods}
        ranked = [m for m in cells if m not in analysis.oracles]  # of equal ones the first
        best = max(ranked, key=lambda method: round(cells[method].end, 9))
        bold.add((row, 2 + corrected + analysis.methods.index(best)))
        texts = (text(cells[m]) if m in cells else NONE for m in analysis.methods)
        more = [level_text(levels[setting.place])] if corrected else []
        rows.append((analysis.names.place(setting.place), percent(setting.prior), *more, *texts))
    more = ["prior corrected"] if corrected else []
    methods = (called(analysis, method) for method in analysis.methods)
    header = ("setting", "prior alone", *more, *methods)
    note = (
        "Mean over the last tenth of the budget, %; in brackets the labels from which the isotonic "
        f"mean curve is above the prior alone (`{NEVER}` within the budget) and the number of "
        "seeds that end above it."
    ) + oracles_note(analysis, list(analysis.methods))
    if corrected:
        note += " `prior corrected`: the prior alone, divided by its mean over the unlabelled pool."
    title = f"Beside the prior: {headed(metric)}, %"
    return Table(title, header, tuple(rows), note, frozenset(bold))


def level_text(level: float) -> str:
    return NONE if np.isnan(level) else percent(level)


def text(cell: Beside) -> str:
    """`71.3 (from 80; 5 of 5)`."""
    since = f"from {cell.needed:.0f}" if np.isfinite(cell.needed) else NEVER
    return f"{percent(cell.end)} ({since}; {cell.better} of {cell.seeds})"
