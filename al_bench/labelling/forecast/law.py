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
from numpy.typing import NDArray
from scipy import special

from al_bench.core.state import Floats, Ints
from al_bench.labelling.forecast.facts import Facts

Bools = NDArray[np.bool_]
RUNS = Path(__file__).parent / "runs.parquet"
ALONE = "foundation model"
ARMS = ("random", "margin", "codecision")
STARTS = (0, 30, 50, 100, 200)  # numbers of labels that the law was fitted with
PER_CLASS = np.array([1.0, 2, 4, 8, 16, 32])  # labels a class at which errors are kept
MOST_PER_CLASS, MOST_OF_POOL = 40, 0.15  # labels that the runs had
PENALTY = 0.3  # of the ridge, in variances of a fact
PLAIN = (
    "labels seen of a class",
    "labels by features",
    "labels seen x by features",
    "log labels a class",
)
KNOWN = {  # the facts that each arm depends on
    ALONE: (
        "recall of the foundation model",
        "its accuracy",
        "its confidence",
        "log classes",
        "noise",
    ),
    "random": PLAIN,
    "margin": PLAIN,
    "codecision": (
        *PLAIN[:3],
        "recall of the foundation model",
        "log classes",
        "noise",
        "noise x recall",
        "labels seen x recall",
    ),
}


def logit(share: Floats | float) -> Floats:
    """The logit of fractions, which are kept 2 % away from 0 and 1."""
    return np.asarray(special.logit(np.clip(share, 0.02, 0.98)))


def origin(facts: Facts, arm: str) -> float:
    """The logit that an arm is measured from: the foundation model's recall by the labels, and for
    arms that are taught by labels alone zero."""
    return float(logit(facts.recall)) if arm in (ALONE, "codecision") else 0.0


def design(facts: Facts, arm: str, labels: Floats) -> dict[str, Floats]:
    """What an arm's logit, from its origin, is linear in with (p,) numbers of labels, by name."""
    recall, seen = logit(facts.recall), np.log1p(facts.seen(labels))
    known = {
        "recall of the foundation model": recall,
        "its accuracy": logit(facts.right),
        "its confidence": logit(facts.confidence),
        "log classes": np.log(facts.classes),
        "noise": facts.noise,
        "noise x recall": facts.noise * recall,
        "labels seen of a class": seen,
        "labels seen x recall": seen * recall,
        "labels by features": facts.learnable,
        "labels seen x by features": seen * facts.learnable,
        "log labels a class": np.log(labels / facts.classes),
    }
    return {
        name: np.broadcast_to(known[name], np.shape(labels)) for name in known if name in KNOWN[arm]
    }


def matrix(facts: Facts, arm: str, labels: Floats, names: Collection[str] | None = None) -> Floats:
    """(p, q) values of `design`; names: only these (None: all)."""
    known = design(facts, arm, labels)
    return np.stack([v for name, v in known.items() if names is None or name in names], axis=-1)


@dataclass(frozen=True)
class Forecast:
    """What may come: s possible courses, as likely as their weights.

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

    def mean(self, values: Floats | Bools) -> Floats:
        """Mean of (s, ...) values; of truths their probability."""
        return np.asarray(np.tensordot(self.weights, values, axes=1))


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
        facts = [Facts.of(line) for _, line in problems.iterrows()]
        designs, scores, owners = {}, {}, {}
        for arm in (ALONE, *ARMS):
            there = [n for n, curve in enumerate(problems[arm]) if curve is not None]
            counts = [np.ones(1) if arm == ALONE else problems["counts"][n] for n in there]
            curves = [np.atleast_1d(problems[arm][n]) for n in there]
            pairs = list(zip(there, counts, strict=True))
            designs[arm] = np.concatenate([matrix(facts[n], arm, c, names) for n, c in pairs])
            owners[arm] = np.repeat(there, [len(c) for c in counts])
            origins = np.array([origin(one, arm) for one in facts])
            scores[arm] = logit(np.concatenate(curves)) - origins[owners[arm]]
        return cls(problems, designs, scores, owners, names)

    def rows(self, arm: str, kept: Bools) -> Bools:
        """Which rows of an arm's design are of the (n,) kept problems."""
        return np.asarray(kept[self.owners[arm]])

    def regression(self, arm: str, kept: Bools) -> Any:
        """The ridge of an arm by the kept problems; every family counts the same."""
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        own = self.rows(arm, kept)
        families = self.problems["family"].to_numpy()[self.owners[arm][own]]
        _, place, sizes = np.unique(families, return_inverse=True, return_counts=True)
        weights = 1 / sizes[place] / len(sizes)
        steps = make_pipeline(StandardScaler(), Ridge(PENALTY))
        return steps.fit(
            self.designs[arm][own], self.scores[arm][own], ridge__sample_weight=weights
        )


@dataclass(frozen=True)
class Law:
    """A law, fitted.

    regressions: by arm, and of the foundation model alone; errors: (s, g) logits by arm on data
    sets left out, at `PER_CLASS` labels a class; weights: (s,) of these; ranges: lowest and highest
    value of each fact among the problems; names: as the sample's.
    """

    regressions: Mapping[str, Any]
    errors: Mapping[str, Floats]
    weights: Floats
    ranges: Mapping[str, tuple[float, float]]
    names: Collection[str] | None = None

    @classmethod
    def of(cls, sample: Sample, kept: Bools | None = None) -> Law:
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
                    places = np.log(problems["counts"][n] / problems["classes"][n])
                    curve = apart[sample.owners[arm][own] == n]
                    found[n] = np.interp(np.log(PER_CLASS), places, curve)
        _, place, sizes = np.unique(families[whole], return_inverse=True, return_counts=True)
        named = ("rows", "classes", "noise", "confidence", "recall")
        return cls(
            {arm: sample.regression(arm, kept) for arm in errors},
            {arm: found[whole] for arm, found in errors.items()},
            1 / sizes[place] / len(sizes),
            {name: (problems[name][kept].min(), problems[name][kept].max()) for name in named},
            sample.names,
        )

    def middle(self, facts: Facts, arm: str, labels: Floats) -> Floats:
        """(p,) logits of an arm that the regression expects."""
        found = self.regressions[arm].predict(matrix(facts, arm, labels, self.names))
        return np.asarray(found + origin(facts, arm))

    def forecast(self, facts: Facts, labels: Floats) -> Forecast:
        """The forecast of a pool with (p,) numbers of labels."""
        middle = {arm: self.middle(facts, arm, labels) for arm in self.regressions}
        alone = special.expit(middle[ALONE][0] + self.errors[ALONE][:, 0])
        places, grid = np.log(labels / facts.classes), np.log(PER_CLASS)
        between = np.stack([np.interp(places, grid, one) for one in np.eye(len(grid))])
        curves = {arm: special.expit(middle[arm] + self.errors[arm] @ between) for arm in ARMS}
        return Forecast(labels, alone, curves, self.weights)


def law(labels: int) -> Law:
    """The law of the committed runs for a forecast from so many labels."""
    return committed_law(max(one for one in STARTS if one <= labels))


@cache
def committed_law(start: int) -> Law:
    return Law.of(Sample.of(pd.read_parquet(RUNS), start))


def most_labels(facts: Facts) -> int:
    """The most labels that the law knows of, for a pool like this."""
    return max(int(min(MOST_PER_CLASS * facts.classes, MOST_OF_POOL * facts.rows)), 1)
