"""A problem of one's own arrays, and what identifies it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_bench.truth import Problem

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(30, 4)), np.arange(30) % 3
T, TY = RNG.normal(size=(12, 4)), np.arange(12) % 3


def made(**changed: Any) -> Problem:
    given: dict[str, Any] = {"features": X, "prior": None, "labels": Y}
    given |= {"test_features": T, "test_labels": TY} | changed
    return Problem.from_arrays(**given)


def test_without_a_prior_it_is_flat_and_without_answers_they_are_the_labels() -> None:
    problem = made()
    assert problem.pool.prior.shape == (30, 3)
    np.testing.assert_allclose(problem.pool.prior, 1 / 3)
    np.testing.assert_array_equal(problem.answers, Y)
    assert problem.facts["noise_rate"] == 0
    assert problem.class_names == ("class 0", "class 1", "class 2")


def test_answers_that_differ_from_the_labels_are_noise() -> None:
    assert made(answers=(Y + (np.arange(30) < 3)) % 3).facts["noise_rate"] == 0.1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": Y - 1}, "labels has the value -1; wanted classes"),
        ({"labels": Y.astype(float)}, r"labels is float64 of shape \(30,\); wanted"),
        ({"features": X[:5]}, r"features has shape \(5, 4\); wanted \(30, d\)"),
        ({"features": np.where(X > 2, np.nan, X)}, "features has entries that are not finite"),
        ({"test_features": T[:, :2]}, "features have 4 columns, test_features 2"),
        ({"prior": np.full((30, 3), 0.5)}, "prior has rows that are no probabilities"),
        ({"answers": Y[:4]}, "answers has 4 entries, labels 30"),
        ({"class_names": ["a", "b", "c", "d"]}, "labels has no row of class 'd'"),
        ({"test_labels": np.zeros(12, dtype=int)}, "test_labels has no row of class 'class 1'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_a_sentence(
    changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        made(**changed)


def test_the_digest_is_of_everything_that_decides_a_run_and_of_nothing_else() -> None:
    problem = made()
    assert made().digest == problem.digest
    assert replace(problem, class_names=("x", "y", "z"), facts={}).digest == problem.digest
    wrong = problem.answers.copy()
    wrong[0] = (wrong[0] + 1) % 3
    others = [
        replace(problem, answers=wrong),
        made(features=X + 1e-6),
        made(test_features=T + 1e-6),
        made(test_labels=np.roll(TY, 1)),
        made(prior=np.eye(3)[Y]),
        made(test_prior=np.eye(3)[TY]),
    ]
    assert len({problem.digest, *(other.digest for other in others)}) == 7
