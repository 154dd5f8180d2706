"""The tables of a report, as text in cells; `render` turns them into files."""

from __future__ import annotations

import numpy as np

from al_bench.report import stats
from al_bench.report.analysis import RULES, Analysis, Comparison, Found, random_of
from al_bench.report.cells import (
    DAGGER,
    DIAGNOSTICS,
    NONE,
    Table,
    headed,
    p_text,
    percent,
    saving_text,
    signed,
    spread,
)
from al_bench.report.savings import area

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
    "pool_balanced_accuracy",
    "pool_unlabelled_balanced_accuracy",
)
COUNTS = ("nll", *DIAGNOSTICS)  # shown as they are, not in per cent


def tables(analysis: Analysis) -> list[Table]:
    """All tables of a report, the most read first."""
    every = [main(analysis, found) for found in analysis.found]
    if len(analysis.found) > 1:
        every.append(ranking(analysis))
    every += [forms(analysis, found) for found in analysis.found]
    every.append(tests(analysis))
    every += [quality(analysis, found) for found in analysis.found]
    return every


def mark(analysis: Analysis, method: str) -> str:
    return method + DAGGER if method in analysis.truth_readers else method


def ordered(analysis: Analysis, found: Found) -> list[str]:
    return [name for name in analysis.methods if name in found.setting.methods]


def main(analysis: Analysis, found: Found) -> Table:
    """How good each method ends, how many labels it saves, and what it costs."""
    setting, metric = found.setting, headed(analysis.spec.metric)
    methods = ordered(analysis, found)
    part = analysis.frame[analysis.frame["setting"] == setting.name]
    rows, scores = [], []
    for method in methods:
        curves, runs = setting.of(method), part[part["method"] == method]
        areas = area(curves, setting.labels, log=False)
        needed = found.needed(method)
        select = runs.loc[runs["round"] > 1, "seconds_select"].median()
        compared = [
            (found.against(method, rule), form)
            for rule, form in (("random", "final"), ("here", "final"), ("here", "integrated"))
        ]
        rows.append(
            (
                mark(analysis, method),
                spread(curves[:, -1]),
                spread(areas),
                *(saving_text(one.saving(form) if one else None) for one, form in compared),
                f"{needed:.0f}" if np.isfinite(needed) else "not reached",
                f"{runs.groupby('seed')['trips'].max().mean():.0f}",
                NONE if np.isnan(select) else f"{select:.2g}",
            )
        )
        reader = method in analysis.truth_readers
        scores.append((-np.inf, -np.inf) if reader else (curves[:, -1].mean(), areas.mean()))
    best = np.array(scores).argmax(axis=0)
    rival = sorted({c.baseline for c in found.comparisons if c.rule == "here"})
    prior = "" if np.isnan(setting.prior) else f" The prior alone: {percent(setting.prior)}."
    target = f"{percent(found.target)} ({found.best})"
    header = (
        "method",
        f"final {metric}, %",
        "area under curve, %",
        "saving over random",
        "saving over best baseline",
        "the same over all levels",
        f"labels to {target}",
        "trips",
        "s / query",
    )
    note = (
        f"{len(setting.seeds)} seeds, {setting.labels[0]:.0f} to {setting.labels[-1]:.0f} labels; "
        "mean ± standard deviation; savings with paired bootstrap 95 % intervals at the baseline's "
        "mean over its last 10 % of budget (−∞: not reached), isotonic mean curves; "
        f"best baseline: {RULES['here']}: {', '.join(rival)}.{prior}"
        + readers_note(analysis, methods)
    )
    bold = frozenset((int(row), column + 1) for column, row in enumerate(best))
    return Table(setting.name, header, tuple(rows), note, bold)


def readers_note(analysis: Analysis, methods: list[str]) -> str:
    if not analysis.truth_readers & set(methods):
        return ""
    return f" {DAGGER} reads the truth: a reference, not a competitor."


