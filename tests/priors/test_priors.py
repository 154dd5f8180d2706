"""Controls, the choice by kind of data, and every config of a prior."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.utils import get_class

from al_bench.core.state import Floats
from al_bench.data.datasets.features import FeatureRows
from al_bench.data.types import Prior, Task
from al_bench.priors.by_modality import ByModality, Given
from al_bench.priors.clip import ClipEncoder, ClipLike
from al_bench.priors.conse import ConSE
from al_bench.priors.controls import Degraded, Flat, Rotated
from al_bench.priors.images import TimmEncoder
from al_bench.priors.sentence import ClassNamePrototypes, SentenceEncoder
from al_bench.runs.config import config_dir
from al_bench.runs.options import options
from tests.tiny_models import (
    bert,
    config,
    images_by,
    on_cpu,
    pictures,
    texts_by,
    timm_file,
    two_towers,
)

__all__ = ["bert", "on_cpu", "timm_file"]


class Table:
    """A prior with a given table, for controls."""

    key = "table"

    def __init__(self, table: Floats) -> None:
        self.table = table

    def encoder(self, modality: str) -> Any:
        return f"encoder of {modality}"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        return self.table


def said_by(prior: Prior, n: int = 40, k: int = 3) -> Floats:
    return prior.probabilities(
        np.zeros((n, 2)), [""] * n, Task(tuple("abcdef"[:k]), ("{}",), "text")
    )


@pytest.fixture
def table() -> Table:
    return Table(np.random.default_rng(3).dirichlet(np.ones(3), size=40).astype(np.float32))


def test_a_flat_prior_has_no_opinion_and_a_rotated_one_takes_every_class_for_the_next(
    table: Table,
) -> None:
    np.testing.assert_allclose(said_by(Flat(table)), 1 / 3, rtol=1e-6)
    np.testing.assert_array_equal(said_by(Rotated(table)), table.table[:, [2, 0, 1]])


def test_a_shuffled_prior_keeps_its_rows_but_not_their_places(table: Table) -> None:
    shuffled = said_by(Degraded(table, 1.0))
    assert sorted(map(tuple, shuffled)) == sorted(map(tuple, table.table))
    assert (shuffled != table.table).any(axis=1).mean() > 0.8
    np.testing.assert_array_equal(shuffled, said_by(Degraded(table, 1.0)))


def test_a_degraded_prior_lies_between_the_prior_and_the_shuffled_one(table: Table) -> None:
    ends = table.table, said_by(Degraded(table, 1.0))
    np.testing.assert_array_equal(said_by(Degraded(table, 0.0)), ends[0])
    np.testing.assert_allclose(
        said_by(Degraded(table, 0.25)), 0.75 * ends[0] + 0.25 * ends[1], rtol=1e-5
    )
    with pytest.raises(ValueError, match=r"fraction=1.5; wanted 0 to 1"):
        Degraded(table, 1.5)


def test_controls_keep_the_encoder_and_say_so_in_their_key(table: Table) -> None:
    for control in (Flat(table), Rotated(table), Degraded(table, 0.5)):
        assert control.encoder("text") == "encoder of text"
        assert "table" in control.key
        assert control.key != "table"
    assert Degraded(table, 0.5).key != Degraded(table, 1.0).key


def test_the_prior_of_the_datas_kind_is_chosen(table: Table) -> None:
    other = Table(table.table[::-1])
    prior = ByModality(table, other, Given())
    assert prior.choose("text") is table
    assert prior.choose("image") is other
    np.testing.assert_array_equal(said_by(prior), table.table)
    with pytest.raises(ValueError, match="kind 'sound'; wanted text, image, features"):
        prior.encoder("sound")


def test_given_opinions_are_uniform_where_there_are_none() -> None:
    rows = FeatureRows(np.ones((4, 2), dtype=np.float32), None)
    said = Given().probabilities(rows.features, rows, Task(("a", "b"), ("{}",), "features"))
    np.testing.assert_array_equal(said, np.full((4, 2), 0.5))


def test_every_prior_refuses_data_of_another_kind(bert: Path, timm_file: Path) -> None:
    text, image = texts_by(bert), images_by(timm_file)
    clip = ClipLike(ClipEncoder("nowhere/clip", "0" * 40, "float32"))
    for prior, wrong in (
        (ClassNamePrototypes(text, 0.05), "image"),
        (ConSE(image, text, 0.1), "text"),
        (clip, "text"),
        (Given(), "text"),
    ):
        with pytest.raises(ValueError, match=f"reads .*; the data are of kind {wrong}"):
            prior.encoder(wrong)


def test_no_prior_can_be_given_labels() -> None:
    wanted = ["self", "features", "inputs", "task"]
    assert {field.name for field in fields(Task)} == {
        "class_names",
        "prompts",
        "modality",
        "aliases",
    }
    for node in options("prior", (config_dir(),)).values():
        prior = get_class(node["_target_"])
        assert list(inspect.signature(prior.probabilities).parameters) == wanted
    for encoder in (SentenceEncoder, TimmEncoder, ClipEncoder, Given):
        assert list(inspect.signature(encoder.embed).parameters) == ["self", "inputs"]


def test_controls_take_any_prior_from_the_command_line() -> None:
    flat = config("+prior=flat", "prior@prior.inner=minilm")
    assert flat.key == Flat(config("+prior=minilm")).key
    assert config("+prior=flat").key == Flat(config("+prior=packaged")).key
    swapped = config("+prior=packaged", "prior@prior.image=siglip")
    assert swapped.image == config("+prior=siglip")
    assert swapped.text == config("+prior=minilm")
    assert config("+prior=degraded", "prior.fraction=1.0") == config("+prior=shuffled")


def test_a_users_folder_takes_the_place_of_hub_weights(tmp_path: Path) -> None:
    folder = two_towers(tmp_path, "siglip")
    prior = config("+prior=siglip", f"prior.image.weights={folder}", "prior.image.pin=null")
    assert prior.encoder("image").embed(pictures(2)).shape == (2, 16)
