"""The tables over all settings: mean ranks and wins, and every area."""

from __future__ import annotations

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import Floats
from al_bench.analysis.keys import Method
from al_bench.analysis.savings import area
from al_bench.report.tables.cells import (
    NONE,
    Table,
    called,
    headed,
    p_text,
    percent,
    saving_text,
    transposed,
)


def ranking(analysis: Analysis) -> Table:
    """Mean ranks over settings, and wins over the best baseline of each."""
    names, scores = competing(analysis)
    ranks, half = stats.ranks(scores), stats.t_band(stats.ranks(scores))
    rows = []
    for i in np.argsort(ranks.mean(axis=0), kind="stable"):
        versus = (found.over_best.get(names[i]) for found in analysis.found)
        verdicts = [one.paired.verdict for one in versus if one is not None]
        count = "/".join(str(verdicts.count(word)) for word in ("win", "tie", "loss"))
        rank = f"{ranks[:, i].mean():.2f} ± {half[i]:.2f}"
        rows.append((called(analysis, names[i]), rank, percent(scores[:, i].mean()), count))
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


def areas(analysis: Analysis) -> Table:
    """Each method's mean area under the curve in each setting, and what ours saves there; as many
    columns as need be and the longer side down."""
    methods, names, ours = analysis.methods, analysis.names, analysis.sides.ours
    lines, bold = [], set()
    for number, found in enumerate(analysis.found):
        setting = found.setting
        means = {m: area(setting.of(m), setting.labels, log=False).mean() for m in setting.methods}
        cells = [percent(means[m]) if m in means else NONE for m in methods]
        fair = [m for m in means if m not in analysis.oracles]
        bold.add((number, methods.index(max(fair, key=lambda m: means[m])) + 1))
        if ours:
            one = found.over_best.get(ours[0])
            cells += [
                names.method(found.best),
                saving_text(one.saving("integrated") if one and setting.is_curve else None),
            ]
        lines.append((names.place(setting.place), *cells))
    saving = ("best baseline", f"saving of {names.method(ours[0])} over it") if ours else ()
    header = ("setting", *(called(analysis, method) for method in methods), *saving)
    note = (
        f"Mean over seeds; {NONE}: no run; bold: the best of a setting. Saving: over all levels, "
        "with a paired 95 % interval. Deviations and all else are in the details."
    )
    title = f"Area under the curve, {headed(analysis.spec.metric)}, %"
    whole = Table(title, header, tuple(lines), note, frozenset(bold))
    return whole if len(lines) >= len(methods) else transposed(whole, "method")


def competing(analysis: Analysis) -> tuple[tuple[Method, ...], Floats]:
    """Competitors that have runs in every setting, and their mean AUC (settings, methods)."""
    names, scores = analysis.ranked
    keep = [i for i, name in enumerate(names) if name in analysis.competitors]
    return tuple(names[i] for i in keep), scores[:, keep]
