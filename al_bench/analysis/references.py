"""Full-data runs are not methods: they become the level that savings refer to."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from al_bench.analysis.frame import PLAIN, Results, named
from al_bench.analysis.spec import ReportSpec

SAME = ["dataset", "imbalance", "noise", "prior", "learner"]


def with_references(spec: ReportSpec, results: Results) -> tuple[ReportSpec, Results]:
    """Take the runs that labelled their whole pool at once out of the results, and their mean final
    level (human labels only, over seeds) into the spec, by setting.

    Where the learner is part of the method, the level is that of the plain one.
    """
    if not len(results.frame):
        return spec, results
    labelled = results.frame.groupby("id")["n_labels"].transform("max")
    starts = results.frame.groupby("id")["round"].transform("max") == 1
    whole = (labelled == results.frame["n_pool"]) & starts
    if not whole.any() or whole.all():
        return spec, results
    rest = named(results.frame[~whole].reset_index(drop=True), spec.method)
    plain = [group for group in ("supervision", "learner") if group in spec.method]
    same = [group for group in SAME if group not in spec.method]
    full = results.frame[whole & (results.frame["round"] == 1)]
    for group in plain:
        full = full[full[group] == PLAIN[group]]
    levels = full.groupby(same)[spec.metric].mean()
    places = rest.drop_duplicates("setting").set_index("setting")[same]
    found = {
        str(setting): float(levels[tuple(row)])
        for setting, row in places.iterrows()
        if tuple(row) in levels.index
    }
    frame: pd.DataFrame = rest.drop(columns=["setting", "method"])
    return replace(spec, references={**found, **spec.references}), replace(results, frame=frame)
