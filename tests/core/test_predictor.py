"""What a user gets: as sharp as the judges say and of the same classes."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.arrays import one_hot
from al_bench.core.metrics import calibration_error
from al_bench.core.predictor import CalibratedPredictor, fit_inverse_temperature
from al_bench.core.state import State, TrainingSet
from al_bench.testing.situations import SoftmaxModel, make_pool


def judged(doubt: float) -> tuple[State, np.ndarray]:
    """A model far too sure of itself, and judges of whom a share says another class at random."""
    rows, truth = make_pool(n=600, k=4, noise=2.0)
    means = np.stack([rows.features[truth == c].mean(axis=0) for c in range(4)])
    model = SoftmaxModel(20 * means, np.zeros(4, dtype=np.float32))
    taught, rng = np.arange(300), np.random.default_rng(0)
    said = np.where(rng.random(300) < doubt, rng.integers(4, size=300), truth[:300])
    training = TrainingSet(taught, one_hot(said, 4), np.ones(300), calibration_mask=taught < 200)
    return State(rows, np.full(600, -1), model, training), truth


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_the_sharpness_is_the_factor_by_which_scores_were_too_flat(factor: float) -> None:
    scores = np.random.default_rng(0).normal(size=(400, 3))
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert fit_inverse_temperature(scores / factor, true) == pytest.approx(factor, rel=0.02)


def test_judges_calibrate_and_leave_every_class_where_it_was() -> None:
    state, truth = judged(0.0)
    said = CalibratedPredictor(state).pool
    assert said.argmax(axis=1).tolist() == state.probs.argmax(axis=1).tolist()
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)

    def error(probs: np.ndarray) -> float:
        rest = slice(300, None)
        hit = probs[rest].argmax(axis=1) == truth[rest]
        return calibration_error(probs[rest].max(axis=1), hit)

    assert error(said) < 0.08 < error(state.probs)


def test_judges_in_doubt_make_a_model_doubtful() -> None:
    sure, torn = (
        CalibratedPredictor(state).pool.max(axis=1).mean() for state, _ in map(judged, (0.0, 0.5))
    )
    assert torn < sure - 0.1


def test_without_judges_or_training_nothing_changes() -> None:
    state, _ = judged(0.0)
    assert state.training is not None
    for training in (None, replace(state.training, calibration_mask=None)):
        untaught = replace(state, training=training)
        assert CalibratedPredictor(untaught).pool is untaught.probs
