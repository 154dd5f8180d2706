"""From parts to a problem: merging, seeds, unit features, facts, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from al_bench.data.build import build, merge_columns, merge_human, merged_names
from al_bench.data.datasets.features import Synthetic
from al_bench.data.imbalance import LongTail, Merge, Natural
from al_bench.data.noise import Clean, Human, Symmetric, Votes
from al_bench.data.types import Dataset, Kept, Split
from al_bench.priors.by_modality import Given


def dataset() -> Dataset:
    return Synthetic(n_train=600, n_test=200, n_classes=5, dim=6, separation=3.0).load()


def with_columns(votes: bool) -> Dataset:
    data = dataset()
    k, labels = 5, data.train.labels
    column = np.eye(k, dtype=np.int64)[labels] * 3 if votes else (labels + 1) % k
    train = Split(data.train.inputs, labels, {"human": column})
    return replace(data, train=train)


def test_equal_seeds_meet_equal_pools_and_answers_and_others_do_not(tmp_path: Path) -> None:
    tail = LongTail(ratio=10, order="drawn")
    first, again, other = (
        build(dataset(), tail, Symmetric(0.3), Given(), seed, tmp_path) for seed in (0, 0, 1)
    )
    assert np.array_equal(first.answers, again.answers)
    assert np.array_equal(first.pool.features, again.pool.features)
    assert first.facts["class_counts"] != other.facts["class_counts"]
    assert len(first.answers) != len(other.answers) or (first.answers != other.answers).any()


def test_rows_keep_their_own_ids_where_others_are_left_out(tmp_path: Path) -> None:
    data, tail = dataset(), LongTail(ratio=10, order="fixed")
    assert build(data, tail, Clean(), Given(), 0, tmp_path).ids is None
    names = np.array([f"row {row}" for row in range(600)])
    named = replace(data, train=replace(data.train, ids=names))
    problem = build(named, tail, Clean(), Given(), 0, tmp_path)
    kept = [data.train.inputs[int(name.split()[1])] for name in problem.own_ids(np.arange(9))]
    assert np.array_equal(kept, problem.pool.inputs[:9])
    assert len(problem.truth) < 600


def test_noise_changes_answers_alone(tmp_path: Path) -> None:
    clean, noisy = (
        build(dataset(), Natural(), noise, Given(), 0, tmp_path)
        for noise in (Clean(), Symmetric(0.3))
    )
    assert np.array_equal(clean.truth, noisy.truth)
    assert np.array_equal(clean.pool.features, noisy.pool.features)
    assert np.array_equal(clean.answers, clean.truth)
    wrong = noisy.answers != noisy.truth
    assert noisy.facts["noise_rate"] == pytest.approx(wrong.mean())
    assert noisy.facts["noise_rates"][2] == pytest.approx(wrong[noisy.truth == 2].mean())


def test_merging_maps_pool_test_prior_and_names_alike(tmp_path: Path) -> None:
    data = dataset()
    problem = build(data, Merge(classes=3, order="fixed"), Clean(), Given(), 0, tmp_path)
    assert problem.pool.n_classes == 3
    assert np.array_equal(problem.truth, np.minimum(data.train.labels, 2))
    assert np.array_equal(problem.test_truth, np.minimum(data.test.labels, 2))
    assert np.allclose(problem.pool.prior.sum(axis=1), 1, atol=1e-5)
    whole = build(data, Natural(), Clean(), Given(), 0, tmp_path)
    assert np.allclose(problem.pool.prior[:, 2], whole.pool.prior[:, 2:].sum(axis=1), atol=1e-6)
    assert problem.class_names[2] == "3 other classes"


@pytest.mark.parametrize("votes", [False, True])
def test_human_answers_follow_the_rows_and_the_merged_classes(tmp_path: Path, votes: bool) -> None:
    noise = Votes("human") if votes else Human("human")
    data, merge = with_columns(votes), Merge(classes=3, order="fixed")
    problem = build(data, merge, noise, Given(), 0, tmp_path)
    said = data.train.labels if votes else (data.train.labels + 1) % 5
    assert np.array_equal(problem.answers, np.minimum(said, 2))


def test_merging_by_hand() -> None:
    prior = np.array([[0.1, 0.2, 0.7]])
    assert merge_columns(prior, np.array([1, 0, 1]), 2) == pytest.approx(np.array([[0.2, 0.8]]))
    assert merge_columns(prior, np.array([2, 0, 1]), 3) == pytest.approx(
        np.array([[0.2, 0.7, 0.1]])
    )
    kept = Kept(np.arange(2), np.array([1, 0, 1]))
    assert merge_human("h", np.array([0, 1]), kept, 2).tolist() == [1, 0]
    assert merge_human("v", np.array([[1, 2, 3]]), kept, 2).tolist() == [[2, 4]]
    assert merged_names(["a", "b", "c"], np.array([1, 0, 1]), 2) == ("b", "2 other classes")
    with pytest.raises(ValueError, match="votes 'v' have 2 columns; the data set has 3 classes"):
        merge_human("v", np.ones((1, 2)), kept, 2)


def test_a_class_that_the_test_split_lacks_is_named(tmp_path: Path) -> None:
    data = dataset()
    labels = np.where(data.test.labels == 3, 0, data.test.labels)
    broken = replace(data, test=replace(data.test, labels=labels))
    with pytest.raises(ValueError, match=r"the test split has no row of class .* \(1 of 5 classes"):
        build(broken, Natural(), Clean(), Given(), 0, tmp_path)
