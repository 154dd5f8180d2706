"""The tables over all settings: mean ranks, gains, wins and penalties."""

from __future__ import annotations

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.analysis import Analysis, random_of
from al_bench.analysis.comparison import Comparison
from al_bench.analysis.curves import Floats
from al_bench.analysis.savings import area
from al_bench.report.tables.cells import NONE, Table, p_text, percent, signed


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
        rows.append((names[i], f"{ranks[i]:.2f}", mean, gain, count, f"{lost:.2f}"))
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
    note += f" Not in every setting, so not ranked: {', '.join(left_out)}." if left_out else ""
    return Table("Over all settings", header, tuple(rows), note, frozenset({(0, 1)}))


def difference_text(methods: int, places: int) -> str:
    return NONE if methods < 2 else f"{stats.critical_difference(methods, places):.2f}"


def versus(analysis: Analysis, method: str, rule: str) -> list[Comparison]:
    found = (place.against(method, rule) for place in analysis.found)
    return [one for one in found if one is not None]


def normalised_gain(analysis: Analysis, method: str) -> str:
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


def penalty_matrix(analysis: Analysis) -> Table:
    """Who beats whom, by how many settings (Ash et al., 2020)."""
    names = [name for name in analysis.methods if name in competing(analysis)[0]]
    beats = beaten(analysis, tuple(names))
    rows = tuple(
        (name, *(f"{value:.2f}" for value in row)) for name, row in zip(names, beats, strict=True)
    )
    note = (
        "Row beats column: fraction of points at which it is better (paired t over seeds, 5 %), "
        f"summed over {len(analysis.found)} settings."
    )
    return Table("Pairwise penalties", ("method", *names), rows, note)


def beaten(analysis: Analysis, names: tuple[str, ...]) -> Floats:
    """(m, m) penalties summed over settings."""
    start = np.zeros((len(names), len(names)))
    parts = (stats.penalties(found.setting.together(*names)) for found in analysis.found)
    return np.asarray(sum(parts, start))


def competing(analysis: Analysis) -> tuple[tuple[str, ...], Floats]:
    """Competitors that have runs in every setting, and their mean AUC (settings, methods)."""
    names, scores = analysis.ranked
    keep = [i for i, name in enumerate(names) if name in analysis.competitors]
    return tuple(names[i] for i in keep), scores[:, keep]
