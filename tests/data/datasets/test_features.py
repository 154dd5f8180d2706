"""Data sets of features in an .npz, and what of them is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.data.datasets.features import FeatureRows, Features
from al_bench.data.types import Dataset


def npz(path: Path, **changed: Any) -> Path:
    draws = np.random.default_rng(0)
    arrays = {
        "train_features": draws.normal(size=(6, 3)),
        "train_labels": np.array([0, 1, 2, 0, 1, 2]),
        "test_features": draws.normal(size=(3, 3)),
        "test_labels": np.array([0, 1, 2]),
        "train_prior": np.full((6, 3), 1 / 3),
        "test_prior": np.full((3, 3), 1 / 3),
    } | changed
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def features(path: Path) -> Dataset:
    return Features(name="mine", path=str(path), prompts=["{}"]).load()


def test_features_are_rows_with_their_prior(tmp_path: Path) -> None:
    data = features(npz(tmp_path / "x.npz", class_names=np.array(["a_b", "c", "d"])))
    rows = data.train.inputs
    assert isinstance(rows, FeatureRows)
    assert rows.features.dtype == np.float32
    assert rows.prior is not None
    assert data.class_names == ("a b", "c", "d")
    assert rows[2:4].features.shape == (2, 3)
    np.testing.assert_array_equal(rows[1], rows.features[1])
    bare = features(npz(tmp_path / "y.npz", train_prior=None, test_prior=None))
    assert isinstance(bare.train.inputs, FeatureRows)
    assert bare.train.inputs.prior is None
    assert bare.key != data.key
    assert data.train.ids is data.test.ids is None
    known = features(npz(tmp_path / "z.npz", train_ids=np.arange(10, 16)))
    assert known.train.ids is not None
    assert known.train.ids.tolist() == [10, 11, 12, 13, 14, 15]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"train_features": np.full((6, 3), np.nan)},
            "n_features: row 0 is not finite .6 such rows",
        ),
        (
            {"test_features": np.full((3, 3), np.inf)},
            "t_features: row 0 is not finite .3 such rows",
        ),
        ({"train_features": np.zeros((5, 3))}, r"shape \(5, 3\); wanted \(6, d\)"),
        ({"train_features": np.zeros(6)}, r"wanted \(6, d\)"),
        ({"test_features": np.zeros((3, 4))}, "train has 3 features a row, test 4"),
        (
            {"train_labels": np.array([0, 1, 2, 0, 1, 7])},
            "train_labels: row 5 is 7 .*; wanted whole numbers 0..2",
        ),
        (
            {"test_labels": np.array([0, 1, -1])},
            "test_labels: row 2 is -1 .*; wanted whole numbers 0..2",
        ),
        ({"train_labels": -np.ones(6, int), "train_prior": None}, "row 0 is -1 .6 such rows"),
        (
            {"train_labels": np.array([1, 2, 3, 1, 2, 3]), "train_prior": None, "test_prior": None},
            r"x.npz: train_labels: row 2 is 3 \(2 such rows\); wanted whole numbers 0..2",
        ),
        ({"train_ids": np.arange(5)}, r"row ids are int64 of shape \(5,\); wanted .* \(6,\)"),
        ({"train_ids": np.arange(6) / 2}, "row ids are float64"),
        ({"train_ids": np.array([*"abcdeb"])}, "row id b comes more than once"),
        ({"train_labels": np.zeros(6)}, "whole numbers"),
        ({"test_labels": np.array([0, 1, 1])}, "test has no row of class 'class 2'"),
        ({"train_prior": np.ones((6, 3))}, "train_prior: row 0 is no probabilities: it sums to 3"),
        ({"test_prior": np.full((3, 2), 0.5)}, r"test_prior .* wanted \(3, 3\)"),
        ({"train_prior": np.full((6, 2), 0.5)}, "train_labels: row 2 is 2 .* for 2 classes"),
        ({"test_labels": None}, "has no test_labels; it has"),
        ({"train_labels": np.array([], dtype=int), "train_prior": None}, "wanted"),
        ({"class_names": np.array(["a", "A", "b"])}, "classes 0 and 1 are both called 'A'"),
        ({"train_labels": np.array([0, "a"], dtype=object)}, "not an .npz of plain arrays"),
    ],
)
def test_a_bad_npz_ends_in_one_sentence(
    tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        features(npz(tmp_path / "x.npz", **changed))


@pytest.mark.parametrize("size", [0, 10, 400])
def test_a_cut_npz_ends_in_one_sentence(tmp_path: Path, size: int) -> None:
    path = npz(tmp_path / "x.npz")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"not an \.npz"):
        features(path)


def test_a_missing_npz_ends_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        features(tmp_path / "none.npz")
