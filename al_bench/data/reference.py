"""Which rows are hard: cross-fitted class probabilities of a model trained on the true classes."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np

from al_bench.core.hashing import hashed
from al_bench.core.state import Floats, Ints
from al_bench.data.types import Truth

KEPT = 32  # number of most recent pools whose probabilities a process keeps
MOST_BYTES = 2**22  # largest array that is kept for a pool, so 128 MiB in all


def reference_held_out(truth: Truth, folds: int, rng: np.random.Generator) -> Floats:
    """(n, k) class probabilities of each row by a model fitted on the other folds; read-only, and
    cached by pool and folds."""
    n = len(truth.labels)
    if n < folds:
        raise ValueError(f"feature-dependent noise needs {folds} rows at least; the pool has {n}")
    fold = rng.permutation(np.arange(n) % folds)
    place = place_of(hashed(truth.labels, truth.features, fold).hexdigest(), truth.n_classes)
    if place:
        return place[0]
    probs = reference_model(truth, fold)
    probs.flags.writeable = False
    if probs.nbytes <= MOST_BYTES:
        place.append(probs)
    return probs


@lru_cache(maxsize=KEPT)
def place_of(content: str, n_classes: int) -> list[Floats]:
    """The list that holds the cached probabilities of a pool; the pool itself is not kept."""
    return []


def reference_model(truth: Truth, fold: Ints) -> Floats:
    """(n, k) probabilities by linear discriminant analysis fitted on other folds; fold: (n,)."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    probs = np.zeros((len(fold), truth.n_classes))
    for number in np.unique(fold):
        inside, outside = fold == number, fold != number
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        present = np.unique(truth.labels[outside])
        if len(present) == 1:  # the model could only predict this class
            probs[np.ix_(inside, present)] = 1
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Only one sample")  # in a rare class: no problem
            model.fit(truth.features[outside], truth.labels[outside])
        probs[np.ix_(inside, present)] = model.predict_proba(truth.features[inside])
    return probs
