"""The tables of what a level costs."""

from __future__ import annotations

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.costs import Costed, Ends, Way
from al_bench.report.tables.cells import Table, percent

NOT = "not reached"


def cost_tables(analysis: Analysis) -> list[Table]:
    """What a level costs over data sets, and data set by data set."""
    if not analysis.costs:
        return []
    return [over_sets(analysis), *(one(analysis, costed) for costed in analysis.costs)]


def way_name(analysis: Analysis, way: Way) -> str:
    """A method, and its protocol where it is not that of most."""
    text = analysis.names.method(way.method)
    kinds = {w.protocol for costed in analysis.costs for w in costed.ways}
    return f"{text}; {way.protocol.option}" if len(kinds) > 1 else text


def over_sets(analysis: Analysis) -> Table:
    """Money relative to the cheapest way that asks people alone for labels, and sets reached."""
    prices = analysis.prices
    keys = list(dict.fromkeys(w.key for costed in analysis.costs for w in costed.ways))
    rows = []
    for key in keys:
        found = [(c, w) for c in analysis.costs for w in c.ways if w.key == key]
        cells = []
        for price in prices:
            values = [c.needed[key, price][0] / reference(c, analysis, price) for c, _ in found]
            reached = [value for value in values if np.isfinite(value)]
            mean = f"{np.exp(np.mean(np.log(reached))):.2f}" if reached else NOT
            cells.append(f"{mean} ({len(reached)} of {len(found)})")
        ends = [100 * (w.end - c.level) for c, w in found]
        name = way_name(analysis, found[0][1])
        rows.append((name, *cells, f"{np.mean(ends):+.1f}".replace("-", "−")))
    header = ("way", *(f"model at {price:g}" for price in prices), "end less level, points")
    note = (
        "Money until the level is reached, as a multiple of what the cheapest way with people's "
        "labels alone needs: geometric mean over the sets where it is reached, and their number. "
        "The level is where the best of those ways ends. A person's answer costs 1; the columns "
        "are prices of a foundation model's answer, which a prior pays for every row of the pool."
    )
    return Table("Cost of a level, over sets", header, tuple(rows), note)


def reference(costed: Costed, analysis: Analysis, price: float) -> float:
    """The least money that a way whose level is the aim needs for it."""
    return min(costed.needed[w.key, price][0] for w in costed.ways if analysis.aims(w))


def one(analysis: Analysis, costed: Costed) -> Table:
    """One data set: money until the level, by price, with its interval; the end and all money."""
    rows = tuple(
        (
            way_name(analysis, way),
            *(ends_text(costed.needed[way.key, price]) for price in analysis.prices),
            percent(way.end),
            " / ".join(f"{way.cost(price).mean(axis=0)[-1]:.0f}" for price in analysis.prices),
        )
        for way in costed.ways
    )
    prices = (f"money at {price:g}" for price in analysis.prices)
    header = ("way", *prices, "end, %", "all money")
    note = (
        f"Money until {percent(costed.level)} % with 95 % bootstrap intervals over seeds, by the "
        "price of a foundation model's answer."
    )
    return Table(f"Cost of a level: {analysis.names.all(costed.place)}", header, rows, note)


def ends_text(ends: Ends) -> str:
    """`120 [96, 151]`."""
    value, low, high = ends
    if not np.isfinite(value):
        return NOT
    limits = "" if np.isnan(low) else f" [{number(low)}, {number(high)}]"
    return number(value) + limits


def number(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "∞"
