"""The table over all settings: mean ranks and wins."""

from __future__ import annotations

from al_bench.analysis import stats
from al_bench.analysis.analysis import Analysis
from al_bench.report.tables.cells import (
    NONE,
    Table,
    called,
    p_text,
    percent,
)


def ranking(analysis: Analysis) -> Table:
    """Mean ranks over settings, and wins over the best baseline of each."""
    names, scores = analysis.ranked
    ranks, half = stats.ranks(scores), stats.t_band(stats.ranks(scores))
    rows = []
    for i, method in enumerate(names):
        versus = (found.over_best.get(method) for found in analysis.found)
        verdicts = [one.paired.verdict for one in versus if one is not None]
        count = "/".join(str(verdicts.count(word)) for word in ("win", "tie", "loss"))
        rank = f"{ranks[:, i].mean():.2f} ± {half[i]:.2f}"
        rows.append((called(analysis, method), rank, percent(scores[:, i].mean()), count))
    header = (
        "method",
        "mean rank",
        "mean area under curve, %",
        "win/tie/loss against best baseline",
    )
    left_out = [name for name in analysis.competitors if name not in names]
    many = len(names) > 1
    critical = f"{stats.critical_difference(len(names), len(scores)):.2f}" if many else NONE
    note = (
        f"{len(analysis.found)} settings, by mean area under the curve; ties share ranks; ranks "
        f"with 95 % t intervals over settings; Friedman p {p_text(stats.friedman(scores))}; "
        f"Nemenyi critical difference {critical}; win and loss at two paired standard errors "
        "against the best other baseline of each setting."
    )
    if left_out:
        gone = ", ".join(map(analysis.names.method, left_out))
        note += f" Not in every setting, so not ranked: {gone}."
    return Table("Over all settings", header, tuple(rows), note, frozenset({(0, 1)}))
