"""Two methods compared in one setting, and which runs, methods and baselines take part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from al_bench.report import stats
from al_bench.report.curves import LearningCurves, aligned, check_metric, learning_curves
from al_bench.report.keys import GROUPS, Method, Setting, keyed
from al_bench.report.names import PLAIN, Names
from al_bench.report.results import SAME_PROBLEM, ProblemCheck, check_problems
from al_bench.report.savings import Efficiency, area, efficiency
from al_bench.report.spec import NoMatchError, ReportSpec, Selection, keys_of_selection, only
from al_bench.report.stats import Floats
from al_bench.runs.declarations import OURS

CONFIGS = [f"{group}_config" for group in GROUPS]
FACTS = ("id", "seed", "digest", "round", "n_labels", "n_pool", "reads_truth")
PRODUCT = "product_"  # prefix of a metric computed on model probabilities times the prior's


@dataclass(frozen=True)
class MethodRoles:
    """The methods of a report by role. ours: in their order; baselines: candidates for the best
    one; oracles: methods that read the truth; missing: sentences about selections without runs."""

    methods: tuple[Method, ...]
    ours: tuple[Method, ...]
    baselines: frozenset[Method]
    oracles: frozenset[Method]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparisonData:
    """The tables of a report. every: all keyed runs; frame: without runs that labelled the whole
    pool, and with one label grid per setting; full: the level of those runs by setting; curves: by
    metric, the spec's first; problems: what the digests say of their problems."""

    every: pd.DataFrame
    frame: pd.DataFrame
    names: Names
    roles: MethodRoles
    curves: Mapping[str, Sequence[LearningCurves]]
    full: Mapping[Setting, float]
    problems: ProblemCheck


def judged_by(frame: pd.DataFrame, metric: str) -> tuple[str, ...]:
    """The metric and, if the runs measured it, the same metric of the model times the prior."""
    check_metric(frame, metric)
    product = PRODUCT + metric
    has = product in frame and frame.loc[frame["n_labels"] > 0, product].notna().all()
    return (metric, product) if has else (metric,)


def narrowed(frame: pd.DataFrame, *metrics: str) -> pd.DataFrame:
    """Only the columns of a tidy table that claims with these metrics need: copies are large."""
    judged = [name for metric in metrics for name in judged_by(frame, metric)]
    wanted = dict.fromkeys([*GROUPS, *CONFIGS, *FACTS, *SAME_PROBLEM, *judged, "model_answers"])
    return frame[[column for column in wanted if column in frame]]


def comparison_data(frame: pd.DataFrame, spec: ReportSpec, partial: bool) -> ComparisonData:
    """The data that a report compares, from a tidy table; partial: whether runs are missing."""
    metrics = judged_by(frame, spec.metric)
    problems = check_problems(frame)
    every = keyed(frame, spec.method).drop(columns=[*GROUPS, *CONFIGS])  # the keys hold these
    rest, full = without_full(every, spec.metric)
    rest = aligned(rest)
    curves = {metric: learning_curves(rest, metric) for metric in metrics}
    roles = method_roles(rest, spec, partial)
    # tables show all methods
    names = Names(every["method"].unique(), rest["setting"].unique(), spec.names)
    return ComparisonData(every, rest, names, roles, curves, full, problems)


def without_full(frame: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, dict[Setting, float]]:
    """A keyed frame without the runs that labelled their whole pool at once, and the mean final
    level of those runs by setting; of them only the plain learner and labels by people count."""
    last = frame.groupby("id")[["n_labels", "round"]].transform("max")
    whole = (last["n_labels"] == frame["n_pool"]) & (last["round"] == 1)
    if whole.all():
        return frame, {}
    rest, full = frame[~whole].reset_index(drop=True), frame[whole & (frame["round"] == 1)]
    inside = {choice.group for choice in frame["method"].iloc[0].choices}
    for group in {"supervision", "learner"} & inside:
        plain = [method.choice(group).option == PLAIN[group] for method in full["method"]]
        full = full[np.array(plain, dtype=bool)]
    if "model_answers" in full:
        full = full[~(full["model_answers"] > 0)]
    unbudgeted = [setting.without("protocol") for setting in full["setting"]]
    by = pd.Series(unbudgeted, index=full.index, dtype=object)
    levels = full.groupby(by)[metric].mean().to_dict()
    there = {s: levels.get(s.without("protocol")) for s in sorted(rest["setting"].unique())}
    return rest, {setting: float(level) for setting, level in there.items() if level is not None}


