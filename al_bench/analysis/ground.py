"""What every comparison stands on: runs keyed by method and setting, checked, who is put forward
and who may be the best baseline, and their curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from al_bench.analysis.curves import Setting, aligned, check_metric, settings
from al_bench.analysis.keys import GROUPS, Method, Place, keyed
from al_bench.analysis.names import PLAIN, Names
from al_bench.analysis.selection import NoMatchError, Selection, chosen, only
from al_bench.analysis.spec import ReportSpec
from al_bench.runs.config import PROBLEM
from al_bench.runs.display import OURS

FACTS = ("id", "seed", "digest", "round", "n_labels", "n_pool", "oracle", "noise_rate")
PRODUCT = "product_"  # before the name of a metric: of the model's probabilities times the prior's


@dataclass(frozen=True)
class Sides:
    """The methods of a report: ours in their order, rivals that may be the best baseline, oracles
    that read the truth, and in sentences the selections that have no run yet."""

    methods: tuple[Method, ...]
    ours: tuple[Method, ...]
    rivals: frozenset[Method]
    oracles: frozenset[Method]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ground:
    """every: the keyed runs; frame: without those that labelled a whole pool, of which `full` has
    the level by setting, and with one label grid a setting; settings: by each metric by which a
    model is judged, the spec's first; sides: who is put forward; unchecked: runs that do not say
    what problem they met."""

    every: pd.DataFrame
    frame: pd.DataFrame
    names: Names
    sides: Sides
    settings: Mapping[str, Sequence[Setting]]
    full: Mapping[Place, float]
    unchecked: int


def judged_by(frame: pd.DataFrame, metric: str) -> tuple[str, ...]:
    """The metric, and the same of the model times the prior where the runs have that."""
    check_metric(frame, metric)
    product = PRODUCT + metric
    has = product in frame and frame.loc[frame["n_labels"] > 0, product].notna().all()
    return (metric, product) if has else (metric,)


def narrowed(frame: pd.DataFrame, spec: ReportSpec) -> pd.DataFrame:
    """The columns of a tidy table that claims need: large tables are copied often.

    ValueError where it does not have the metric.
    """
    groups = [column for group in GROUPS for column in (group, f"{group}_config")]
    wanted = [*groups, *FACTS, *judged_by(frame, spec.metric), "model_answers"]
    return frame[[column for column in wanted if column in frame]]


def ground(frame: pd.DataFrame, spec: ReportSpec, partial: bool) -> Ground:
    """The ground of a report on a tidy table; where runs are missing (partial) so may be those of
    the spec's selections.

    ValueError where a metric is unknown, a selection is of no run, or runs of one setting met
    different problems.
    """
    metrics = judged_by(frame, spec.metric)
    every = keyed(frame, spec.method)
    unchecked = check_problems(every, Names.of(every))
    rest, full = without_full(every, spec.metric)
    rest = aligned(rest)
    measured = {metric: settings(rest, metric) for metric in metrics}
    sides = sides_of(rest, spec, partial)
    return Ground(every, rest, Names.of(rest), sides, measured, full, unchecked)


def check_problems(frame: pd.DataFrame, names: Names) -> int:
    """How many runs do not say what problem they met, so that they cannot be checked.

    ValueError where runs of one setting and seed say different ones: their data, weights or code
    differed.
    """
    columns = [f"{group}_config" for group in PROBLEM]
    runs = frame[["id", "setting", "seed", "digest", *columns]].drop_duplicates("id")
    told = runs[runs["digest"] != ""]
    known = told.drop_duplicates([*columns, "seed", "digest"])
    several = known[known.duplicated([*columns, "seed"], keep=False)]
    for (*_, seed), first in several.groupby([*columns, "seed"]):
        place: Place = first["setting"].iloc[0].part(PROBLEM)
        raise ValueError(
            f"{' and '.join(first['id'])} are runs of {names.all(place)}, seed {seed}, but "
            "not on one problem: their data, priors or answers differ "
            f"({', '.join(text[:12] for text in first['digest'])}); `albench run --again ...` "
            "with what they were made by makes them anew"
        )
    return len(runs) - len(told)


def without_full(frame: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, dict[Place, float]]:
    """A keyed frame without the runs that labelled their whole pool at once, and by setting their
    mean final level (human labels only, over seeds).

    Where the learner is part of the method, the level is that of the plain one. A pool that a
    foundation model labelled is none to refer to.
    """
    labelled = frame.groupby("id")["n_labels"].transform("max")
    starts = frame.groupby("id")["round"].transform("max") == 1
    whole = (labelled == frame["n_pool"]) & starts
    if whole.all():
        return frame, {}
    rest, full = frame[~whole].reset_index(drop=True), frame[whole & (frame["round"] == 1)]
    inside = {choice.group for choice in frame["method"].iloc[0].choices}
    for group in {"supervision", "learner"} & inside:
        full = full[full[group] == PLAIN[group]]
    if "model_answers" in full:
        full = full[~(full["model_answers"] > 0)]
    levels = full.groupby(full["setting"].map(unbudgeted))[metric].mean().to_dict()
    places = [place for place in rest["setting"].unique() if unbudgeted(place) in levels]
    return rest, {place: float(levels[unbudgeted(place)]) for place in sorted(places)}


def unbudgeted(place: Place) -> Place:
    """A setting whatever its budget."""
    return place.part([c.group for c in place.choices if c.group != "protocol"])


def sides_of(frame: pd.DataFrame, spec: ReportSpec, partial: bool) -> Sides:
    """The sides of a keyed frame; where runs are missing (partial) so may be those of `ours`.

    Without baselines of the spec's own, those are all published methods: a user's own query rule is
    none. Raises ValueError where a selection is of no run, or one of ours is of several methods.
    """
    methods = tuple(sorted(frame["method"].unique()))
    ours: list[Method] = []
    missing: list[str] = []

    def found(what: str, selection: Selection) -> list[Method]:
        try:
            if what == "ours":
                return [only("report.ours", selection, methods)]
            return chosen("report.baselines", selection, methods)
        except NoMatchError as why:
            if not partial:
                raise
            missing.append(str(why))
            return []

    for selection in spec.selected("ours"):
        ours += found("ours", selection)
    rivals = {m for m in methods if m not in ours and published(m)}
    if spec.selected("baselines"):
        rivals = {m for s in spec.selected("baselines") for m in found("baselines", s)}
    oracles = frozenset(frame.loc[frame["oracle"], "method"].unique())
    return Sides(methods, tuple(ours), frozenset(rivals - oracles), oracles, tuple(missing))


def published(method: Method) -> bool:
    """Whether its query rule comes with this package."""
    return str(method.choice("strategy").parameters.get("_target_")).startswith(OURS)
