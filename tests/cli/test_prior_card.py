"""The report card of a prior: its numbers by hand, its files, and what it is measured on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.cli.prior_card import card_of, measured, sampled, write_card
from al_bench.core.state import Floats
from al_bench.data.types import Dataset, Split, Task

SAID = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.2, 0.7, 0.1], [0.9, 0.1, 0.0]])
TRUTH = np.array([0, 1, 1, 2])


def test_a_card_by_hand() -> None:
    # each row has a bin of its own: |0.6 - 1|, |0.5 - 0|, |0.7 - 1|, |0.9 - 0|
    assert card_of(SAID, TRUTH) == {
        "rows": 4,
        "accuracy": 0.5,
        "balanced_accuracy": pytest.approx((1 + 1 / 2 + 0) / 3),
        "ece": pytest.approx((0.4 + 0.5 + 0.3 + 0.9) / 4),
        "confidence": pytest.approx((0.6 + 0.5 + 0.7 + 0.9) / 4),
        "truth": [1, 2, 1],
        "guessed": [3, 1, 0],
        "expected": pytest.approx([2.2, 1.5, 0.3]),
        "precision": [1 / 3, 1, None],
        "recall": [1, 0.5, 0],
        "confusion": [[1, 0, 0], [1, 1, 0], [1, 0, 0]],
    }


@dataclass
class Numbers:
    """An encoder of numbers, and a prior that likes class 0 the more, the larger they are."""

    key: str = "numbers"
    dim: int = 1

    def encoder(self, modality: str) -> Any:
        return self

    def embed(self, inputs: Sequence[Any]) -> Floats:
        return np.array([[float(number)] for number in inputs], dtype=np.float32)

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        first = 1 / (1 + np.exp(-features[:, :1]))
        return np.concatenate([first, 1 - first], axis=1)


def dataset() -> Dataset:
    train, test = [1.0, 2.0, 0.5, -0.5], [-2.0, -1.0, 0.1, -3.0, -0.2]
    labels = np.array([0, 0, 0, 1, 1])
    return Dataset("d", "d", "text", Split(train, labels[1:]), Split(test, labels), ("a", "b"))


def test_a_card_is_of_the_split_that_is_named(tmp_path: Path) -> None:
    data, plain = dataset(), Numbers()
    for name, split in (("train", data.train), ("test", data.test)):
        said, truth = measured(data, plain, name, None, tmp_path)
        wanted = plain.probabilities(plain.embed(split.inputs), [], data.task)
        np.testing.assert_allclose(said, wanted, rtol=1e-3)
        np.testing.assert_array_equal(truth, split.labels)


def test_some_rows_are_always_the_same_ones_and_kept_apart_from_the_whole(tmp_path: Path) -> None:
    data, plain = dataset(), Numbers()
    some, _ = measured(data, plain, "test", 3, tmp_path)
    whole, _ = measured(data, plain, "test", None, tmp_path)
    assert (some.shape, whole.shape) == ((3, 2), (5, 2))
    np.testing.assert_array_equal(measured(data, plain, "test", 3, tmp_path)[0], some)
    assert all((row == whole).all(axis=1).any() for row in some)
    assert sampled(data.test, 99) is data.test


SMALL = ["dataset=synthetic", "dataset.n_train=60", "dataset.n_test=40", "prior=given"]


def test_the_command_prints_and_writes_a_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [f"results={tmp_path}", f"cache={tmp_path / 'cache'}"]
    assert main(["prior", *SMALL, *results]) == 0
    shown = capsys.readouterr().out
    assert "synthetic_given: 40 rows of the test split" in shown
    data = json.loads((tmp_path / "priors" / "synthetic_given.json").read_text())
    text = (tmp_path / "priors" / "synthetic_given.md").read_text()
    assert f"{data['balanced_accuracy']:.3f}" in shown
    assert f"{data['balanced_accuracy']:.3f}" in text
    assert sum(map(sum, data["confusion"])) == data["rows"] == 40
    assert data["command"].startswith("albench prior dataset=synthetic")
    image = (tmp_path / "priors" / "synthetic_given.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    assert main(["prior", *SMALL, "--split", "train", "--name", "mine", *results]) == 0
    assert json.loads((tmp_path / "priors" / "mine.json").read_text())["rows"] == 60


def test_many_classes_and_odd_names_are_drawn_too(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    said = generator.dirichlet(np.ones(60), size=200)
    about = {
        "name": "x",
        "command": "c",
        "split": "test",
        "class_names": [f"${i}_|" for i in range(60)],
    }
    card = about | card_of(said, generator.integers(59, size=200))
    text, data, image = write_card(card, tmp_path)
    assert image.stat().st_size > 1000
    assert "\\$3\\_\\|" in text.read_text()
    assert json.loads(data.read_text())["recall"][59] is None  # no row of the last class
    write_card(card | {"name": "better", "balanced_accuracy": 0.999}, tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert page.index("| better | 60 | 200 |") < page.index("| x | 60 | 200 |")


def test_one_card_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prior", "dataset=synthetic", "prior=given,flat", f"results={tmp_path}"]) == 1
    assert "one card at a time; these overrides stand for 2 runs" in capsys.readouterr().err
