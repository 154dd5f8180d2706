"""Model and belief are pooled by how they foresaw answers, and a model stands on a good prior."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.state import Floats, Ints, Rows, State, TrainingSet
from al_bench.learners import ResidualHead
from al_bench.supervision import ExpertPool, HumanLabels
from al_bench.testing.situations import make_pool
from tests.supervision.test_calibrated import AnswerTargets, heard, spoken


def asked(prior: Floats, rows: Rows, answers: Ints) -> State:
    """A state in which the first rows were answered."""
    given, m = replace(rows, prior=prior), len(answers)
    return State(given, np.full(len(rows), -1)).tell(np.arange(m), answers, np.zeros(m, dtype=int))


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_expert_that_foresaw_the_answers_gets_the_larger_exponent(noise: float) -> None:
    rows, _ = make_pool(n=400, k=4)
    flat, none = np.full((400, 4), 0.25), np.empty(0, dtype=int)
    rule, found = ExpertPool(AnswerTargets(flat)), []
    for right in ((0.6, 0.9), (0.9, 0.6)):
        known, answers = heard(*right, noise)
        before = TrainingSet(
            none, np.empty((0, 4)), np.empty(0), None, lambda rows: rows.prior, none.astype(bool),
            prequential=known,
        )  # fmt: skip
        state = replace(asked(rows.prior, rows, answers), training=before)
        found.append(rule.training_set(state, np.random.default_rng(0)).exponents)
    (model, belief), (better, worse) = found
    assert belief > 1.4 * model
    assert better > 1.4 * worse


def test_before_the_second_round_the_exponents_are_what_was_given() -> None:
    rows, truth = make_pool(n=60, k=4)
    rule = ExpertPool(AnswerTargets(np.full((60, 4), 0.25)), exponents=(0.7, 0.3))
    rows = replace(rows, features=np.column_stack([np.arange(60), rows.features]).astype("f4"))
    training = rule.training_set(asked(rows.prior, rows, truth[:9]), np.random.default_rng(0))
    assert training.exponents == (0.7, 0.3)
    assert training.prequential is None
    assert training.calibration_mask is not None


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_useless_prior_loses_its_strength_and_a_good_one_keeps_it(noise: float) -> None:
    rows, truth = make_pool(n=400, k=4)
    rng = np.random.default_rng(1)
    answers = np.where(rng.random(400) < noise, (truth + rng.integers(1, 4, 400)) % 4, truth)
    good = np.exp(spoken(truth, 0.8, rng))
    shuffled = rng.permutation(good)
    rule = ExpertPool()
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


def test_a_rule_without_a_belief_is_refused() -> None:
    rows, truth = make_pool(n=60, k=4)
    state = asked(rows.prior, rows, truth[:9])
    with pytest.raises(ValueError, match="ExpertPool got HumanLabels, which has no belief"):
        ExpertPool(HumanLabels()).training_set(state, np.random.default_rng(0))


@pytest.mark.parametrize("wrong", [{"exponents": (0.5, -1.0)}, {"precision": (1.0,)}])
def test_parameters_that_are_none_are_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match=r"ExpertPool got .*; wanted two numbers, none below 0"):
        ExpertPool(**wrong)  # type: ignore[arg-type]
