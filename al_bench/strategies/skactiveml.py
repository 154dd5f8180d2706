"""Any pool query strategy of scikit-activeml (Kottke et al., 2021), with our model and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import Any

import numpy as np

from al_bench.core.rng import seeded_global_generator
from al_bench.core.state import HIDDEN, Floats, Ints, Picked, Rows, State
from al_bench.strategies.common.ranking import filled_at_random

try:
    from skactiveml.base import SingleAnnotatorPoolQueryStrategy, SkactivemlClassifier
    from skactiveml.utils import MISSING_LABEL
    from sklearn.base import clone
except ImportError as error:
    raise ImportError(
        "SkActiveML needs scikit-activeml: pip install 'al-bench[skactiveml]'"
    ) from error


@dataclass(frozen=True)
class SkActiveML:
    """Any pool query strategy of scikit-activeml for a single annotator, on our task model.

    Rows that it returns twice (Badge, if gradients vanish) are replaced by random rows. Every
    `random_state` is seeded from the round's generator, and so is NumPy's global generator for
    strategies that draw from it (Clue, DropQuery).

        >>> from skactiveml.pool import UncertaintySampling
        >>> rows = SkActiveML(UncertaintySampling()).select(state, 10, rng)

    Parameters
    ----------
    query : the strategy. It sees features and labels of all rows that are not hidden, and the task
        model as its fitted classifier (`clf`, `estimator`)
    models : by name, other arguments of its ``query`` (`discriminator`, `ensemble`), or a `clf` to
        fit on the labels instead of the task model; each gets the problem's classes
    """

    query: Any
    models: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = type(self.query).__name__
        if not isinstance(self.query, SingleAnnotatorPoolQueryStrategy):
            raise ValueError(
                f"SkActiveML got query={name}; wanted a pool query strategy of scikit-activeml for "
                "a single annotator"
            )
        wanted = signature(self.query.query).parameters
        for missing in sorted(required(wanted) - set(self.models) - task_model_names(wanted)):
            raise ValueError(
                f"SkActiveML got no model named {missing}, which {name} wants; give "
                f"+strategy.models.{missing}._target_=..."
            )
        for unknown in sorted(set(self.models) - set(wanted)):
            raise ValueError(
                f"SkActiveML got a model named {unknown}, which {name} does not take; wanted "
                f"some of {', '.join(wanted)}"
            )

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        budget = min(budget, len(state.unlabelled))
        if budget == 0:
            return state.unlabelled
        seen = np.flatnonzero(state.labels != HIDDEN)
        features = np.asarray(state.rows.features[seen], dtype=np.float32)
        answers = np.where(state.labels[seen] >= 0, state.labels[seen], MISSING_LABEL)
        query = ready(self.query, state.n_classes, rng)
        models = self._models(state, rng)
        with seeded_global_generator(rng):
            named = query.query(features, answers, batch_size=budget, **models)
        distinct = list(dict.fromkeys(np.asarray(named).tolist()))
        chosen = seen[np.array(distinct, dtype=np.int64)]
        return filled_at_random(chosen, state.unlabelled, budget, rng)

    def _models(self, state: State, rng: np.random.Generator) -> dict[str, Any]:
        models: dict[str, Any] = {}
        for name in task_model_names(signature(self.query.query).parameters) - set(self.models):
            models |= {name: TaskModel(state), f"fit_{name}": False}
        for name, model in self.models.items():
            if isinstance(model, Sequence):
                models[name] = [ready(member, state.n_classes, rng) for member in model]
            else:
                models[name] = ready(model, state.n_classes, rng)
        return models


def required(parameters: Mapping[str, Parameter]) -> set[str]:
    """Names of the parameters without a default, except features and labels."""
    return {n for n, p in parameters.items() if p.default is p.empty} - {"X", "y", "query_kwargs"}


def task_model_names(parameters: Mapping[str, Parameter]) -> set[str]:
    """Names of a query's parameters that accept a fitted classifier which it does not refit."""
    return set() if "ignore_partial_fit" in parameters else {"clf", "estimator"} & set(parameters)


def ready(estimator: Any, n_classes: int, rng: np.random.Generator) -> Any:
    """A fresh copy with the problem's classes and seeds from `rng`, if it has such parameters."""
    names = sorted(estimator.get_params())
    seeds = {n: int(rng.integers(2**31)) for n in names if n.endswith("random_state")}
    classes = {"classes": list(range(n_classes))} if "classes" in names else {}
    return clone(estimator).set_params(**seeds, **classes)


class TaskModel(SkactivemlClassifier):  # type: ignore[misc]
    """The task model of a state as a fitted classifier of scikit-activeml."""

    def __init__(self, state: State) -> None:
        super().__init__(classes=list(range(state.n_classes)))
        self.state = state
        self.classes_ = np.arange(state.n_classes)

    def fit(self, X: Floats, y: Floats, sample_weight: Floats | None = None) -> TaskModel:  # noqa: N803
        raise ValueError("the task model is not fitted inside a query; give strategy.models.clf")

    def predict_proba(self, X: Floats) -> Floats:  # noqa: N803
        """(m, k) float64 probabilities of the candidates, the labelled rows, or all rows."""
        state = self.state
        parts = (state.unlabelled, state.labelled, np.flatnonzero(state.labels != HIDDEN))
        for rows in parts:
            if np.array_equal(X, np.asarray(state.rows.features[rows], dtype=np.float32)):
                return state.probs[rows].astype(float)
        if len(X) != len(state.unlabelled):
            raise ValueError(
                f"SkActiveML's query asks for probabilities of {len(X)} rows that are neither the "
                "candidates nor the labelled ones; wanted one of these sets"
            )
        inputs = Picked(state.rows.inputs, state.unlabelled)
        changed = Rows(inputs, X, state.rows.prior[state.unlabelled])
        return state.model.predict_proba(changed).astype(float)

    def predict(self, X: Floats) -> Ints:  # noqa: N803
        return np.asarray(self.predict_proba(X).argmax(axis=1))
