"""Tidy tables made by hand, with curves whose numbers can be told without a program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al_bench.report.analysis import analyse
from al_bench.report.build import write_report
from al_bench.report.keys import group_columns
from al_bench.report.results import Results
from al_bench.report.spec import ReportSpec
from tests.fakes import Given, chosen

LABELS = np.arange(10, 101, 10)
SLOW = LABELS / 100  # 0.1 to 1.0
FAST = np.minimum(2 * SLOW, 1.0)  # there with half of the labels
WEAK = SLOW / 2
EVEN = SLOW.copy()


def build_report(results: Results, name: str, out: Path, spec: ReportSpec) -> list[Path]:
    return write_report(analyse(results, spec), name, out)


def runs(
    strategy: Given,
    curve: Any,
    dataset: str = "one",
    noise: Given = "clean",
    seeds: tuple[float, ...] = (0.0, 0.0),
    truth: bool = False,
    labels: Sequence[int] = tuple(LABELS),
    alone: float | None = None,
    **given: Given,
) -> pd.DataFrame:
    """Runs of one method in one setting; each seed's curve is raised by its own number.

    alone: the metric of the prior, in a round without labels.
    """
    parts: dict[str, Given] = {
        "dataset": dataset, "imbalance": "natural", "noise": noise, "prior": "packaged",
        "learner": "linear", "protocol": "small", "strategy": strategy, "supervision": "labels",
        "init": "random",
    } | given  # fmt: skip
    nodes = {group: chosen(group, value) for group, value in parts.items()}
    fixed = group_columns(
        {g: o for g, (o, _) in nodes.items()}, {g: n for g, (_, n) in nodes.items()}
    )
    rate = noise if isinstance(noise, float) else 0.0
    fixed |= {"reads_truth": truth, "n_pool": 1000, "class_counts": None, "class_names": None,
              "noise_rate": rate, "digest": ""}  # fmt: skip
    points = list(zip(labels, curve, strict=True))
    start = [] if alone is None else [(0, alone)]
    rows = [
        fixed
        | {"id": f"{sorted(fixed.items(), key=str)}{seed}", "seed": seed}
        | {"round": number if start else number + 1, "n_labels": labelled, "oracle_calls": number}
        | {"balanced_accuracy": level + raised * (labelled > 0)}
        | {"seconds_select": 0.1, "recall": []}
        for seed, raised in enumerate(seeds)
        for number, (labelled, level) in enumerate([*start, *points])
    ]
    return pd.DataFrame(rows)


def results(*parts: pd.DataFrame) -> Results:
    return Results(pd.concat(parts, ignore_index=True), (), (), {})
