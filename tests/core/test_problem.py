"""A problem of one's own arrays, and what identifies it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_bench.core.problem import Problem

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
    assert made(answers=(Y + (np.arange(30) < 3)) % 3).facts["noise_rate"] == 0.1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": Y - 1}, "labels has the value -1; wanted classes"),
        ({"labels": Y.astype(float)}, r"labels is float64 of shape \(30,\); wanted"),
        ({"features": X[:5]}, r"features is float64 of shape \(5, 4\); wanted \(30, d\)"),
        ({"features": np.where(X > 2, np.nan, X)}, "features: row 14 is not finite"),
        ({"test_features": T[:, :2]}, "features have 4 columns, test_features 2"),
        ({"prior": np.full((30, 3), 0.5)}, "prior: row 0 is no probabilities: it sums to 1.5"),
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


TABLE = np.column_stack([Y, np.where(np.arange(30) % 2, -1, (Y + 1) % 3)])  # the second errs always


def test_answers_of_several_annotators_are_a_table_with_gaps() -> None:
    problem = made(
        answers=TABLE, annotators=["ann", "bob"], prices=[1, 0.5], is_model=[False, True]
    )
    assert problem.annotator_pool is not None
    assert problem.annotator_pool.names == ("ann", "bob")
    assert problem.annotator_pool.prices.tolist() == [1, 0.5]
    assert problem.annotator_pool.is_model.tolist() == [False, True]
    assert problem.annotator_pool.has_answer.sum(axis=0).tolist() == [30, 15]
    assert problem.facts["skills"] == [1, 0]
    assert problem.facts["noise_rate"] == pytest.approx(15 / 45)


def test_annotators_are_persons_of_one_price_unless_said_otherwise() -> None:
    one, annotator_pool = (
        made(answers=Y[:, None]).annotator_pool,
        made(answers=TABLE).annotator_pool,
    )
    places = made(answers=TABLE, identified=False).annotator_pool
    assert one
    assert annotator_pool
    assert places
    assert (annotator_pool.names, annotator_pool.identified) == (
        ("annotator 1", "annotator 2"),
        True,
    )
    assert (places.names, places.identified) == (("answer 1", "answer 2"), False)
    assert (len(one), annotator_pool.prices.tolist(), annotator_pool.is_model.any()) == (
        1,
        [1, 1],
        False,
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answers": TABLE[:9]}, "answers has 9 entries, labels 30"),
        ({"answers": TABLE[:, :0]}, r"answers has shape \(30, 0\); wanted .* one column at least"),
        (
            {"answers": TABLE - 1},
            "answers has the value -2; wanted classes 0..k-1, or -1 where one",
        ),
        (
            {"answers": TABLE.astype(float)},
            r"answers is float64 of shape \(30, 2\); wanted \(n, a\) whole numbers",
        ),
        ({"answers": TABLE[..., None]}, r"answers is int64 of shape \(30, 2, 1\); wanted"),
        ({"answers": np.where(Y == 2, -1, TABLE.T).T}, r"row 2 has no answer .* \(10 such rows\)"),
        ({"answers": TABLE, "annotators": ["ann"]}, "annotators has 1 names, 1 of them distinct"),
        ({"answers": TABLE, "annotators": ["ann", "ann"]}, "annotators has 2 names, 1 of them"),
        ({"answers": TABLE, "prices": [1.0]}, r"prices has shape \(1,\); wanted \(2,\)"),
        ({"answers": TABLE, "is_model": [True] * 3}, r"is_model has shape \(3,\); wanted \(2,\)"),
        ({"answers": TABLE, "prices": [1.0, 0.0]}, "an annotator's price is 0.0; wanted above 0"),
        ({"answers": TABLE, "prices": [1.0, np.nan]}, "an annotator's price is nan; wanted above"),
        ({"answers": Y - 1}, "answers has the value -1; wanted classes 0..k-1"),
        ({"answers": Y, "annotators": ["ann"]}, "annotators is of several annotators, and there"),
        ({"prices": [2.0]}, r"prices is of several annotators.* answers has shape \(30,\)"),
        ({"identified": False}, "identified=False is of several annotators, and there is one"),
    ],
)
def test_annotators_that_do_not_fit_are_refused_in_a_sentence(
    changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        made(**changed)


def test_the_digest_is_of_who_answered_too() -> None:
    others: list[dict[str, Any]] = [
        {},
        {"annotators": ["ann", "bob"]},
        {"prices": [1.0, 2.0]},
        {"is_model": [False, True]},
        {"annotators": ["annotator 1", "annotator 2"], "identified": False},
        {"answers": TABLE[:, ::-1]},
        {"answers": TABLE[:, :1]},
        {"answers": TABLE[:, 0]},
    ]
    assert len({made(**{"answers": TABLE} | other).digest for other in others}) == len(others)
    assert made(answers=TABLE).digest == made(answers=TABLE.copy(), identified=True).digest


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
