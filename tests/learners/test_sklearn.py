"""Classifiers of scikit-learn keep the contract of a learner, with soft targets and weights."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from al_bench.core.state import State, TrainingSet
from al_bench.learners import SklearnClassifier
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan
from al_bench.testing.contract import CHECKS, learns_the_same_again
from al_bench.testing.situations import Check

MAKES: dict[str, Callable[[], Any]] = {
    "logistic": lambda: SklearnClassifier(LogisticRegression(max_iter=300)),
    "forest": lambda: SklearnClassifier(RandomForestClassifier(20)),
    "bayes": lambda: SklearnClassifier(GaussianNB()),
    "boosting": lambda: SklearnClassifier(
        HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2)
    ),
}


def hard(state: State) -> TrainingSet:
    index = state.labelled
    return TrainingSet(index, np.eye(state.n_classes)[state.labels[index]], np.ones(len(index)))


def fitted(classifier: Any, state: State, training: TrainingSet, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    model = SklearnClassifier(classifier).fit(state.rows, training, rng)
    return model.predict_proba(state.rows)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", CHECKS["learner"], ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", MAKES)
def test_every_classifier_keeps_the_contract_of_a_learner(name: str, check: Check) -> None:
    check(MAKES[name])


def test_hard_targets_are_the_classifiers_own_fit(state: State) -> None:
    index = state.labelled
    alone = GaussianNB().fit(state.rows.features[index], state.labels[index])
    assert np.array_equal(
        fitted(GaussianNB(), state, hard(state)), alone.predict_proba(state.rows.features)
    )


def test_a_soft_target_weighs_as_much_as_so_many_hard_rows(state: State) -> None:
    index = np.arange(12)
    targets = np.zeros((12, 4))
    targets[:, 0], targets[np.arange(12), 1 + np.arange(12) % 3] = 0.25, 0.75
    weights = np.where(np.arange(12) < 6, 4.0, 8.0)
    counts = (targets * weights[:, None]).astype(int)
    features = np.repeat(state.rows.features[index], counts.sum(axis=1), axis=0)
    classes = np.concatenate([np.repeat(np.arange(4), row) for row in counts])
    repeated = GaussianNB().fit(features, classes).predict_proba(state.rows.features)
    soft = fitted(GaussianNB(), state, TrainingSet(index, targets, weights))
    assert soft == pytest.approx(repeated, abs=1e-4)


def test_a_row_without_weight_and_a_class_without_a_row_leave_no_trace(state: State) -> None:
    training = hard(state)
    gone = training.targets[:, 3] == 1
    without = replace(training, weights=np.where(gone, 0.0, 1.0))
    probs = fitted(LogisticRegression(), state, without)
    assert gone.any()
    assert not probs[:, 3].any()
    assert probs.sum(axis=1) == pytest.approx(1)


def test_a_single_class_is_predicted_everywhere(state: State) -> None:
    training = hard(state)
    one = replace(training, targets=np.eye(4)[np.full(len(training.rows), 2)])
    assert (fitted(LogisticRegression(), state, one) == np.eye(4)[2]).all()


def test_random_states_come_from_the_generator_alone(state: State) -> None:
    forest = RandomForestClassifier(5, random_state=0)
    one, again, other = (fitted(forest, state, hard(state), seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_classifier_without_weights_learns_from_equal_ones_and_refuses_others(
    state: State,
) -> None:
    learns_the_same_again(lambda: SklearnClassifier(KNeighborsClassifier(3)))
    training = hard(state)
    unequal = replace(training, weights=np.arange(len(training.rows)) + 1.0)
    soft = replace(training, targets=0.8 * training.targets + 0.05)
    for odd in (unequal, soft):
        with pytest.raises(ValueError, match="KNeighborsClassifier cannot take; wanted hard"):
            fitted(KNeighborsClassifier(3), state, odd)


def test_a_classifier_without_probabilities_and_a_set_without_weight_are_refused(
    state: State,
) -> None:
    with pytest.raises(ValueError, match="RidgeClassifier, which has no predict_proba"):
        SklearnClassifier(RidgeClassifier())
    nothing = replace(hard(state), weights=np.zeros(len(state.labelled)))
    with pytest.raises(ValueError, match="a training set without weight"):
        fitted(GaussianNB(), state, nothing)


def test_the_command_line_names_any_classifier_with_its_parameters(state: State) -> None:
    forest = "learner.classifier._target_=sklearn.ensemble.RandomForestClassifier"
    (job,) = plan(["learner=sklearn", forest, "+learner.classifier.n_estimators=7"])
    learner = instantiate(job.config["learner"])
    model = learner.fit(state.rows, hard(state), np.random.default_rng(0))
    assert len(model.classifier.estimators_) == 7
