"""The tables of any groups, as text: those that an experiment asks for, and those of any report."""

from __future__ import annotations

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import aligned
from al_bench.analysis.pivot import Cell, Header, pivoted
from al_bench.analysis.selection import said
from al_bench.analysis.spec import Pivot
from al_bench.report.tables.cells import DAGGER, NONE, PLAIN_NUMBERS, Table, headed, spread

VALUES = {"area": "area under the curve", "end": "mean over the last tenth of the budget",
          "last": "after the last round"}  # fmt: skip
METRICS = (
    *("balanced_accuracy", "macro_f1", "accuracy", "head_recall", "medium_recall", "tail_recall"),
    *("worst_recall", "nll", "ece", "product_balanced_accuracy", "classes_found", "imbalance_l1"),
    *("rarest_count", "labelled_noise", "pool_balanced_accuracy"),
    "pool_unlabelled_balanced_accuracy",
)


def pivots(analysis: Analysis) -> list[Table]:
    """The tables of the spec, in its order."""
    frame = aligned(analysis.on.every) if analysis.spec.pivots else analysis.on.every
    return [table(analysis, pivot, pivoted(frame, pivot)) for pivot in analysis.spec.pivots]


def areas(analysis: Analysis) -> Table:
    """The area of each method in each setting, the longer side down."""
    sides = [("setting",), ("method",)]
    rows, columns = sides if len(analysis.found) >= len(analysis.methods) else sides[::-1]
    pivot = Pivot("Area under the curve", rows, columns, (analysis.spec.metric,))
    return table(analysis, pivot, pivoted(analysis.frame, pivot))


def final_metrics(analysis: Analysis) -> Table:
    """Every metric after the last label, as far as the runs have them."""
    there = tuple(name for name in METRICS if name in analysis.frame)
    pivot = Pivot("Final metrics", ("setting", "method"), (), there, "last")
    return table(analysis, pivot, pivoted(analysis.frame, pivot))


def table(analysis: Analysis, pivot: Pivot, cells: dict[tuple[Header, Header], Cell]) -> Table:
    """A row for what runs of a row have in common, and a column the same; bold: the best method
    where methods stand beside each other."""
    order = {method: number for number, method in enumerate(analysis.methods)}
    rows, columns = (
        sorted({at[side] for at in cells},
               key=lambda h: (h.place, order.get(h.method, -1), h.method, h.metric))
        for side in (0, 1)
    )  # fmt: skip
    most = max((len(cell.by_setting) for cell in cells.values()), default=0)
    shown = tuple(
        (
            called(row, analysis),
            *(text(cells.get((row, c)), pivot.metrics[c.metric], most) for c in columns),
        )
        for row in rows
    )
    several = len(pivot.metrics) > 1
    titles = [
        " · ".join(filter(None, (called(c, analysis), headed(pivot.metrics[c.metric]) * several)))
        for c in columns
    ]
    bold = set()
    for side, lines in ((0, rows), (1, columns)):
        if "method" in (pivot.rows, pivot.columns)[1 - side] and not several:
            for line in lines:
                here = {at: cell.mean for at, cell in cells.items() if at[side] == line}
                fair = [at for at in here if at[1 - side].method not in analysis.oracles]
                best = max(fair, key=lambda at: here[at], default=None)
                bold |= {(rows.index(best[0]), columns.index(best[1]) + 1)} if best else set()
    what = "" if several else f": {headed(pivot.metrics[0])}"
    at = VALUES.get(str(pivot.value), f"after the round that ends at {pivot.value} of the pool")
    how = "mean ± standard deviation over seeds"
    if most > 1:
        how = f"mean over {most} settings, in brackets how many where they are fewer"
    where = f"; {said(pivot.where)}" if pivot.where else ""
    best_of = "; bold: the best method" if bold else ""
    note = f"{at[0].upper()}{at[1:]}, fractions in %; {how}{where}{best_of}. {pivot.note}".strip()
    header = (", ".join(pivot.rows), *titles)
    return Table(f"{pivot.title}{what}", header, shown, note, frozenset(bold))


def called(header: Header, analysis: Analysis) -> str:
    """A setting, or parts of one, and a method, or parts of one."""
    names, method = analysis.names, header.method
    groups = [choice.group for choice in method.choices]
    whole = names.parts(method, groups) if "strategy" in groups else names.all(method)
    place = names.place(header.place) or names.all(header.place)
    return " · ".join(filter(None, (place, whole + DAGGER * (method in analysis.oracles))))


def text(cell: Cell | None, metric: str, most: int) -> str:
    """`52.1 ± 0.4` of one setting, else `52.1`, or `52.1 (7)` of fewer than the most."""
    if cell is None:
        return NONE
    scale = 1.0 if metric in PLAIN_NUMBERS else 100.0
    settings = list(cell.by_setting.values())
    if most == 1:
        return spread(settings[0], scale=scale)
    return f"{scale * cell.mean:.1f}" + (f" ({len(settings)})" if len(settings) < most else "")
