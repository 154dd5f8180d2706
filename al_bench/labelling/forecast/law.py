"""The law of what labels bring: how good the foundation model alone, random rows with labels alone,
and codecision are by the number of labels, as committed runs have it.

Scores are balanced accuracies. The law is a ridge regression of their logits on a few facts, one
for each number of labels that a forecast may start with. Its errors on data sets that it was not
fitted on, curve by curve, are what its bands are made of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al_bench.core.state import Floats, Ints
from al_bench.labelling.forecast.facts import Facts

RUNS = Path(__file__).parent / "runs.parquet"
ALONE = "foundation model"
ARMS = ("random", "margin", "codecision")
STARTS = (0, 30, 50, 100, 200)  # numbers of labels that the law was fitted with
PER_CLASS = np.array([1.0, 2, 4, 8, 16, 32])  # labels a class at which errors are kept
MOST_PER_CLASS, MOST_OF_POOL = 40, 0.15  # labels that the runs had
PENALTY = 0.1  # of the ridge, in variances of a fact


def logit(share: Floats | float) -> Floats:
    """The logit of fractions, which are kept 2 % away from 0 and 1."""
    inside = np.clip(share, 0.02, 0.98)
    return np.asarray(np.log(inside / (1 - inside)))


def expit(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-score)))


def design(facts: Facts, labels: Floats | None) -> dict[str, Floats]:
    """What the logit is linear in, by name: of the foundation model alone (None), or (p,) of other
    arms with so many labels."""
    recall, right = logit(facts.recall), logit(facts.right)
    known = {
        "recall of the foundation model": recall,
        "its accuracy": right,
        "its confidence": logit(facts.confidence),
        "its classes by features": np.asarray(facts.smooth),
        "log classes": np.log(facts.classes),
        "entropy of classes": -(facts.shares @ np.log(np.maximum(facts.shares, 1e-12)))
        / np.log(facts.classes),
        "noise": np.asarray(facts.noise),
    }
    if labels is None:
        return known
    seen = np.log1p(facts.seen(labels))
    known |= {
        "labels by features": np.asarray(facts.learnable),
        "noise x recall": facts.noise * recall,
        "labels a class": seen,
        "labels a class x recall": seen * recall,
        "labels a class x by features": seen * facts.learnable,
    }
    return {name: np.broadcast_to(value, np.shape(labels)) for name, value in known.items()}


def matrix(facts: Facts, labels: Floats | None, names: Collection[str] | None = None) -> Floats:
    """(p, q) values of `design`, or (q,) of the foundation model alone; names: only these."""
    known = design(facts, labels)
    return np.stack([v for name, v in known.items() if names is None or name in names], axis=-1)


@dataclass(frozen=True)
class Forecast:
    """What may come: s equally likely courses, as weights say.

    labels: (p,); alone: (s,) the foundation model's score; curves: (s, p) by arm; weights: (s,)
    sum to one.
    """

    labels: Floats
    alone: Floats
    curves: Mapping[str, Floats]
    weights: Floats

    def band(self, values: Floats) -> Floats:
        """(3, ...) median and the ends of the 80 % band of (s, ...) values."""
        order = np.argsort(values, axis=0)
        ordered = np.take_along_axis(values, order, axis=0)
        below = np.cumsum(self.weights[order], axis=0)
        ends = [(below < share - 1e-9).sum(axis=0) for share in (0.5, 0.1, 0.9)]
        last = len(values) - 1
        return np.stack(
            [np.take_along_axis(ordered, np.minimum(end, last)[None], 0)[0] for end in ends]
        )

    def mean(self, values: Floats) -> Floats:
        """Mean of (s, ...) values."""
        return np.tensordot(self.weights, values, axes=1)


@dataclass(frozen=True)
class Sample:
    """Committed runs whose facts were made with equally many labels.

    problems: a line each, with its data set's family, foundation model and facts; designs, scores,
    owners: by arm, and of the foundation model alone, what the logit is linear in (r, q), the
    logits (r,), and the lines (r,) of problems; names: of what is in the designs (None: all).
    """

    problems: pd.DataFrame
    designs: Mapping[str, Floats]
    scores: Mapping[str, Floats]
    owners: Mapping[str, Ints]
    names: Collection[str] | None = None

    @classmethod
    def of(cls, runs: pd.DataFrame, labels: int, names: Collection[str] | None = None) -> Sample:
        """The sample of the runs with facts of so many labels; names: what the logits are linear
        in (None: all of `design`)."""
        problems = runs[runs["labels"] == labels].reset_index(drop=True)
        facts = [Facts.of(line) for line in problems.to_dict("records")]
        alone = np.stack([matrix(one, None, names) for one in facts])
        designs, scores = {ALONE: alone}, {ALONE: logit(problems["alone"].to_numpy())}
        owners = {ALONE: np.arange(len(problems))}
        for arm in ARMS:
            there = [n for n, curve in enumerate(problems[arm]) if curve is not None]
            counts = [problems["counts"][n] for n in there]
            parts = [matrix(facts[n], c, names) for n, c in zip(there, counts, strict=True)]
            designs[arm] = np.concatenate(parts)
            scores[arm] = logit(np.concatenate([problems[arm][n] for n in there]))
            owners[arm] = np.repeat(there, [len(c) for c in counts])
        return cls(problems, designs, scores, owners, names)

    def rows(self, arm: str, kept: Floats) -> Floats:
        """Which rows of an arm's design are of the (n,) kept problems."""
        return np.asarray(kept[self.owners[arm]])

    def regression(self, arm: str, kept: Floats) -> Any:
        """The ridge of an arm by the kept problems; every family counts the same."""
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        own = self.rows(arm, kept)
        families = self.problems["family"].to_numpy()[self.owners[arm][own]]
        _, place, sizes = np.unique(families, return_inverse=True, return_counts=True)
        weights = 1 / sizes[place] / len(sizes)
        steps = make_pipeline(StandardScaler(), Ridge(PENALTY))
        given = {"standardscaler__sample_weight": weights, "ridge__sample_weight": weights}
        return steps.fit(self.designs[arm][own], self.scores[arm][own], **given)


