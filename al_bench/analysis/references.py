"""Full-data runs are not methods: they become the level that savings refer to."""

from __future__ import annotations

import pandas as pd

from al_bench.analysis.keys import Place
from al_bench.analysis.names import PLAIN
from al_bench.analysis.selection import chosen
from al_bench.analysis.spec import ReportSpec


def without_references(
    frame: pd.DataFrame, spec: ReportSpec
) -> tuple[pd.DataFrame, dict[Place, float]]:
    """The frame without the runs that labelled their whole pool at once, and by setting their mean
    final level (human labels only, over seeds), or the one that the spec declares.

    Where the learner is part of the method, the level is that of the plain one. A pool that a
    foundation model labelled is none to refer to.
    """
    labelled = frame.groupby("id")["n_labels"].transform("max")
    starts = frame.groupby("id")["round"].transform("max") == 1
    whole = (labelled == frame["n_pool"]) & starts
    rest = frame if whole.all() else frame[~whole].reset_index(drop=True)
    full = frame[whole & (frame["round"] == 1)] if not whole.all() else frame[:0]
    for group in {"supervision", "learner"} & set(spec.method):
        full = full[full[group] == PLAIN[group]]
    if "model_answers" in full:
        full = full[~(full["model_answers"] > 0)]
    levels = full.groupby(full["setting"].map(unbudgeted))[spec.metric].mean().to_dict()
    places = sorted(rest["setting"].unique())
    found = {p: float(levels[unbudgeted(p)]) for p in places if unbudgeted(p) in levels}
    for place, level in spec.levels:
        found |= dict.fromkeys(chosen("report.references", place, places), level)
    return rest, found


def unbudgeted(place: Place) -> Place:
    """A setting whatever its budget."""
    return place.part([c.group for c in place.choices if c.group != "protocol"])
