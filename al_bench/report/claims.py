"""Claims: one method compared with one opponent, separately in each setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_bench.report.comparison import (
    PRODUCT,
    Comparison,
    ComparisonData,
    MethodRoles,
    compare,
    comparison_data,
    cross_selected,
)
from al_bench.report.curves import LearningCurves
from al_bench.report.keys import METHOD, Choice, Method, Setting
from al_bench.report.names import Names, has_annotators
from al_bench.report.savings import MedianShare, median_share
from al_bench.report.spec import (
    Claim,
    NoMatchError,
    ReportSpec,
    Selection,
    as_text,
    keys_of_selection,
    only,
)
from al_bench.report.stats import Floats, Paired, quantile_t


@dataclass(frozen=True)
class Opponent:
    """A baseline and its metric, of its models or these times the prior; None: the prior alone."""

    method: Method | None
    metric: str

    @property
    def times_prior(self) -> bool:
        return self.metric.startswith(PRODUCT)

    def name(self, names: Names) -> str:
        """`margin`, or `margin x prior` where its model is multiplied by the prior."""
        if self.method is None:
            return "prior alone"
        return names.method(self.method) + " x prior" * self.times_prior


@dataclass(frozen=True)
class PairedResult:
    """The result of a claim in one set. row: the table row it counts in, which is its kind of noise
    or its annotators; set: its name in that row; opponents: the best baseline, two if the halves of
    the seeds select different ones; labels, ours, theirs: (p,) the mean curves, on the seeds that
    both have."""

    setting: Setting
    row: Setting
    set: Setting
    comparison: Comparison
    opponents: tuple[Opponent, ...]
    labels: Floats
    ours: Floats
    theirs: Floats

    @property
    def seeds(self) -> int:
        return len(self.comparison.area.apart)


@dataclass(frozen=True)
class ClaimResult:
    """A claim's method, baselines and results by set. missing: sentences about absent runs; by_set:
    whether some baselines have runs on some data sets only; times_prior: whether each baseline is
    also an opponent multiplied by the prior."""

    claim: Claim
    ours: Method | None
    baselines: tuple[Method, ...]
    sets: tuple[PairedResult, ...]
    missing: tuple[str, ...]
    by_set: bool = False
    times_prior: bool = False

    def rows(self) -> dict[Setting, list[PairedResult]]:
        there = sorted({result.row for result in self.sets})
        return {row: [result for result in self.sets if result.row == row] for row in there}


def at_once(results: Sequence[ClaimResult], names: Sequence[str]) -> list[ClaimResult]:
    """The claims of these names that may stand side by side: those with the most sets."""
    found = [result for name in names for result in results if result.claim.name == name]
    most = max((len(result.sets) for result in found), default=0)
    return [result for result in found if most and len(result.sets) == most]


def evaluate_claim(claim: Claim, data: ComparisonData, spec: ReportSpec) -> ClaimResult:
    """Compare a claim's method with its opponent in every setting; `missing`: what lacks runs.
    ValueError if `ours` selects several methods, or `baselines` no possible one."""
    try:
        ours = only(f"report.claims {claim.name!r} ours", claim.ours, data.roles.methods)
    except NoMatchError as why:
        return ClaimResult(claim, None, (), (), (str(why),))
    baselines, missing = ([], []) if claim.prior_alone else baselines_of(claim, ours, data.roles)
    curves, names = data.curves[spec.metric], data.names
    metrics = list(data.curves) if claim.times_prior else [spec.metric]
    rows = layout([one.setting for one in curves], spec.rows)
    there: dict[Choice, set[Method]] = {}
    for one in curves:
        there.setdefault(one.setting.choice("dataset"), set()).update(one.methods)
    # a baseline is an opponent only on data sets where it has runs
    expected = {dataset: [m for m in baselines if m in has] for dataset, has in there.items()}
    sets: list[PairedResult] = []
    lacking: dict[str, list[str]] = {}
    for number, one in enumerate(curves):
        expect = expected[one.setting.choice("dataset")]
        lacks = [names.method(m) for m in (ours, *expect) if m not in one.methods]
        scores = {
            Opponent(method, metric): data.curves[metric][number].scores[one.methods.index(method)]
            for metric in metrics
            for method in baselines
            if method in one.methods
        }
        if claim.prior_alone:
            scores = {Opponent(None, spec.metric): one.alone[:, None]}
        seeds = {rival: int((~np.isnan(own).any(axis=1)).sum()) for rival, own in scores.items()}
        few = [rival for rival, number in seeds.items() if number < max(seeds.values())]
        scores = {rival: own for rival, own in scores.items() if rival not in few}
        lacks += sorted({f"{rival.name(names)} with all seeds" for rival in few})
        found = None
        if scores and ours in one.methods:
            found = against_best(ours, scores, one, rows[one.setting])
            lacks += [] if found else [f"{names.method(ours)} with a seed of its opponent"]
        if lacks:
            without = f"{', '.join(lacks)} ({'compared without' if found else 'left out'})"
            lacking.setdefault(without, []).append(names.setting(one.setting))
        sets += [found] if found else []
    missing += [f"{what} in {', '.join(places)}" for what, places in lacking.items()]
    by_set = any(len(some) < len(baselines) for some in expected.values())
    held = tuple(baselines), tuple(sets), tuple(missing)
    return ClaimResult(claim, ours, *held, by_set, len(metrics) > 1 and not claim.prior_alone)


def baselines_of(claim: Claim, ours: Method, roles: MethodRoles) -> tuple[list[Method], list[str]]:
    """A claim's baselines without itself and readers of the truth, and selections without runs."""
    this = f"report.claims {claim.name!r}"
    found, missing = set(() if claim.baselines else roles.baselines), []
    for selection in claim.baselines:
        try:
            some = set(keys_of_selection(f"{this} baselines", selection, roles.methods))
        except NoMatchError as why:
            missing.append(str(why))
            continue
        if not some - roles.oracles - {ours}:
            why_not = "its own method" if some == {ours} else "a method that reads the truth"
            raise ValueError(f"{this} has the baseline {as_text(selection)}, {why_not}; wanted a "
                             "competitor")  # fmt: skip
        found |= some
    found -= roles.oracles | {ours}
    if not found and not claim.baselines:
        raise ValueError(f"{this} has no baselines; name some, or list fewer in report.ours")
    return sorted(found), missing