@dataclass(frozen=True)
class Law:
    """A law, fitted.

    regressions: by arm, and of the foundation model alone; errors: (s, 1 + g) logits by arm on data
    sets left out, at `PER_CLASS` labels a class; weights: (s,) of these; ranges: lowest and highest
    value of each fact among the problems; names: as the sample's.
    """

    regressions: Mapping[str, Any]
    errors: Mapping[str, Floats]
    weights: Floats
    ranges: Mapping[str, tuple[float, float]]
    names: Collection[str] | None = None

    @classmethod
    def of(cls, sample: Sample, kept: Floats | None = None) -> Law:
        """The law of the kept problems (None: all)."""
        problems = sample.problems
        kept = np.ones(len(problems), dtype=bool) if kept is None else kept
        families = problems["family"].to_numpy()
        whole = kept & problems[[*ARMS]].notna().all(axis=1).to_numpy()
        errors = {arm: np.zeros((len(problems), len(PER_CLASS))) for arm in (ALONE, *ARMS)}
        for family in np.unique(families[whole]):
            held = whole & (families == family)
            for arm, found in errors.items():
                own = sample.rows(arm, held)
                model = sample.regression(arm, kept & (families != family))
                apart = sample.scores[arm][own] - model.predict(sample.designs[arm][own])
                if arm == ALONE:
                    found[held] = apart[:, None]
                    continue
                for n in np.flatnonzero(held):
                    line = problems.iloc[n]
                    found[n] = np.interp(
                        np.log(PER_CLASS),
                        np.log(line["counts"] / line["classes"]),
                        apart[sample.owners[arm][own] == n],
                    )
        _, place, sizes = np.unique(families[whole], return_inverse=True, return_counts=True)
        named = ("rows", "classes", "noise", "confidence", "recall", "smooth")
        return cls(
            {arm: sample.regression(arm, kept) for arm in errors},
            {arm: found[whole] for arm, found in errors.items()},
            1 / sizes[place] / len(sizes),
            {name: (problems[name][kept].min(), problems[name][kept].max()) for name in named},
            sample.names,
        )

    def forecast(self, facts: Facts, labels: Floats) -> Forecast:
        """The forecast of a pool with (p,) numbers of labels."""
        own = matrix(facts, None, self.names)[None]
        alone = expit(self.regressions[ALONE].predict(own) + self.errors[ALONE][:, 0])
        curves, places = {}, np.log(labels / facts.classes)
        x = matrix(facts, labels, self.names)
        for arm in ARMS:
            apart = np.stack([np.interp(places, np.log(PER_CLASS), e) for e in self.errors[arm]])
            curves[arm] = expit(self.regressions[arm].predict(x) + apart)
        return Forecast(labels, alone, curves, self.weights)


@cache
def law(labels: int) -> Law:
    """The law of the committed runs for a forecast from so many labels."""
    start = max(one for one in STARTS if one <= labels)
    return Law.of(Sample.of(pd.read_parquet(RUNS), start))


def most_labels(facts: Facts) -> int:
    """The most labels that the law knows of, for a pool like this."""
    return max(int(min(MOST_PER_CLASS * facts.classes, MOST_OF_POOL * facts.rows)), 1)
