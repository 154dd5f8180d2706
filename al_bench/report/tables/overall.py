"""The tables over all settings: mean ranks, gains, wins and penalties."""

from __future__ import annotations

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.analysis import Analysis, random_of
from al_bench.analysis.comparison import Comparison
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
    signed,
    transposed,
)


def ranking(analysis: Analysis) -> Table:
    """Mean ranks over settings, normalised gain, wins and penalties."""
    names, scores = competing(analysis)
    ranks, losses = stats.ranks(scores).mean(axis=0), beaten(analysis, names)
    rows = []
    for i in np.argsort(ranks, kind="stable"):
        verdicts = [c.paired.verdict for c in versus(analysis, names[i], "here")]
        count = "/".join(str(verdicts.count(word)) for word in ("win", "tie", "loss"))
        gain = normalised_gain(analysis, names[i])
        lost = losses[:, i].sum() / max(len(names) - 1, 1)
        mean = percent(scores[:, i].mean())
        rows.append(
            (called(analysis, names[i]), f"{ranks[i]:.2f}", mean, gain, count, f"{lost:.2f}")
        )
    header = (
        "method",
        "mean rank",
        "mean area under curve, %",
        "gap from random to reference closed, %",
        "win/tie/loss against best baseline",
        "mean penalty",
    )
    left_out = [name for name in analysis.competitors if name not in names]
    p = stats.friedman(scores)
    note = (
        f"{len(analysis.found)} settings, by mean area under the curve; ties share ranks; Friedman "
        f"p {p_text(p)}; Nemenyi critical difference {difference_text(len(names), len(scores))}; "
        "win and loss at two paired standard errors against the best other baseline of each "
        "setting; penalty: settings x fraction of points at which another method is better "
        "(paired t, 5 %), mean over the others, lower is better."
    )
    note += (
        f" Not in every setting, so not ranked: {', '.join(map(analysis.names.method, left_out))}."
        if left_out
        else ""
    )
    return Table("Over all settings", header, tuple(rows), note, frozenset({(0, 1)}))


def difference_text(methods: int, places: int) -> str:
    return NONE if methods < 2 else f"{stats.critical_difference(methods, places):.2f}"


def versus(analysis: Analysis, method: Method, rule: str) -> list[Comparison]:
    found = (place.against(method, rule) for place in analysis.found)
    return [one for one in found if one is not None]


def normalised_gain(analysis: Analysis, method: Method) -> str:
    """Mean over settings of (AUC - AUC of random) / (reference - AUC of random)."""
    gains = []
    for found in analysis.found:
        base = random_of(found.setting.methods)
        if base is None:
            return NONE
        pair = found.setting.together(method, base)
        if not pair.shape[1]:
            continue
        mine, random = area(pair, found.setting.labels, log=False).mean(axis=1)
        if found.reference > random:
            gains.append((mine - random) / (found.reference - random))
    return signed(100 * float(np.mean(gains))) if gains else NONE


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
            one = found.against(ours[0], "here")
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


def penalty_matrix(analysis: Analysis) -> Table:
    """Who beats whom, by how many settings (Ash et al., 2020)."""
    names = [name for name in analysis.methods if name in competing(analysis)[0]]
    beats, shown = beaten(analysis, tuple(names)), [called(analysis, name) for name in names]
    rows = tuple(
        (name, *(f"{value:.2f}" for value in row)) for name, row in zip(shown, beats, strict=True)
    )
    note = (
        "Row beats column: fraction of points at which it is better (paired t over seeds, 5 %), "
        f"summed over {len(analysis.found)} settings."
    )
    return Table("Pairwise penalties", ("method", *shown), rows, note)


def beaten(analysis: Analysis, names: tuple[Method, ...]) -> Floats:
    """(m, m) penalties summed over settings."""
    start = np.zeros((len(names), len(names)))
    parts = (stats.penalties(found.setting.together(*names)) for found in analysis.found)
    return np.asarray(sum(parts, start))


def competing(analysis: Analysis) -> tuple[tuple[Method, ...], Floats]:
    """Competitors that have runs in every setting, and their mean AUC (settings, methods)."""
    names, scores = analysis.ranked
    keep = [i for i, name in enumerate(names) if name in analysis.competitors]
    return tuple(names[i] for i in keep), scores[:, keep]