def layout(
    settings: Sequence[Setting], rows: Sequence[str] = ()
) -> dict[Setting, tuple[Setting, Setting]]:
    """The table row and the set of every setting. A row is what `rows` name, or else a kind of
    noise or an annotator pool, and a prior if settings differ only there; a set is a data set, and
    what else tells it apart."""
    there = set(map(has_annotators, settings))
    by = [group for group, has in (("noise", False), ("annotators", True)) if has in there]
    if len({setting.without("prior") for setting in settings}) < len(settings):
        by.append("prior")
    by, names = list(rows) or by, ["dataset"]
    if len({setting.part([*by, "dataset"]) for setting in settings}) < len(settings):
        every = [choice.group for choice in settings[0].choices]
        others = [group for group in every if group not in ("dataset", *by)]
        names += [g for g in others if len({setting.choice(g) for setting in settings}) > 1]
    return {setting: (setting.part(by), setting.part(names)) for setting in settings}


def against_best(
    ours: Method,
    scores: Mapping[Opponent, Floats],
    curves: LearningCurves,
    place: tuple[Setting, Setting],
) -> PairedResult | None:
    """Compare a method with the best of some opponents, by scores on the method's seeds; None if no
    seed is shared. place: the row and the set of the setting."""
    mine, labels = curves.scores[curves.methods.index(ours)], curves.labels
    own = ~np.isnan(mine).any(axis=1)
    if len(scores) > 1:
        theirs, best = cross_selected(np.stack(list(scores.values()))[:, own], labels)
    else:
        theirs, best = next(iter(scores.values()))[own], (0,)
    found = compare(labels, mine[own], theirs)
    if found is None:
        return None
    opponents = tuple(list(scores)[number] for number in best)
    both = ~np.isnan(theirs).any(axis=1)
    means = mine[own][both].mean(axis=0), np.broadcast_to(theirs[both].mean(axis=0), labels.shape)
    return PairedResult(curves.setting, *place, found, opponents, labels, *means)