def ranking(analysis: Analysis) -> Table:
    """Mean ranks over settings, normalised gain, wins and penalties."""
    names, scores = analysis.ranked
    keep = [i for i, name in enumerate(names) if name in analysis.competitors]
    names, scores = tuple(names[i] for i in keep), scores[:, keep]
    ranks = stats.ranks(scores).mean(axis=0)
    losses = sum(
        (stats.penalties(found.setting.together(*names)) for found in analysis.found),
        np.zeros((len(names), len(names))),
    )
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
        "setting; penalty: settings x share of points at which another method is better "
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
        mine, random = area(pair, found.setting.labels, log=False).mean(axis=1)
        if found.reference > random:
            gains.append((mine - random) / (found.reference - random))
    return signed(100 * float(np.mean(gains))) if gains else NONE


def forms(analysis: Analysis, found: Found) -> Table:
    """All three forms of a saving, by all rules of choosing the baseline, smoothed and not."""
    shown = analysis.spec.ours or [m for m in analysis.methods if m in analysis.competitors]
    comparisons = [
        one
        for method in shown
        for rule in RULES
        if (one := found.against(method, rule)) is not None
    ]
    rows, names = [], [s.form for s in comparisons[0].savings if s.smooth] if comparisons else []
    for one in comparisons:
        for smooth in (True, False):
            cells = [saving_text(one.saving(form, smooth)) for form in names]
            final = one.saving("final", smooth)
            missed = f"{100 * final.missed_a:.0f}/{100 * final.missed_b:.0f}"
            kind = "isotonic" if smooth else "raw"
            how = f"{final.seeds}, {final.kind}"
            rows.append((one.method, one.baseline, one.rule, kind, *cells, missed, how))
    header = ("method", "baseline", "chosen by", "curves", *(f"at {n}" for n in names))
    header = tuple(part.replace("at integrated", "integrated over levels") for part in header)
    header = tuple(part.replace("at final", "at its final level") for part in header)
    rules = "; ".join(f"{rule}: {text}" for rule, text in RULES.items() if rule != text)
    note = (
        f"Chosen by {rules}. Gap: from the baseline's start to {percent(found.reference)} "
        f"({found.declared}). Not reached: the method never gets there, no saving can be claimed; "
        "≥: the baseline never gets there, the saving is at least this. Misses: share of seeds "
        "whose own curve misses the baseline's final level, method/baseline."
    )
    title = f"Annotation savings: {found.setting.name}"
    return Table(title, (*header, "misses, %", "seeds, interval"), tuple(rows), note)


def tests(analysis: Analysis) -> Table:
    """Paired tests of the area under the curve against the best baseline, Holm over the table."""
    cells = [
        (found, one)
        for found in analysis.found
        for method in (analysis.spec.ours or analysis.competitors)
        if (one := found.against(method, "here")) is not None
    ]
    adjusted = stats.holm(np.array([one.paired.t_test for _, one in cells]))
    rows = tuple(
        (
            one.method,
            found.setting.name,
            one.baseline,
            f"{signed(100 * one.paired.difference, 2)} ± {percent(one.paired.error, 2)}",
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
    """Every metric after the last label, and what was bought."""
    frame = analysis.frame[analysis.frame["setting"] == found.setting.name]
    last = frame[frame["n_labels"] == found.setting.labels[-1]]
    metrics = [name for name in (*QUALITY, *DIAGNOSTICS) if name in last.columns]
    methods = ordered(analysis, found)
    rows = []
    for method in methods:
        runs = last[last["method"] == method]
        cells = [
            spread(runs[metric], *((2, 1.0) if metric in COUNTS else (1, 100.0)))
            for metric in metrics
        ]
        if "bought_noise" in last.columns:
            cells.append(spread(1 - runs["bought_noise"]))
        rows.append((mark(analysis, method), *cells))
    header = [headed(m) + ("" if m in COUNTS else ", %") for m in metrics]
    if "bought_noise" in last.columns:
        header.append("right answers (bought), %")
    note = f"At {found.setting.labels[-1]:.0f} labels; mean ± standard deviation over seeds."
    note += readers_note(analysis, methods)
    title = f"Final metrics: {found.setting.name}"
    return Table(title, ("method", *header), tuple(rows), note)
