"""Who is put forward in a report, and who may be the best baseline."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from al_bench.analysis.keys import Method
from al_bench.analysis.selection import NoMatchError, Selection, chosen, only
from al_bench.analysis.spec import ReportSpec
from al_bench.configuration.words import OURS


@dataclass(frozen=True)
class Sides:
    """The methods of a report: ours in their order, rivals that may be the best baseline, oracles
    that read the truth, and in sentences the selections that have no run yet."""

    methods: tuple[Method, ...]
    ours: tuple[Method, ...]
    rivals: frozenset[Method]
    oracles: frozenset[Method]
    missing: tuple[str, ...] = ()


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