def savings_table(
    frame: pd.DataFrame,
    ours: Selection,
    baselines: Sequence[Selection] | None = None,
    metric: str = "balanced_accuracy",
) -> pd.DataFrame:
    """One row per setting: its columns, the best baseline, and how `ours` compares with it.

    frame: a table from `load_results`; ours: the columns of one method, ``{"strategy": "margin"}``;
    baselines: the columns of its rivals (None: all published query rules). Columns: share: of the
    budget, at which ours reaches the baseline's final accuracy (inf: never), with its 95 % interval
    low, high over seeds; saving: 1 - share, NaN where that says nothing: where it is not reached,
    or the baseline's curve is flat; differences in the metric, ours - baseline, with standard
    errors over seeds."""
    spec = claim_spec(ours, baselines or (), metric)
    data = comparison_data(frame, spec, partial=False)
    result, (mine,) = evaluate_claim(spec.claimed[0], data, spec), data.roles.ours
    rows = []
    for one in result.sets:
        found, area, end = one.comparison.efficiency, one.comparison.area, one.comparison.end
        says = np.isfinite(found.share) and not found.flat
        rows.append(
            {choice.group: choice.option for choice in one.setting.choices}
            | {
                "setting": data.names.setting(one.setting),
                "method": data.names.method(mine),
                "best_baseline": ", ".join(rival.name(data.names) for rival in one.opponents),
                "share": found.share,
                "low": found.low,
                "high": found.high,
                "flat": found.flat,
                "saving": 1 - found.share if says else np.nan,
                "area_difference": area.difference,
                "area_error": area.error,
                "final_difference": end.difference,
                "final_error": end.error,
                "seeds": one.seeds,
            }
        )
    return pd.DataFrame(rows)


def claim_spec(ours: Selection, baselines: Sequence[Selection], metric: str) -> ReportSpec:
    """The spec of a report with one claim; the learner is part of the method if a key names it."""
    learner = any(str(k).partition(".")[0] == "learner" for one in (ours, *baselines) for k in one)
    return ReportSpec(
        metric=metric,
        ours=ours,
        baselines=baselines,
        claims=[{"name": as_text(ours), "ours": ours}],
        method=(*METHOD, "learner") if learner else METHOD,
    )


@dataclass(frozen=True)
class MeanDifference:
    """A mean difference in the metric, with 95 % CIs over seeds and sets, NaN with one of them."""

    mean: float
    over_seeds: tuple[float, float]
    over_sets: tuple[float, float]


@dataclass(frozen=True)
class Summary:
    """A claim over the sets of one row. area, end: differences in area under the curve and at the
    full budget; share: of the budget, see `MedianShare`; verdicts: sets won, tied and lost by area;
    worst, worst_set: the lowest difference in area; ours, theirs: means at the full budget."""

    row: Setting
    area: MeanDifference
    end: MeanDifference
    share: MedianShare
    verdicts: tuple[int, int, int]
    worst: float
    worst_set: Setting
    ours: float
    theirs: float


def summaries(result: ClaimResult) -> list[Summary]:
    return [summary(row, sets) for row, sets in result.rows().items()]


def summary(row: Setting, sets: Sequence[PairedResult]) -> Summary:
    found, data = (
        [one.comparison for one in sets],
        [one.set.choice("dataset").config for one in sets],
    )
    verdicts = [one.area.verdict for one in found]
    worst = min(range(len(sets)), key=lambda at: found[at].area.difference)
    return Summary(
        row,
        mean_difference([one.area for one in found], data),
        mean_difference([one.end for one in found], data),
        median_share([one.efficiency for one in found], data),
        (verdicts.count("win"), verdicts.count("tie"), verdicts.count("loss")),
        found[worst].area.difference,
        sets[worst].set,
        *(float(np.mean([curve[-1] for curve in some])) for some in
          ([one.ours for one in sets], [one.theirs for one in sets])),
    )  # fmt: skip


def mean_difference(found: Sequence[Paired], data: Sequence[str]) -> MeanDifference:
    """The mean of paired differences, one a set, with its intervals; data: the set of each."""
    values = np.array([one.difference for one in found])
    errors = np.array([one.error for one in found])
    freedom = np.array([len(one.apart) - 1.0 for one in found])
    _, places = np.unique(list(data), return_inverse=True)
    return MeanDifference(float(values.mean()), *mean_limits(values, errors, freedom, places))


def mean_limits(
    values: Floats, errors: Floats, freedom: Floats, data: NDArray[np.integer[Any]]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of a mean over seeds, and over other data sets like these. All arguments are
    (n,): values, their standard errors with degrees of freedom, and indices of their data sets.

    Over seeds, errors are combined with the degrees of freedom of Welch and Satterthwaite (1947).
    Over data sets, the interval is from the spread between them (all sets of one together), which
    includes the error within them. It is never narrower than over seeds, and NaN for one data set.
    """
    mean, number, count = float(values.mean()), len(values), int(data.max()) + 1
    parts = errors**2
    within = float(np.sqrt(parts.sum())) / number
    apart = np.bincount(data, values - mean) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        free = float(parts.sum() ** 2 / (parts**2 / freedom).sum()) if within > 0 else 1.0
        between = float(np.sqrt(apart.sum() * count / (count - 1))) / number
    half = quantile_t(free) * within
    wide = max(half, quantile_t(count - 1) * between) if count > 1 else np.nan
    return (mean - half, mean + half), (mean - wide, mean + wide)
