"""The tables of what a level costs."""

from __future__ import annotations

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.costs import Costed, Costs, Ends
from al_bench.report.tables.cells import Table, percent, signed

NOT = "not reached"


def cost_tables(analysis: Analysis) -> list[Table]:
    """What a level costs over data sets, and data set by data set."""
    costs = analysis.costs
    return [] if costs is None else [over_sets(costs), *(one(costs, c) for c in costs.sets)]


def over_sets(costs: Costs) -> Table:
    """Money relative to the cheapest way whose level is the aim, and sets where it is reached."""
    rows = []
    for key in costs.keys:
        found = [(c, way) for c in costs.sets for way in c.ways if way.key == key]
        money = np.array([costed.relative(key) for costed, _ in found])
        ends = [100 * (way.end - costed.level) for costed, way in found]
        cells = [relative_text(money[:, i]) for i in range(len(costs.prices))]
        rows.append((costs.called(key), *cells, signed(float(np.mean(ends)))))
    header = ("way", *(f"model at {price:g}" for price in costs.prices), "end less level, points")
    aims = sorted({key for costed in costs.sets for key in costed.aims})
    note = (
        "Money until the level is reached, as a multiple of the least that one of the ways needs "
        "whose best end is the level: geometric mean over the sets where it is reached, and their "
        f"number. These ways are {', '.join(map(costs.called, aims))}. A person's answer costs 1; "
        "the columns are prices of a foundation model's answer, which a prior pays for every row "
        "of the pool."
    )
    return Table("Cost of a level, over sets", header, tuple(rows), note)


def relative_text(money: np.ndarray) -> str:
    """`0.41 (5 of 6)`."""
    reached = money[np.isfinite(money)]
    mean = f"{np.exp(np.log(reached).mean()):.2f}" if len(reached) else NOT
    return f"{mean} ({len(reached)} of {len(money)})"


def one(costs: Costs, costed: Costed) -> Table:
    """One data set: money until the level, by price, with its interval; the end and all money."""
    rows = []
    for way in costed.ways:
        spent = [f"{way.cost(price).mean(axis=0)[-1]:.0f}" for price in costs.prices]
        ends = map(ends_text, costed.needed[way.key])
        rows.append((costs.called(way.key), *ends, percent(way.end), " / ".join(spent)))
    prices = (f"money at {price:g}" for price in costs.prices)
    header = ("way", *prices, "end, %", "all money")
    note = (
        f"Money until {percent(costed.level)} % with 95 % bootstrap intervals over seeds, by the "
        "price of a foundation model's answer; all money at each of these prices."
    )
    return Table(f"Cost of a level: {costs.names.place(costed.place)}", header, tuple(rows), note)


def ends_text(ends: Ends) -> str:
    """`120 [96, 151]`."""
    value, low, high = ends
    if not np.isfinite(value):
        return NOT
    limits = "" if np.isnan(low) else f" [{number(low)}, {number(high)}]"
    return number(value) + limits


def number(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "∞"
