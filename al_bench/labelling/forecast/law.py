"""The law of what labels bring: how good the foundation model alone, random rows and codecision are
by the number of labels, as committed runs have it. It is a ridge regression of the logits of
balanced accuracies on a few facts; its errors on data sets left out, curve by curve, make the
bands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from al_bench.core.arrays import one_hot
from al_bench.core.state import Floats, Ints

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)  # of the ridge, in mean squared lengths of a row
MOST = 500  # labelled rows that are asked how well features tell them
WORD = 5  # labels that what the foundation model says of itself is worth
STEPS = 50  # of expectation maximisation
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


@dataclass(frozen=True)
class Facts:
    """What a forecast is made of.

    rows, classes: their numbers; noise: fraction of wrong answers; labels: of rows drawn at random;
    confidence: mean probability of the foundation model's class; right, recall: its accuracy, and
    mean recall of the classes, as it says itself or, with labels, as these say; shares: (k,) of the
    classes, likewise; learnable: fraction of variance of the labels that a linear head on the
    features explains, leave-one-out, 0 without any."""

    rows: int
    classes: int
    noise: float
    labels: int
    confidence: float
    right: float
    recall: float
    shares: Floats
    learnable: float

    @classmethod
    def of(cls, line: Any) -> Facts:
        return cls(**{one.name: line[one.name] for one in fields(cls)})

    def seen(self, labels: Floats | float) -> Floats:
        """The labels of a class, geometric mean over classes, in labels without noise."""
        k, counts = self.classes, np.asarray(labels, dtype=float)[..., None] * self.shares
        worth = max(1 - self.noise * k / (k - 1), 0.0) ** 2
        return np.asarray(np.exp(np.log1p(counts * worth).mean(axis=-1)) - 1)


def facts_of(
    features: Floats,
    prior: Floats,
    rows: Ints,
    answers: Ints,
    noise: float = 0.0,
    weights: Floats | None = None,
) -> Facts:
    """The facts of a pool.

    features: (n, d); prior: (n, k) class probabilities; rows, answers: (m,) labelled rows, which
    must have been drawn at random, and their classes; noise: fraction of these that is wrong;
    weights: (m,) the fraction of the pool that each stands for (None: the same). O(n k + d MOST^2).
    """
    n, k = prior.shape
    right, recalls, shares = agreement(prior, rows, answers, noise, weights)
    some = slice(None, None, len(rows) // MOST + 1)
    own = explained(features[rows[some]], one_hot(answers[some], k)) if len(rows) else 0.0
    sure = float(prior.max(axis=1).mean())
    recall = float(recalls.mean())
    return Facts(n, k, noise, len(rows), sure, right, recall, shares, own)


def agreement(
    prior: Floats, rows: Ints, answers: Ints, noise: float, weights: Floats | None = None
) -> tuple[float, Floats, Floats]:
    """Accuracy of the foundation model, (k,) its recalls, and (k,) shares of the classes.

    Maximum a posteriori by expectation maximisation over the true classes of labelled rows, whose
    answers err evenly over the other classes (Dawid and Skene, 1979). Recalls lie about the
    accuracy, the accuracy about what the model says itself, and the shares about those of its
    classes, each with the weight of `WORD` labels. Its errors fall on classes as its guesses do, so
    that a rare class does not take the blame for wrong answers about frequent ones."""
    k, guesses = prior.shape[1], prior.argmax(axis=1)
    sure, guessed = float(prior.max(axis=1).mean()), np.bincount(guesses, minlength=k) / len(prior)
    said = np.full((k, k), noise / (k - 1))
    np.fill_diagonal(said, 1 - noise)
    heard, hit = said[:, answers].T, one_hot(guesses[rows], k) > 0
    missed = guessed[guesses[rows]][:, None] / np.maximum(1 - guessed, 1e-6)  # (m, k) if missed
    before = (guessed + 1 / k) / 2
    each = np.ones((len(rows), 1)) if weights is None else len(rows) * weights[:, None]
    right, recalls, shares = sure, np.full(k, sure), before
    for _ in range(STEPS if len(rows) else 0):
        truths = shares * np.where(hit, recalls, (1 - recalls) * missed) * heard + 1e-15
        truths *= each / truths.sum(axis=1, keepdims=True)
        counts, hits = truths.sum(axis=0), (truths * hit).sum(axis=0)
        right = float(hits.sum() + WORD * sure) / (len(rows) + WORD)
        recalls = (hits + WORD * right) / (counts + WORD)
        shares = (counts + WORD * before) / (len(rows) + WORD)
    return right, recalls, shares


def explained(features: Floats, classes: Floats) -> float:
    """The fraction of variance of (m, k) class indicators that ridge regression explains of rows
    left out, one at a time, at the best of some penalties; 0 at least."""
    goal = classes - classes.mean(axis=0)
    total = float((goal**2).sum())
    if total == 0:
        return 0.0
    apart = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    lengths, turn = np.linalg.eigh(
        apart @ apart.T / max(float((apart**2).sum(axis=1).mean()), 1e-12)
    )
    lengths, turned, best = np.maximum(lengths, 0), turn.T @ goal, np.inf
    for penalty in PENALTIES:
        kept = lengths / (lengths + penalty)
        own = (turn**2) @ kept + 1 / len(goal)  # how much a row's fit is its own label
        rest = (goal - (turn * kept) @ turned) / np.maximum(1 - own, 1e-6)[:, None]
        best = min(best, float((rest**2).sum()))
    return max(1 - best / total, 0.0)


def logit(share: Floats | float) -> Floats:
    """The logit of fractions, which are kept 2 % away from 0 and 1."""
    return np.asarray(special.logit(np.clip(share, 0.02, 0.98)))


def origin(facts: Facts, arm: str) -> float:
    """The logit that an arm starts from: the foundation model's recall, or zero."""
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
    """What may come: s possible courses, as likely as their weights. labels: (p,); alone: (s,) the
    foundation model's score; curves: (s, p) by arm; weights: (s,) sum to one."""

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
    logits (r,), and the lines (r,) of problems; names: of what is in the designs (None: all)."""

    problems: pd.DataFrame
    designs: Mapping[str, Floats]
    scores: Mapping[str, Floats]
    owners: Mapping[str, Ints]
    names: Collection[str] | None = None

    @classmethod
    def of(cls, runs: pd.DataFrame, labels: int, names: Collection[str] | None = None) -> Sample:
        """The sample of the runs with facts of so many labels; names: of `design` (None: all)."""
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
    """A law, fitted. regressions: by arm, and of the foundation model alone; errors: (s, g) logits
    by arm on data sets left out, at `PER_CLASS` labels a class; weights: (s,) of these; ranges:
    lowest and highest value of each fact among the problems; names: as the sample's."""

    regressions: Mapping[str, Any]
    errors: Mapping[str, Floats]
    weights: Floats
    ranges: Mapping[str, tuple[float, float]]
    names: Collection[str] | None = None

    @classmethod
    def of(cls, sample: Sample, kept: Bools | None = None) -> Law:
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
    return max(int(min(MOST_PER_CLASS * facts.classes, MOST_OF_POOL * facts.rows)), 1)
