"""What one method saves over the best of some baselines, as a data frame."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from al_bench.analysis.claims import Held, hold, rival_name
from al_bench.analysis.ground import ground
from al_bench.analysis.keys import METHOD, Method
from al_bench.analysis.names import Names
from al_bench.analysis.selection import Selection, said
from al_bench.analysis.spec import ReportSpec


def savings_table(
    frame: pd.DataFrame,
    ours: Selection,
    baselines: Sequence[Selection] | None = None,
    metric: str = "balanced_accuracy",
) -> pd.DataFrame:
    """A row a setting: its columns, the best baseline, and what `ours` saves over it.

    frame: as `load` gives it; ours: the columns of one method, ``{"strategy": "margin"}``;
    baselines: those of its rivals (None: all published query rules), each as it is and, where the
    runs have measured that, times the prior. The learner is part of the method where a key names
    it. saving, low, high: fraction of the baseline's labels over all levels, with its 95 %
    interval; at_final: the same at its final level; differences in the metric, ours - baseline,
    with the standard error over seeds. ValueError where a selection is of no run, or `ours` of
    several methods.
    """
    spec = claim_spec(ours, baselines or (), metric)
    on = ground(frame, spec, partial=False)
    claimed, (mine,) = hold(spec.claimed[0], on, spec), on.sides.ours
    return pd.DataFrame([row(held, mine, on.names) for held in claimed.sets])


def claim_spec(ours: Selection, baselines: Sequence[Selection], metric: str) -> ReportSpec:
    """A report of one claim; the learner is part of the method where a key names it."""
    learner = any(str(k).partition(".")[0] == "learner" for one in (ours, *baselines) for k in one)
    return ReportSpec(
        metric=metric,
        ours=ours,
        baselines=baselines,
        claims=[{"name": said(ours), "ours": ours}],
        method=(*METHOD, "learner") if learner else METHOD,
    )


def row(held: Held, ours: Method, names: Names) -> dict[str, object]:
    """One setting's numbers."""
    one, place = held.comparison, held.place
    saving, final = one.saving("integrated"), one.saving("final")
    return {choice.group: choice.option for choice in place.choices} | {
        "setting": names.place(place),
        "method": names.method(ours),
        "best_baseline": ", ".join(rival_name(one, names) for one in held.opponents),
        "saving": saving.value,
        "low": saving.low,
        "high": saving.high,
        "at_final": final.value,
        "area_difference": one.paired.difference,
        "area_error": one.paired.error,
        "final_difference": one.final.difference,
        "final_error": one.final.error,
        "seeds": saving.seeds,
    }
