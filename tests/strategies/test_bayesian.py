"""BALD, PowerBALD, BatchBALD and the posteriors they draw models from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_bench.core.state import Floats, Rows
from al_bench.strategies.bayesian import joint_greedy, scores
from al_bench.strategies.common.posterior import Dropout
from tests.conftest import FixedModel, make_state
from tests.pools import LAPLACE, generator
from tests.reference import bayesian

pytestmark = pytest.mark.usefixtures("small_blocks")


def test_bald_is_what_plain_entropies_give_for_dropped_features() -> None:
    state = make_state(n=50, d=6, k=3, seed=4)[0]
    model = state.model
    assert isinstance(model, FixedModel)
    predict = Dropout(rate=0.5).draw(state, 8, generator())
    expected = bayesian.dropout_predictions(
        state.rows.features, model.weight, model.bias, 8, 0.5, generator()
    )
    np.testing.assert_allclose(predict(np.arange(50)), expected, atol=1e-5)
    np.testing.assert_allclose(scores(predict, np.arange(50)), bayesian.bald(expected), atol=1e-5)


def test_dropout_asks_any_other_model_what_it_would_ask_a_linear_one() -> None:
    state = make_state(n=50, d=6, k=3, seed=4)[0]
    other = replace(state, model=Opaque(state.model))
    rows = np.arange(50)
    expected = Dropout(rate=0.5).draw(state, 8, generator())(rows)
    np.testing.assert_allclose(
        Dropout(rate=0.5).draw(other, 8, generator())(rows), expected, atol=1e-5
    )


class Opaque:
    """A model that shows no weights."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict_proba(self, rows: Rows) -> Floats:
        return np.asarray(self.model.predict_proba(rows))


def test_laplace_draws_have_the_covariance_of_the_kronecker_hessian() -> None:
    state = make_state(n=60, d=2, k=3, labelled=30, seed=2)[0]
    basis = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    labelled = state.labelled
    features = state.rows.features.copy()
    features[:3] = basis  # logits at these rows give the bias, and the weights after subtraction
    state = replace(state, rows=replace(state.rows, features=features))
    drawn = np.log(LAPLACE.draw(state, 40000, generator())(np.arange(3)).astype(np.float64))
    logits = drawn - drawn.mean(axis=2, keepdims=True)
    heads = np.stack([logits[1] - logits[0], logits[2] - logits[0], logits[0]], axis=2)
    measured = np.cov(heads.reshape(40000, -1).T)

    taught = np.c_[features[labelled], np.ones(len(labelled))]
    probs = state.probs[labelled]
    inner = np.mean([np.diag(p) - np.outer(p, p) for p in probs], axis=0)
    covariance = np.linalg.inv(np.kron(inner, taught.T @ taught) + 0.1 * np.eye(9))
    centring = np.kron(np.eye(3) - 1 / 3, np.eye(3))  # a softmax does not see a common shift
    expected = centring @ covariance @ centring.T
    np.testing.assert_allclose(measured, expected, atol=0.04 * np.abs(expected).max())


def test_batchbald_chooses_what_enumerating_all_answers_chooses() -> None:
    for seed in range(10):
        predictions = generator(seed).dirichlet(np.ones(3) * 0.4, size=(12, 6))
        chosen = joint_greedy(predictions, 4, 10_000, generator(seed))
        assert np.array_equal(chosen, bayesian.batch_bald(predictions, 4))


def test_batchbald_with_drawn_configurations_is_close_to_enumeration() -> None:
    fractions = []
    for seed in range(10):
        predictions = generator(seed).dirichlet(np.ones(3) * 0.4, size=(12, 6))
        exact = bayesian.batch_bald(predictions, 4)
        drawn = joint_greedy(predictions, 4, 20, generator(seed))
        best = bayesian.joint_information(predictions, exact)
        fractions.append(bayesian.joint_information(predictions, drawn) / best)
    assert np.mean(fractions) > 0.95
