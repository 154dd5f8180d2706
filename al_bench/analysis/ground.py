"""What every comparison stands on: runs keyed by method and setting, checked, and their curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from al_bench.analysis.curves import Setting, aligned, check_metric, settings
from al_bench.analysis.keys import GROUPS, Place, keyed
from al_bench.analysis.names import Names
from al_bench.analysis.problems import check_problems
from al_bench.analysis.references import without_references
from al_bench.analysis.sides import Sides, sides_of
from al_bench.analysis.spec import ReportSpec


@dataclass(frozen=True)
class Ground:
    """every: the keyed runs; frame: without those that labelled a whole pool, of which `full` has
    the level by setting, and with one label grid a setting; settings: by each metric that is asked
    for; sides: who is put forward; unchecked: runs that do not say what problem they met."""

    every: pd.DataFrame
    frame: pd.DataFrame
    names: Names
    sides: Sides
    settings: Mapping[str, Sequence[Setting]]
    full: Mapping[Place, float]
    unchecked: int


FACTS = ("id", "seed", "digest", "round", "n_labels", "n_pool", "oracle", "noise_rate")


def narrowed(frame: pd.DataFrame, spec: ReportSpec) -> pd.DataFrame:
    """The columns of a tidy table that claims need: large tables are copied often.

    ValueError where one is a metric that it does not have.
    """
    for metric in spec.measured:
        check_metric(frame, metric)
    groups = [column for group in GROUPS for column in (group, f"{group}_config")]
    wanted = [*groups, *FACTS, *spec.measured, "model_answers"]
    return frame[[column for column in wanted if column in frame]]


def ground(frame: pd.DataFrame, spec: ReportSpec, partial: bool) -> Ground:
    """The ground of a report on a tidy table; where runs are missing (partial) so may be those of
    the spec's selections.

    ValueError where a metric is unknown, a selection is of no run, or runs of one setting met
    different problems.
    """
    check_metric(frame, spec.metric)
    every = keyed(frame, spec.method)
    unchecked = check_problems(every, Names.of(every))
    rest, full = without_references(every, spec)
    rest = aligned(rest)
    measured = {metric: settings(rest, metric) for metric in spec.measured}
    sides = sides_of(rest, spec, partial)
    return Ground(every, rest, Names.of(rest), sides, measured, full, unchecked)
