"""What a data set, an imbalance, an annotator, a protocol or a prior is called: the same, whether a
yaml or Python makes it; and the examples of their docstrings."""

import doctest
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al_bench import data, priors
from al_bench.data.types import People, Truth
from al_bench.runs.component import component, identified, node_of
from al_bench.runs.config import config_dir, instantiate
from al_bench.runs.options import MISSING, options
from al_bench.testing.situations import make_pool

GROUPS = ("dataset", "imbalance", "noise", "annotators", "protocol", "prior")
NODES = {
    f"{group}={name}": node
    for group in GROUPS
    for name, node in options(group, (config_dir(),)).items()
}
MAIN = {  # the option of each class whose values are its defaults, as far as it has some
    "dataset": "synthetic hub features",
    "imbalance": "natural longtail natural_or_longtail step merge one_vs_rest",
    "noise": "clean symmetric pair_flip feature_dependent human votes confusion",
    "annotators": "alike mixed misreading ballots recorded on_record with_model with_models",
    "protocol": "small per_class started full answers",
    "prior": "packaged minilm efficientnet_lite2 efficientnet_lite2_prototypes given clip llm flat "
    "endpoint rotated degraded recorded",
}
MAINS = [f"{group}={name}" for group, names in MAIN.items() for name in names.split()]


def needed(kind: type) -> set[str]:
    """What a constructor has to be told, as of whose data."""
    parameters = signature(kind).parameters.values()
    return {parameter.name for parameter in parameters if parameter.default is parameter.empty}


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


@pytest.mark.parametrize("option", MAINS)
def test_what_a_constructor_takes_by_default_is_what_the_main_yaml_says(option: str) -> None:
    node = filled(NODES[option])
    kind = component(node["_target_"])
    told = needed(kind) | {key for key, value in NODES[option].items() if value == MISSING}
    given = instantiate(
        {"_target_": "builtins.dict"} | {key: node[key] for key in told & node.keys()}
    )
    part = kind(**given)
    assert identified(node_of(part)) == identified(node)


def test_every_class_has_a_main_yaml_or_needs_to_be_told_of_its_data() -> None:
    there = {NODES[option]["_target_"] for option in MAINS}
    missing = {node["_target_"] for node in NODES.values()} - there
    assert missing == {f"al_bench.data.{n}" for n in ("Answered", "Halved", "Packaged", "Texts")}


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
