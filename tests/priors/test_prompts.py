"""A data set's prompts and class words reach every prior there is an option for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.core.state import Floats
from al_bench.data.build import embedded
from al_bench.data.types import Dataset, Prior, Split
from al_bench.priors import conse
from al_bench.priors.clip import ClipEncoder
from al_bench.priors.common import class_vectors
from al_bench.priors.endpoint_client import Client
from al_bench.priors.images import TimmEncoder
from al_bench.priors.llm import CausalModel
from al_bench.priors.sentence import SentenceEncoder
from al_bench.runs.config import config_dir
from al_bench.runs.options import option_names
from tests.tiny_models import config

OPTIONS = option_names("prior", [config_dir()])
DEAF = {"flat", "given", "recorded"}  # no opinion, or one made elsewhere
GIVEN = {"endpoint": ["prior.model=mine", "prior.protocol=completions"]}


def made_up(rows: Sequence[Any], width: int = 4) -> Floats:
    return np.random.default_rng(len(rows)).normal(size=(len(rows), width)).astype(np.float32)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """All texts that any model is given; what models say of them is made up."""
    texts: list[str] = []

    def read(self: Any, inputs: Sequence[str]) -> Floats:
        texts.extend(inputs)
        return made_up(inputs)

    def likely(self: Any, contexts: Sequence[str], names: Sequence[str]) -> tuple[Floats, Floats]:
        texts.extend(context + name for context in contexts for name in names)
        sums = made_up(contexts, len(names))
        return sums, np.ones_like(sums)

    def ask(self: Any, bodies: Sequence[Any]) -> list[float]:
        texts.extend(body["prompt"] for body in bodies)
        return [-float(len(body["prompt"])) for body in bodies]

    monkeypatch.setattr(Client, "ask", ask)
    monkeypatch.setattr(SentenceEncoder, "embed", read)
    monkeypatch.setattr(ClipEncoder, "read", read)
    monkeypatch.setattr(ClipEncoder, "embed", lambda self, images: made_up(images))
    monkeypatch.setattr(ClipEncoder, "scale", lambda self: (1.0, 0.0))
    monkeypatch.setattr(TimmEncoder, "embed", lambda self, images: made_up(images))
    head = made_up(range(1000)), np.zeros(1000, dtype=np.float32)
    monkeypatch.setattr(TimmEncoder, "classifier", lambda self: head)
    monkeypatch.setattr(CausalModel, "shortened", lambda self, inputs: list(inputs))
    monkeypatch.setattr(CausalModel, "log_likelihood", likely)
    for known in (class_vectors, conse.glosses):
        known.cache_clear()
    yield texts
    for known in (class_vectors, conse.glosses):
        known.cache_clear()


def modalities(prior: Prior) -> list[str]:
    """The kinds of data that a prior reads, of those that class names are compared with."""
    found = []
    for modality in ("text", "image"):
        try:
            prior.encoder(modality)
            found.append(modality)
        except ValueError:
            pass
    return found


@pytest.mark.parametrize("option", [option for option in OPTIONS if option not in DEAF])
def test_a_prior_is_told_the_class_words_in_the_data_sets_own_prompts(
    option: str, heard: list[str], tmp_path: Path
) -> None:
    prior = config(f"+prior={option}", *GIVEN.get(option, []))
    kinds = modalities(prior)
    assert kinds
    split = Split(["one row", "another"], np.arange(2))
    names, prompts = [("cat", "big dog"), ("sea", "ship")], ["a sketch of the {}", "about {}"]
    every = {prompt.replace("{}", name) for prompt in prompts for pair in names for name in pair}
    for kind in kinds:
        for pair in names:
            for prompt in prompts:
                heard.clear()
                data = Dataset("d", "d", kind, split, split, pair, (prompt,))
                embedded(data, "test", split, prior, tmp_path)
                told = {text for text in every if any(one.endswith(text) for one in heard)}
                assert told == {prompt.replace("{}", name) for name in pair}
