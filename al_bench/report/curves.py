"""The array that all statistics use: the learning curves of a setting, (method, seed, point)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from al_bench.report.keys import Method, Setting, by_setting
from al_bench.report.savings import area
from al_bench.report.stats import Floats

NO_METRICS = {
    *("seed", "round", "n_labels", "oracle_calls", "cost", "n_pool", "n_test", "n_classes"),
    *("reads_truth", "model_answers"),
}


@dataclass(frozen=True)
class LearningCurves:
    """The learning curves of all methods in one setting.

    labels: (p,) numbers of labels, ascending, above zero; scores: (m, s, p), NaN where a method has
    no run with that seed; alone: (s,) the metric without labels, which is the prior's (NaN if
    unknown); oracles: methods that read the truth, which are references and not competitors."""

    setting: Setting
    labels: Floats
    methods: tuple[Method, ...]
    seeds: tuple[int, ...]
    scores: Floats
    alone: Floats
    oracles: frozenset[Method]

    @property
    def prior(self) -> float:
        """The metric without labels, mean over seeds; NaN if unknown."""
        return float(self.alone.mean())

    @property
    def is_curve(self) -> bool:
        return len(self.labels) > 1

    def of(self, method: Method) -> Floats:
        """(s, p) scores of one method, only its own seeds."""
        scores = self.scores[self.methods.index(method)]
        return np.asarray(scores[~np.isnan(scores).any(axis=1)])

    def area(self, method: Method) -> float:
        """The mean over seeds of the area under a method's curve."""
        return float(area(self.of(method), self.labels).mean())

    def mean(self, method: Method) -> Floats:
        """(1, p) mean curve of a method over its seeds."""
        return np.asarray(self.of(method).mean(axis=0, keepdims=True))


def learning_curves(frame: pd.DataFrame, metric: str) -> list[LearningCurves]:
    """The curves of each setting, in order, of a frame with `setting` and `method` columns."""
    check_metric(frame, metric)
    needed = ["setting", "method", "seed", "id", "n_labels", "reads_truth", metric]
    parts = by_setting(frame[needed])
    return [curves_of(setting, part, metric) for setting, part in parts.items()]


def check_metric(frame: pd.DataFrame, metric: str) -> None:
    numbers = frame.select_dtypes("number").columns
    known = [n for n in numbers if n not in NO_METRICS and not n.startswith("seconds_")]
    if metric not in known:
        raise ValueError(f"no metric {metric!r} in these runs; they have {', '.join(known)}")


def aligned(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with one label grid per setting, even if pool sizes and budgets differ by seed.
    Each round is placed at its mean number of labels over seeds. A setting whose methods differ at
    one seed is left unchanged."""
    per_seed = frame.groupby(["setting", "seed", "round"], observed=True)["n_labels"].nunique()
    shared = per_seed.groupby("setting", observed=True).max() == 1
    rounds = frame.groupby(["setting", "round"], observed=True)["n_labels"]
    means = rounds.transform("mean").round().astype(int)
    where = frame["setting"].map(shared).astype(bool)
    return frame.assign(n_labels=means.where(where, frame["n_labels"]))


def curves_of(setting: Setting, frame: pd.DataFrame, metric: str) -> LearningCurves:
    labelled = frame[frame["n_labels"] > 0]
    if not len(labelled):
        raise ValueError(f"no labels were labelled in {setting}; a learning curve needs some")
    doubled = labelled[labelled.duplicated(["method", "seed", "n_labels"])]
    if len(doubled):
        first = doubled.iloc[0]
        raise ValueError(
            f"{setting} has two runs of {first['method']} with seed {first['seed']} (one is "
            f"{first['id']}); wanted one, or something that tells them apart"
        )
    wide = labelled.pivot(index=["method", "seed"], columns="n_labels", values=metric).sort_index()
    if wide.isna().to_numpy().any():
        method, seed = wide.index[wide.isna().any(axis=1)][0]
        raise ValueError(
            f"{method}, seed {seed} in {setting} has no {metric} at some of {list(wide.columns)} "
            "labels; wanted all runs of a setting measured at the same numbers of labels"
        )
    methods = tuple(sorted(frame["method"].unique()))
    seeds = tuple(int(seed) for seed in sorted(frame["seed"].unique()))
    scores = np.full((len(methods), len(seeds), wide.shape[1]), np.nan)
    rows = pd.Index(methods, dtype=object).get_indexer(list(wide.index.get_level_values("method")))
    columns = np.searchsorted(seeds, wide.index.get_level_values("seed"))
    scores[rows, columns] = wide.to_numpy(dtype=float)
    alone = frame[frame["n_labels"] == 0].groupby("seed")[metric].mean().reindex(list(seeds))
    readers = frozenset(frame.loc[frame["reads_truth"], "method"].unique())
    labels = wide.columns.to_numpy(dtype=float)
    return LearningCurves(setting, labels, methods, seeds, scores, alone.to_numpy(float), readers)
