"""The pool of experts: Bayes by hand, parameters recovered."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from al_bench.belief.opinion_pool import (
    averages,
    corrected_frequencies,
    full_axes,
    mean_pool,
    pooled,
    true_class,
)
from al_bench.core.arrays import softmax
from al_bench.core.state import Floats, Ints
from tests.reference import belief as slow

BEFORE, PRECISION, NOISE = np.array([1.5, 0.5]), np.array([4.0, 1.0]), (1.0, 9.0)


def zero_shot(m: int, k: int, strength: float, seed: int) -> tuple[Floats, Ints]:
    """(m, k) calibrated log-probabilities and truths drawn from them."""
    rng = np.random.default_rng(seed)
    probs = softmax(strength * rng.normal(size=(m, k)))
    truth = np.array([rng.choice(k, p=row) for row in probs])
    return np.log(probs), truth


def flipped(truth: Ints, k: int, rate: float, seed: int) -> Ints:
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(truth)) < rate
    return np.where(wrong, (truth + rng.integers(1, k, size=len(truth))) % k, truth)


def test_the_posterior_of_the_true_class_is_bayes_rule_by_hand() -> None:
    belief = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]])
    posterior = true_class(belief, np.array([0, 2]), 0.2)
    assert_allclose(posterior[0], np.array([0.56, 0.02, 0.01]) / 0.59)
    assert_allclose(posterior[1], np.array([0.07, 0.02, 0.08]) / 0.17)


def test_without_noise_the_answer_is_the_truth() -> None:
    belief = softmax(np.random.default_rng(0).normal(size=(5, 4)))
    assert_allclose(true_class(belief, np.arange(5) % 4, 0.0), np.eye(4)[np.arange(5) % 4])


def test_posterior_and_pool_equal_the_slow_versions() -> None:
    experts = np.stack([zero_shot(20, 4, 1.0, s)[0] for s in (1, 2)])
    fractions = np.array([0.4, 0.3, 0.2, 0.1])
    fast = pooled(experts, np.array([0.7, 1.3]), fractions)
    assert_allclose(fast, slow.pooled(experts, [0.7, 1.3], fractions))
    answers = np.arange(20) % 4
    assert_allclose(true_class(fast, answers, 0.3), slow.true_class(fast, answers, 0.3))


def test_exponents_of_zero_make_the_pool_flat_and_of_one_give_the_expert_back() -> None:
    experts = np.stack([zero_shot(6, 3, 1.0, s)[0] for s in (1, 2)])
    assert_allclose(pooled(experts, np.zeros(2)), 1 / 3)
    assert_allclose(pooled(experts, np.array([0.0, 1.0])), np.exp(experts[1]))


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.4])
def test_noise_rate_and_exponents_are_recovered_from_answers(rate: float) -> None:
    expert, truth = zero_shot(1500, 5, 3.0, 11)
    idle, _ = zero_shot(1500, 5, 1.0, 12)
    answers = flipped(truth, 5, rate, 13)
    fit = mean_pool(np.stack([idle, expert]), answers, np.array([0.5, 0.5]), np.ones(2), NOISE)
    assert abs(fit.noise - rate) < 0.04
    assert fit.exponents[0] < 0.12
    assert 0.8 < fit.exponents[1] < 1.2
    assert_allclose(fit.posterior.sum(axis=1), 1)


def test_averages_are_the_means_of_the_slow_posterior() -> None:
    experts = np.stack([zero_shot(12, 3, 1.0, s)[0] for s in (3, 4)])
    answers, fractions, rates = np.arange(12) % 3, np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3])

    def explained(pools: Floats) -> Floats:
        hits = (pools * fractions / (pools @ fractions)[..., None])[:, np.arange(12), answers]
        likely = [np.log((1 - r) * hits + r / 2 * (1 - hits)).sum(axis=1) for r in rates]
        return np.stack(likely, axis=1)

    axes, before, precision = full_axes(2), np.array([1.0, 0.5]), np.array([2.0, 3.0])
    found = averages(experts, explained, before, precision, np.log([0.4, 0.6]), axes)
    total, means, wrong = 0.0, np.zeros(2), 0.0
    for b in axes[0]:
        for a in axes[1]:
            for rate, share in zip(rates, (0.4, 0.6), strict=True):
                likelihood = slow.log_likelihood([b, a], experts, answers, fractions, rate)
                weight = share * np.exp(likelihood - (b - 1) ** 2 - 1.5 * (a - 0.5) ** 2)
                total += weight
                means += weight * np.array([b, a])
                wrong += weight * (rate == 0.3)
    assert_allclose(found.exponents, means / total, rtol=1e-4)
    assert_allclose(found.rates[1], wrong / total, rtol=1e-4)
    assert_allclose(found.evidence, np.log(total * 0.3**2), rtol=1e-4)


def test_corrected_frequencies_undo_even_noise() -> None:
    truth, rates = np.array([0.9, 0.07, 0.03]), np.array([0.0, 0.2, 0.4])
    answered = np.array([(1 - r) * truth + r / 2 * (1 - truth) for r in rates])
    for place, counts in enumerate(answered):
        assert_allclose(corrected_frequencies(1e4 * counts, rates)[place], truth)
    few = corrected_frequencies(np.array([7.0, 1.0, 2.0]), rates)
    assert few.min() > 0.03  # half an answer in ten, before they are normalised
    assert_allclose(few.sum(axis=1), 1)
    assert_allclose(corrected_frequencies(np.array([8.0, 2.0]), np.array([0.5, 0.6])), 0.5)


def test_answers_of_a_rare_class_that_noise_explains_do_not_discredit_the_prior() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(300) < 0.02).astype(int)
    guessed = np.where(rng.random(300) < 0.2, 1 - truth, truth)  # right for four of five rows
    answers = np.where(rng.random(300) < 0.2, 1 - truth, truth)
    prior = np.log(np.where(np.arange(2) == guessed[:, None], 0.8, 0.2))[None]
    found = mean_pool(prior, answers, np.ones(1), np.array([10.0]), (0.5, 2.0))
    assert found.exponents[0] > 0.7
    assert abs(found.noise - 0.2) < 0.05


def test_vetting_repairs_more_answers_than_it_spoils() -> None:
    expert, truth = zero_shot(800, 5, 3.0, 21)
    answers = flipped(truth, 5, 0.3, 23)
    fit = mean_pool(expert[None], answers, np.ones(1), np.ones(1), NOISE)
    assert (fit.posterior.argmax(axis=1) == truth).mean() > (answers == truth).mean() + 0.1