def method_roles(frame: pd.DataFrame, spec: ReportSpec, partial: bool) -> MethodRoles:
    """The roles of the methods; partial: whether selections may match no run. By default all
    published methods are baselines; a user's own rule is not."""
    methods = tuple(sorted(frame["method"].unique()))
    missing: list[str] = []

    def found(what: str, selection: Selection) -> list[Method]:
        try:
            every = keys_of_selection(f"report.{what}", selection, methods)
            return [only("report.ours", selection, methods)] if what == "ours" else every
        except NoMatchError as why:
            if not partial:
                raise
            missing.append(str(why))
            return []

    ours, named = (
        [method for selection in spec.selected(what) for method in found(what, selection)]
        for what in ("ours", "baselines")
    )
    if not spec.selected("baselines"):
        rules = {m: m.choice("strategy").parameters.get("_target_") for m in methods}
        named = [m for m in methods if m not in ours and str(rules[m]).startswith(OURS)]
    oracles = frozenset(frame.loc[frame["reads_truth"], "method"].unique())
    return MethodRoles(methods, tuple(ours), frozenset(named) - oracles, oracles, tuple(missing))


@dataclass(frozen=True)
class Comparison:
    """Two sets of curves, paired by seed; baseline: the second's method, if it is one."""

    efficiency: Efficiency
    area: stats.Paired  # difference in area under the curve
    end: stats.Paired  # difference at the full budget
    baseline: Method | None = None


def strongest(curves: LearningCurves, methods: Sequence[Method]) -> Method | None:
    """The method with the largest mean area under the curve in a setting; None without methods."""
    rows = [curves.methods.index(method) for method in methods]
    best = best_of(area(curves.scores[rows], curves.labels))
    return None if best is None else methods[best]


def best_of(areas: Floats) -> int | None:
    """The row of (k, s) areas with the largest mean over its seeds; None if all are NaN."""
    known = np.flatnonzero(~np.isnan(areas).all(axis=1))
    if not len(known):
        return None
    return int(known[np.nanmean(areas[known], axis=1).argmax()])


def cross_selected(opponents: Floats, labels: Floats) -> tuple[Floats, tuple[int, ...]]:
    """(s, p) curves of the best of some opponents (k, s, p), and the indices of the selected ones.

    Selecting the best on its own scores is biased upwards. So the best by area on one half of the
    seeds gives the curves of the other half, both ways; with one or two seeds all are used for
    both."""
    areas = area(opponents, labels)
    every = np.arange(opponents.shape[1])
    one, other = every[: len(every) // 2], every[len(every) // 2 :]
    halves = [(one, other), (other, one)] if len(every) > 2 else [(every, every)]
    found, best = np.full(opponents.shape[1:], np.nan), []
    for by, on in halves:
        selected = best_of(areas[:, by])
        if selected is not None:
            found[on] = opponents[selected, on]
            best.append(selected)
    return found, tuple(dict.fromkeys(best))


def compare(
    labels: Floats, a: Floats, b: Floats, baseline: Method | None = None
) -> Comparison | None:
    """Compare scores a (s, p) with b, (s, p) or (s, 1) if b takes no labels, on the shared seeds,
    if any."""
    both = ~(np.isnan(a).any(axis=1) | np.isnan(b).any(axis=1))
    if not both.any():
        return None
    a, b = a[both], b[both]
    areas = area(a, labels) - (area(b, labels) if b.shape[1] > 1 else b[:, 0])
    return Comparison(
        efficiency(a, b, labels), stats.Paired(areas), stats.Paired(a[:, -1] - b[:, -1]), baseline
    )
