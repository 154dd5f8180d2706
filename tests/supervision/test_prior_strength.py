"""A model stands on the prior as far as that is right, and labelled rows calibrate it."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.arrays import one_hot, softmax
from al_bench.core.state import Floats, Ints, Rows, State
from al_bench.learners import ResidualHead
from al_bench.supervision import HumanLabels, PosteriorLabels, PosteriorLabelsPool
from al_bench.testing.situations import make_pool


def asked(prior: Floats, rows: Rows, answers: Ints) -> State:
    """A state in which the first rows were answered."""
    given, m = replace(rows, prior=prior), len(answers)
    return State(given, np.full(len(rows), -1)).tell(np.arange(m), answers, np.zeros(m, dtype=int))


@pytest.mark.parametrize("rule", [PosteriorLabels(), PosteriorLabelsPool()])
def test_labelled_rows_calibrate_the_model(rule: PosteriorLabels) -> None:
    rows, truth = make_pool(n=60, k=4)
    training = rule.training_set(asked(rows.prior, rows, truth[:9]), np.random.default_rng(0))
    assert training.calibration_mask is not None
    assert len(training.calibration_mask) == len(training.rows) == len(training.targets)
    assert sorted(training.rows[training.calibration_mask]) == list(range(9))


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_useless_prior_loses_its_strength_and_a_good_one_keeps_it(noise: float) -> None:
    rows, truth = make_pool(n=400, k=4)
    rng = np.random.default_rng(1)
    answers = np.where(rng.random(400) < noise, (truth + rng.integers(1, 4, 400)) % 4, truth)
    guessed = np.where(rng.random(400) < 0.8, truth, (truth + rng.integers(1, 4, 400)) % 4)
    good = softmax(3.0 * one_hot(guessed, 4) + rng.normal(0, 0.3, (400, 4)))
    shuffled = rng.permutation(good)
    rule = PosteriorLabels()
    assert rule.prior_strength(asked(good, rows, answers)) > 0.5
    assert rule.prior_strength(asked(shuffled, rows, answers)) < 0.3
    assert rule.prior_strength(asked(shuffled, rows, answers[:0])) == 1.0
    few = rule.prior_strength(asked(shuffled, rows, answers[:8]))
    assert 0.3 < few <= 1.0


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_the_head_takes_the_prior_to_the_power_that_the_rule_found(strength: float) -> None:
    rows, truth = make_pool(n=80, k=3)
    training = HumanLabels().training_set(
        asked(rows.prior, rows, truth[:60]), np.random.default_rng(0)
    )
    rng = np.random.default_rng(0)
    found = ResidualHead().fit(rows, replace(training, prior_strength=strength), rng)
    wanted = ResidualHead(strength=strength).fit(rows, training, rng)
    np.testing.assert_array_equal(found.predict_proba(rows), wanted.predict_proba(rows))
