"""The tables of one setting, a row a method: results, all forms of savings, tests, all metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.analysis import RULES, Analysis, Found
from al_bench.analysis.comparison import Comparison
from al_bench.analysis.keys import Method
from al_bench.analysis.savings import area
from al_bench.report.tables.cells import (
    DAGGER,
    DIAGNOSTICS,
    NONE,
    Table,
    called,
    difference,
    headed,
    labels_text,
    p_text,
    percent,
    saving_text,
    spread,
)

QUALITY = (
    "balanced_accuracy",
    "macro_f1",
    "accuracy",
    "head_recall",
    "medium_recall",
    "tail_recall",
    "worst_recall",
    "nll",
    "ece",
    "product_balanced_accuracy",
)
POOL = ("labelled_noise", "pool_balanced_accuracy", "pool_unlabelled_balanced_accuracy")
COUNTS = ("nll", *DIAGNOSTICS)  # shown as they are, not in per cent


def ordered(analysis: Analysis, found: Found) -> list[Method]:
    return [name for name in analysis.methods if name in found.setting.methods]


def main(analysis: Analysis, found: Found) -> Table:
    """How good each method ends, how many labels it saves, and what it costs."""
    setting, metric = found.setting, headed(analysis.spec.metric)
    methods = ordered(analysis, found)
    part = analysis.parts[setting.place]
    seconds = part[part["round"] > 1].groupby("method")["seconds_select"].median().to_dict()
    calls = part.groupby(["method", "seed"])["oracle_calls"].max().groupby("method").mean()
    oracle_calls: dict[Any, float] = calls.to_dict()
    rows, scores = [], []
    for method in methods:
        curves = setting.of(method)
        areas = area(curves, setting.labels, log=False)
        needed, select = found.needed(method), seconds.get(method, np.nan)
        compared = [
            (found.against(method, rule) if setting.is_curve else None, form)
            for rule, form in (("random", "final"), ("here", "final"), ("here", "integrated"))
        ]
        rows.append(
            (
                called(analysis, method),
                spread(curves[:, -1]),
                spread(areas),
                *(saving_text(one.saving(form) if one else None) for one, form in compared),
                labels_text(needed) if setting.is_curve else NONE,
                f"{oracle_calls[method]:.0f}",
                NONE if np.isnan(select) else f"{select:.2g}",
            )
        )
        reader = method in analysis.oracles
        scores.append((-np.inf, -np.inf) if reader else (curves[:, -1].mean(), areas.mean()))
    best = np.array(scores).argmax(axis=0)
    rivals = sorted({c.baseline for c in found.comparisons if c.rule == "here"})
    rival = map(analysis.names.method, rivals)
    prior = "" if np.isnan(setting.prior) else f" The prior alone: {percent(setting.prior)}."
    target = f"{percent(found.target)} ({analysis.names.method(found.best)})"
    header = (
        "method",
        f"final {metric}, %",
        "area under curve, %",
        "saving over random",
        "saving over best baseline",
        "the same over all levels",
        f"labels to {target}",
        "oracle calls",
        "s / round, query",
    )
    budget = f"{setting.labels[0]:.0f} to {setting.labels[-1]:.0f} labels"
    how = (
        "savings with paired 95 % intervals at the baseline's mean over its last 10 % of budget, "
        "isotonic mean curves; "
        f"best baseline: {RULES['here']}: {', '.join(rival) or 'none has been run yet'}"
    )
    if not setting.is_curve:
        budget = f"{setting.labels[0]:.0f} labels alone"
        how = "one point is no curve, so nothing is said of savings"
    note = f"{len(setting.seeds)} seeds, {budget}; mean ± standard deviation; {how}.{prior}"
    note += oracles_note(analysis, methods)
    bold = frozenset((int(row), column + 1) for column, row in enumerate(best))
    return Table(analysis.names.place(setting.place), header, tuple(rows), note, bold)


def oracles_note(analysis: Analysis, methods: list[Method]) -> str:
    if not analysis.oracles & set(methods):
        return ""
    return f" {DAGGER} reads the truth: a reference, not a competitor."


def forms(analysis: Analysis, found: Found) -> Table:
    """All three forms of a saving, by all rules of choosing the baseline, smoothed and not."""
    shown = list(analysis.sides.ours) or [m for m in analysis.methods if m in analysis.competitors]
    comparisons = [
        one
        for method in shown
        for rule in RULES
        if (one := found.against(method, rule)) is not None
    ]
    forms = [s.form for s in comparisons[0].savings if s.smooth] if comparisons else []
    groups: dict[tuple[Method, Method, int], list[Comparison]] = {}
    for one in comparisons:
        seeds = one.savings[0].seeds
        groups.setdefault((one.method, one.baseline, seeds), []).append(one)
    rows = []
    for (method, baseline, seeds), same in groups.items():
        rules, one = ", ".join(c.rule for c in same), same[0]
        ahead = difference(one.final)
        for smooth in (True, False):
            final, kind = one.saving("final", smooth), "isotonic" if smooth else "raw"
            cells = [saving_text(one.saving(form, smooth)) for form in forms]
            missed = f"{100 * final.missed_a:.0f}/{100 * final.missed_b:.0f}"
            names = map(analysis.names.method, (method, baseline))
            rows.append((*names, rules, kind, *cells, ahead, missed, str(seeds)))
    header = ("method", "baseline", "chosen by", "curves", *(f"at {n}" for n in forms))
    header = tuple(part.replace("at integrated", "integrated over levels") for part in header)
    header = tuple(part.replace("at final", "at its final level") for part in header)
    rules = "; ".join(f"{rule}: {text}" for rule, text in RULES.items() if rule != text)
    note = (
        f"Chosen by {rules}. Gap: from the baseline's start to {percent(found.reference)} "
        f"({found.declared}). Not reached: by the mean curve; the saving is then that at the "
        "highest level that both reach. Misses: fraction of seeds whose own curve misses the "
        "baseline's final level, method/baseline."
    )
    title = f"Annotation savings: {analysis.names.place(found.setting.place)}"
    last = ("difference at full budget, points ± SE", "misses, %", "seeds")
    return Table(title, (*header, *last), tuple(rows), note)


def tests(analysis: Analysis) -> Table:
    """Paired tests of the area under the curve against the best baseline, Holm over the table."""
    cells = [
        (found, one)
        for found in analysis.found
        for method in (analysis.sides.ours or analysis.competitors)
        if (one := found.against(method, "here")) is not None
    ]
    adjusted = stats.holm(np.array([one.paired.t_test for _, one in cells]))
    rows = tuple(
        (
            analysis.names.method(one.method),
            analysis.names.place(found.setting.place),
            analysis.names.method(one.baseline),
            difference(one.paired),
            one.paired.verdict,
            p_text(one.paired.t_test),
            p_text(float(p)),
            p_text(one.paired.wilcoxon),
        )
        for (found, one), p in zip(cells, adjusted, strict=True)
    )
    header = (
        "method",
        "setting",
        "best baseline",
        "difference of area, points ± SE",
        "verdict",
        "p (paired t)",
        "p (Holm)",
        "p (Wilcoxon)",
    )
    note = "Verdict at two paired standard errors; Holm over all rows of this table."
    return Table("Paired tests", header, rows, note)


def quality(analysis: Analysis, found: Found) -> Table:
    """Every metric of the test set after the last label, and the area over log labels."""
    table = at_the_end(analysis, found, "Final metrics", QUALITY)
    rows = []
    for method, row in zip(ordered(analysis, found), table.rows, strict=True):
        areas = area(found.setting.of(method), found.setting.labels, log=True)
        rows.append((*row, spread(areas)))
    header = (*table.header, f"area over log labels, {analysis.spec.metric.replace('_', ' ')}, %")
    return Table(table.title, header, tuple(rows), table.note)


def labelled(analysis: Analysis, found: Found) -> Table:
    """What was labelled, and how well the model knows the pool itself."""
    return at_the_end(analysis, found, "Labels and pool", (*DIAGNOSTICS, *POOL))


def at_the_end(analysis: Analysis, found: Found, title: str, metrics: tuple[str, ...]) -> Table:
    """Metrics after the last label, as far as the runs have them."""
    frame = analysis.parts[found.setting.place]
    last = frame[frame["n_labels"] == found.setting.labels[-1]]
    metrics = tuple(name for name in metrics if name in last.columns)
    methods = ordered(analysis, found)
    by_method: dict[Any, Any] = dict(iter(last[["method", *metrics]].groupby("method")))
    rows = []
    for method in methods:
        runs = by_method[method]
        cells = [spread(runs[m], *((2, 1.0) if m in COUNTS else (1, 100.0))) for m in metrics]
        rows.append((called(analysis, method), *cells))
    header = [headed(metric) + ("" if metric in COUNTS else ", %") for metric in metrics]
    note = f"At {found.setting.labels[-1]:.0f} labels; mean ± standard deviation over seeds."
    note += oracles_note(analysis, methods)
    title = f"{title}: {analysis.names.place(found.setting.place)}"
    return Table(title, ("method", *header), tuple(rows), note)
