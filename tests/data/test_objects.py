"""What a data set, an imbalance, an annotator, a protocol or a prior is called: the same, whether a
yaml or Python makes it; and the examples of their docstrings."""

import doctest
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al_bench import data, priors
from al_bench.data.types import People, Truth
from al_bench.runs.component import identified, node_of
from al_bench.runs.config import config_dir, instantiate
from al_bench.runs.options import MISSING, options
from al_bench.testing.situations import make_pool

GROUPS = ("dataset", "imbalance", "noise", "annotators", "protocol", "prior")
NODES = {
    f"{group}={name}": node
    for group in GROUPS
    for name, node in options(group, (config_dir(),)).items()
}


def filled(node: Any) -> Any:
    """A node with something in place of what a user has to give."""
    return node | {key: [[1, 0], [0, 1]] if key == "matrix" else "mine"
                   for key, value in node.items() if value == MISSING}  # fmt: skip


@pytest.mark.parametrize("option", NODES)
def test_an_object_is_the_call_that_its_yaml_says(option: str) -> None:
    node = filled(NODES[option])
    part = instantiate(node)
    assert identified(node_of(part)) == identified(node)
    if option.startswith("prior") and "mine" not in node.values() and "file" not in node:
        assert part.key


@pytest.mark.parametrize("room", [data, priors], ids=lambda room: room.__name__)
def test_the_example_of_every_class_runs(room: Any, tmp_path: Path) -> None:
    public = {name: getattr(room, name) for name in room.__all__}
    rows, classes = make_pool(n=200)
    columns = {"worst": classes, "votes": np.eye(4, dtype=np.int64)[classes] * 3}
    people = {"three": People(np.stack([classes] * 3, axis=1), ())}
    truth = Truth(classes, 4, rows.features, columns, people, rows.prior)
    table = {"text": ["a", "b"], "label": ["x", "y"]}
    for split in ("train", "test"):
        pd.DataFrame(table).to_parquet(tmp_path / f"{split}.parquet")
    arrays = {f"{split}_features": rows.features for split in ("train", "test")}
    np.savez(tmp_path / "x.npz", **arrays, train_labels=classes, test_labels=classes)
    known = {
        **public,
        "np": np,
        "labels": classes,
        "truth": truth,
        "folder": str(tmp_path),
        "only_people": replace(truth, columns={}),
        "Given": priors.Given,
        "file": str(tmp_path / "train.parquet"),
        "npz": str(tmp_path / "x.npz"),
    }
    for name, part in public.items():
        rng = np.random.default_rng(0)
        (test,) = doctest.DocTestFinder(recurse=False).find(part, name, globs={**known, "rng": rng})
        assert test.examples, name
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        assert runner.run(test).failed == 0, name
