"""Any classifier of scikit-learn (Pedregosa et al., 2011) on frozen features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.utils.validation import has_fit_parameter

from al_bench.core.state import Floats, Rows, TrainingSet


@dataclass(frozen=True)
class SklearnModel:
    """A fitted classifier of some of `n_classes` classes; the others get probability 0."""

    classifier: Any
    n_classes: int

    def predict_proba(self, rows: Rows) -> Floats:
        features = np.asarray(rows.features, dtype=np.float32)
        probs = np.zeros((len(features), self.n_classes))
        probs[:, self.classifier.classes_] = self.classifier.predict_proba(features)
        return probs


@dataclass
class SklearnClassifier:
    """Any classifier of scikit-learn that predicts probabilities, on frozen features.

    A row with a soft target enters once per class of non-zero probability, weighted by it. A
    classifier without sample weights is fitted only if all weights are equal. With a single class,
    or constant features, the class frequencies are predicted. Every `random_state` is seeded from
    the round's generator.

        >>> from sklearn.ensemble import RandomForestClassifier
        >>> model = SklearnClassifier(RandomForestClassifier()).fit(state.rows, taught, rng)

    Parameters
    ----------
    classifier : an estimator with `predict_proba`; it is copied for each fit
    """

    classifier: Any

    def __post_init__(self) -> None:
        if not hasattr(self.classifier, "predict_proba"):
            raise ValueError(
                f"SklearnClassifier got {type(self.classifier).__name__}, which has no "
                "predict_proba; wanted a classifier that predicts probabilities"
            )

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> SklearnModel:
        mass = training.targets * training.weights[:, None]
        at, classes = np.nonzero(mass)
        weights = mass[at, classes]
        if len(at) == 0:
            raise ValueError("SklearnClassifier got a training set without weight; wanted some")
        features = np.asarray(rows.features[training.rows[at]], dtype=np.float32)
        names = sorted(n for n in self.classifier.get_params() if n.endswith("random_state"))
        seeds = {name: int(rng.integers(2**31)) for name in names}
        classifier = clone(self.classifier).set_params(**seeds)
        if np.ptp(classes) == 0 or not np.ptp(features, axis=0).any():
            classifier = DummyClassifier()
        if has_fit_parameter(classifier, "sample_weight"):
            classifier.fit(features, classes, sample_weight=weights)
        elif np.ptp(weights) == 0:
            classifier.fit(features, classes)
        else:
            raise ValueError(
                f"SklearnClassifier got soft targets or unequal weights, which "
                f"{type(classifier).__name__} cannot take; wanted hard targets of equal weight"
            )
        return SklearnModel(classifier, rows.n_classes)
