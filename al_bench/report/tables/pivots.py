"""The tables that an experiment asks for, as text."""

from __future__ import annotations

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import aligned
from al_bench.analysis.names import Names
from al_bench.analysis.pivot import Cell, Header, pivoted
from al_bench.analysis.selection import said
from al_bench.analysis.spec import Pivot
from al_bench.report.tables.cells import NONE, PLAIN_NUMBERS, Table, headed, spread

VALUES = {"area": "area under the curve", "end": "mean over the last tenth of the budget",
          "last": "after the last round"}  # fmt: skip


def pivots(analysis: Analysis) -> list[Table]:
    """The tables of the spec, in its order."""
    frame = aligned(analysis.on.every) if analysis.spec.pivots else analysis.on.every
    return [table(pivot, pivoted(frame, pivot), analysis.names) for pivot in analysis.spec.pivots]


def table(pivot: Pivot, cells: dict[tuple[Header, Header], Cell], names: Names) -> Table:
    """A row for what runs of a row have in common, and a column the same."""
    rows, columns = (sorted({at[side] for at in cells}) for side in (0, 1))
    most = max((len(cell.by_setting) for cell in cells.values()), default=0)
    shown = tuple(
        (
            called(row, names),
            *(text(cells.get((row, c)), pivot.metrics[c.metric], most) for c in columns),
        )
        for row in rows
    )
    several = len(pivot.metrics) > 1
    titles = [
        " · ".join(filter(None, (called(c, names), headed(pivot.metrics[c.metric]) * several)))
        for c in columns
    ]
    what = "" if several else f": {headed(pivot.metrics[0])}"
    value = pivot.value if isinstance(pivot.value, str) else ""
    at = VALUES.get(value, f"after the round that ends at {pivot.value} of the pool")
    how = f"{at[0].upper()}{at[1:]}, %; "
    how += "mean ± standard deviation over seeds" if most == 1 else (
        f"mean over {most} settings, in brackets how many where they are fewer")  # fmt: skip
    where = f"; {said(pivot.where)}" if pivot.where else ""
    note = f"{how}{where}. {pivot.note}".strip()
    return Table(f"{pivot.title}{what}", (", ".join(pivot.rows), *titles), shown, note)


def called(header: Header, names: Names) -> str:
    """A method, or parts of one, and a setting, or parts of one."""
    groups = [choice.group for choice in header.method.choices]
    whole = names.parts(header.method, groups) if "strategy" in groups else names.all(header.method)
    place = names.place(header.place) or names.all(header.place)
    return " · ".join(filter(None, (place, whole)))


def text(cell: Cell | None, metric: str, most: int) -> str:
    """`52.1 ± 0.4` of one setting, else `52.1`, or `52.1 (7)` of fewer than the most."""
    if cell is None:
        return NONE
    scale = 1.0 if metric in PLAIN_NUMBERS else 100.0
    settings = len(cell.by_setting)
    if most == 1:
        return spread(*cell.by_setting.values(), scale=scale)
    return f"{scale * cell.mean:.1f}" + (f" ({settings})" if settings < most else "")
