"""Noise: realised rates, where wrong answers go, and that they are fixed by the seed."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, chisquare

from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints
from al_bench.data import noise as reference
from al_bench.data.noise import (
    Confusion,
    FeatureDependent,
    Human,
    PairFlip,
    Symmetric,
    Votes,
    flip_chances,
    realised,
    reference_held_out,
    reference_model,
)
from al_bench.data.types import Noise, Truth
from tests.conftest import make_pool

N, K = 6000, 5


@pytest.fixture(scope="module")
def truth() -> Truth:
    rows, labels = make_pool(N, 8, K, seed=1, noise=2.0)
    draws = np.random.default_rng(2)
    human = np.where(draws.random(N) < 0.3, draws.integers(K, size=N), labels)
    votes = draws.multinomial(15, np.eye(K) * 0.6 + 0.08, size=K)[0]
    votes = np.stack([np.roll(votes, c) for c in range(K)])[labels]
    return Truth(labels, K, rows.features, {"one": human, "many": votes})


MATRIX = [[0.7, 0.3, 0, 0, 0]] + [[0.1 if a != t else 0.6 for a in range(K)] for t in range(1, K)]
NOISES = [
    Symmetric(0.3),
    PairFlip(0.3),
    Confusion(MATRIX),
    FeatureDependent(0.3, 5),
    Votes("many"),
]


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: type(noise).__name__)
def test_another_seed_flips_other_rows(noise: Noise, truth: Truth) -> None:
    first, second = (noise.answers(truth, rng(seed, "noise")) for seed in (0, 1))
    assert np.mean(first != second) > 0.1


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("kind", [Symmetric, PairFlip, FeatureDependent])
def test_the_realised_rate_is_the_rate_asked_for(
    kind: Callable[[float], Noise], rate: float, truth: Truth
) -> None:
    wrong = int((kind(rate).answers(truth, rng(7, "noise")) != truth.labels).sum())
    low, high = binom.ppf([1e-4, 1 - 1e-4], N, rate)
    assert low <= wrong <= high


def test_symmetric_noise_never_answers_itself_and_treats_the_others_alike() -> None:
    labels = np.full(20_000, 2)
    answers = Symmetric(0.999).answers(Truth(labels, K, np.zeros((20_000, 1))), rng(0, "noise"))
    found = np.bincount(answers[answers != 2], minlength=K)
    assert (answers != 2).mean() > 0.99
    assert found[2] == 0
    assert chisquare(np.delete(found, 2)).pvalue > 1e-4


def test_pair_flip_goes_to_the_next_class_and_round(truth: Truth) -> None:
    answers = PairFlip(0.5).answers(truth, rng(0, "noise"))
    wrong = answers != truth.labels
    np.testing.assert_array_equal(answers[wrong], (truth.labels[wrong] + 1) % K)
    assert set(truth.labels[wrong].tolist()) == set(range(K))


def test_confusion_rows_are_the_true_classes() -> None:
    matrix = np.array([[0.9, 0.1, 0.0], [0.0, 0.5, 0.5], [0.3, 0.0, 0.7]])
    labels = np.repeat(np.arange(3), 20_000)
    problem = Truth(labels, 3, np.zeros((60_000, 1)))
    answers = Confusion(matrix.tolist()).answers(problem, rng(0, "noise"))
    found = np.stack([np.bincount(answers[labels == t], minlength=3) / 20_000 for t in range(3)])
    np.testing.assert_allclose(found, matrix, atol=0.015)
    assert np.all(found[matrix == 0] == 0)


def test_a_matrix_that_is_none_or_of_other_classes_is_refused(truth: Truth) -> None:
    for matrix, sentence in (
        ([[0.5, 0.5], [0.5, 0.6]], "row 1"),
        ([[1.2, -0.2], [0, 1]], "row 0"),
        ([[1, 0], [0, 1], [0, 0]], "square"),
        ([[1.0]], "square"),
        ([[1, 0], [0, 1]], "2 classes; the problem has 5"),
    ):
        with pytest.raises(ValueError, match=sentence):
            Confusion(matrix).answers(truth, rng(0, "noise"))


def test_feature_dependent_noise_hits_hard_rows_and_goes_where_they_look_like() -> None:
    draws = np.random.default_rng(0)
    labels = draws.integers(3, size=4000)
    centres = np.array([0.0, 3.0, 9.0])  # classes 0 and 1 are neighbours, 2 is far from 0
    features = (centres[labels] + draws.normal(size=4000))[:, None].astype(np.float32)
    answers = FeatureDependent(0.1, 5).answers(Truth(labels, 3, features), rng(0, "noise"))
    wrong = answers != labels
    distance = np.abs(features[:, 0] - centres[labels])
    assert distance[wrong].mean() > 1.4 * distance[~wrong].mean()
    zero = labels == 0
    assert (answers[zero] == 1).sum() > 10 * max((answers[zero] == 2).sum(), 1)
    assert (wrong[labels == 2]).mean() < (wrong[labels == 1]).mean()


def test_the_reference_model_never_saw_the_row_it_judges() -> None:
    """With labels that are noise, a model that saw them would be surer of them than chance."""
    draws = np.random.default_rng(0)
    labels = draws.integers(2, size=120)
    features = draws.normal(size=(120, 40)).astype(np.float32)
    probs = reference_held_out(Truth(labels, 2, features), 5, draws)
    assert probs[np.arange(120), labels].mean() < 0.6


def test_an_opinion_that_is_kept_is_the_one_that_is_computed_and_nobodys_else(
    truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = reference_model(truth, np.random.default_rng(3).permutation(np.arange(N) % 5))
    first = reference_held_out(truth, 5, np.random.default_rng(3))
    monkeypatch.setattr(reference, "reference_model", refuse)
    np.testing.assert_array_equal(reference_held_out(truth, 5, np.random.default_rng(3)), wanted)
    assert reference_held_out(truth, 5, np.random.default_rng(3)) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0
    others = [
        (truth, 5, 4),
        (truth, 4, 3),
        (replace(truth, features=truth.features + np.float32(1e-6)), 5, 3),
        (replace(truth, labels=truth.labels[::-1]), 5, 3),
        (replace(truth, n_classes=K + 1), 5, 3),
    ]
    for other, folds, seed in others:
        with pytest.raises(AssertionError, match="computed again"):
            reference_held_out(other, folds, np.random.default_rng(seed))


def test_an_opinion_on_a_large_pool_is_not_kept(
    truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "MOST_BYTES", N * K * 8 - 1)
    reference_held_out(truth, 5, np.random.default_rng(5))
    monkeypatch.setattr(reference, "reference_model", refuse)
    with pytest.raises(AssertionError, match="computed again"):
        reference_held_out(truth, 5, np.random.default_rng(5))


def refuse(truth: Truth, fold: Ints) -> Floats:
    raise AssertionError("computed again")


def test_feature_dependent_noise_survives_classes_of_one_row() -> None:
    draws = np.random.default_rng(0)
    labels = np.array([0] * 40 + [1] * 9 + [2])
    features = draws.normal(size=(50, 4)).astype(np.float32)
    answers = FeatureDependent(0.3, 5).answers(Truth(labels, 3, features), rng(0, "noise"))
    assert set(answers.tolist()) <= {0, 1, 2}


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5, 0.95])
@pytest.mark.parametrize("shape", [0.02, 0.5, 5.0])
def test_flip_chances_average_to_the_rate(rate: float, shape: float) -> None:
    hard = np.random.default_rng(0).beta(shape, 1, size=2000)
    chances = flip_chances(hard, rate)
    assert chances.mean() == pytest.approx(rate, rel=1e-9)
    assert chances.max() <= 1
    assert np.all(np.diff(chances[np.argsort(hard)]) >= -1e-12)
    for alike in (np.zeros(10), np.ones(10)):
        np.testing.assert_allclose(flip_chances(alike, rate), rate)
        np.testing.assert_array_equal(flip_chances(alike, 0), 0)


def test_human_noise_is_the_column_which_must_be_there_and_of_its_kind(truth: Truth) -> None:
    said = Human("one").answers(truth, rng(0, "noise"))
    np.testing.assert_array_equal(said, truth.columns["one"])
    empty = {"many": truth.columns["many"], "none": np.zeros((N, K), dtype=np.int64)}
    for noise, sentence in (
        (Human("no"), "human noise: .* 'no'; it has many, none, one"),
        (Votes("no"), "votes noise: .* 'no'; it has many, none, one"),
        (Human("many"), "one label"),
        (Votes("one"), "counts of"),
        (Votes("none"), "row 0 of column 'none' has no vote"),
    ):
        with pytest.raises(ValueError, match=sentence):
            noise.answers(replace(truth, columns=empty | {"one": said}), rng(0, "noise"))


def test_a_rate_outside_zero_to_one_is_refused() -> None:
    for make, rate in product((Symmetric, PairFlip, FeatureDependent), (-0.1, 1.0, np.nan)):
        with pytest.raises(ValueError, match="rate"):
            make(rate)  # type: ignore[operator]


def test_realised_rates_are_counted_by_true_class() -> None:
    overall, by_class = realised(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 1, 0, 1, 0]), 3)
    assert overall == 0.5
    np.testing.assert_array_equal(by_class, [0.5, 0.5, np.nan])


def naive_drawn(weights: Floats, aim: Floats) -> Ints:
    """Walk along each row until the aimed-at fraction of its weight is used up."""
    out = []
    for row, fraction in zip(weights, aim, strict=True):
        left = fraction * row.sum()
        c = 0
        while left >= row[c]:
            left -= row[c]
            c += 1
        out.append(c)
    return np.array(out)


def test_draws_agree_with_a_walk_along_each_row() -> None:
    weights = np.random.default_rng(0).integers(0, 4, size=(500, 6)).astype(float)
    weights[:, 3] += 1
    aim = rng(9, "noise").random(500)
    problem = Truth(np.zeros(500, dtype=np.int64), 6, np.zeros((500, 1)), {"votes": weights})
    np.testing.assert_array_equal(
        Votes("votes").answers(problem, rng(9, "noise")), naive_drawn(weights, aim)
    )
