"""The checks that all sources of data share."""

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.data.datasets.check import checked_dataset, spaced
from al_bench.data.datasets.halved import without_rare
from al_bench.data.datasets.hub import Hub
from al_bench.data.types import Dataset, People, Split
from tests.data.datasets.conftest import CONFIGS, options


def dataset(**changed: Any) -> Dataset:
    split = Split(["a", "b", "c"], np.array([0, 1, 1]))
    base = Dataset("mine", "mine@1", "text", split, split, ("x", "y"))
    return replace(base, **changed)


def test_names_become_words() -> None:
    assert spaced("comp.sys_mac") == "comp sys mac"
    assert spaced("Sci/Tech") == "Sci or Tech"
    assert spaced("  t-shirt  ") == "t-shirt"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"class_names": ("big_cat", "big cat")}, "both called 'big cat'"),
        ({"class_names": ("x", "_")}, "class 1 has no name"),
        ({"class_names": ("x",)}, "wanted at least 2"),
        ({"class_names": ("x", "y", "z")}, "no row of class 'z'"),
        ({"train": Split([], np.array([], dtype=np.int64))}, "mine train has no rows"),
        ({"test": Split(["a"], np.array([0, 1]))}, "1 inputs and 2 labels"),
        ({"test": Split(["a", 3], np.array([0, 1]))}, "row 1 is 3"),
        ({"prompts": ()}, "list of templates"),
        ({"prompts": ("no place",)}, "exactly one"),
        ({"modality": "sound"}, "text, image, features"),
        (
            {"train": Split(["a", "b"], np.array([0, 1]), {"h": np.zeros((2, 5))})},
            "human column 'h' has shape",
        ),
    ],
)
def test_a_data_set_that_cannot_be_trusted_is_refused(
    changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        checked_dataset(dataset(**changed))


def test_rare_classes_are_dropped_from_both_splits_and_renumbered() -> None:
    split = Split(list("abcdef"), np.array([2, 0, 2, 1, 0, 2]), ids=np.arange(6))
    names = {"class_names": ("x", "y", "z"), "aliases": (("X",), ("Y",), ())}
    data = without_rare(dataset(train=split, test=split, **names), 2)
    assert (data.class_names, data.aliases) == (("x", "z"), (("X",), ()))
    assert list(data.train.inputs) == ["a", "b", "c", "e", "f"]
    assert data.train.ids is not None
    assert data.train.ids.tolist() == [0, 1, 2, 4, 5]
    assert data.test.labels.tolist() == [1, 0, 1, 0, 1]
    with pytest.raises(ValueError, match="wanted at least 2"):
        without_rare(data, 3)
    with pytest.raises(ValueError, match="min_count=0"):
        without_rare(data, 0)


def test_rare_classes_are_not_dropped_where_human_columns_name_them() -> None:
    said = {"h": np.zeros(6, dtype=np.int64)}
    names = ("x", "y", "z")
    even = dataset(
        train=Split(list("abcdef"), np.array([0, 0, 1, 1, 2, 2]), said), class_names=names
    )
    assert without_rare(even, 2) is even
    uneven = replace(even, train=replace(even.train, labels=np.array([0, 0, 0, 1, 1, 2])))
    people = {"us": People(uneven.train.labels[:, None], ())}
    answered = replace(uneven.train, columns={}, people=people)
    bare = replace(answered, people={})
    for train, test in ((uneven.train, bare), (answered, bare), (bare, answered)):
        with pytest.raises(ValueError, match="drops 1 classes that the human columns name"):
            without_rare(replace(uneven, train=train, test=test), 2)


def test_the_pathmnist_script_makes_a_folder_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"] = draws.integers(256, size=(18, 28, 28, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(18) % 9)[:, None]
    np.savez(tmp_path / "pathmnist.npz", **arrays)
    script = CONFIGS.parent.parent / "scripts" / "pathmnist.py"
    monkeypatch.setattr(
        "sys.argv", ["pathmnist.py", str(tmp_path / "pathmnist.npz"), str(tmp_path)]
    )
    runpy.run_path(str(script), run_name="__main__")
    monkeypatch.setenv("AL_BENCH_DATA", str(tmp_path))
    data = Hub(**options("pathmnist")).load()
    assert data.class_names[7] == "cancer-associated stroma"
    np.testing.assert_array_equal(np.asarray(data.train.inputs[7]), arrays["train_images"][7])
