"""Zero-shot by inference, against transformers' own pipeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.priors import nli
from al_bench.priors.nli import Entailment
from al_bench.priors.sentence import ClassNamePrototypes
from al_bench.problem.types import Task
from tests.tiny_models import (
    NAMES,
    PROMPTS,
    TEXTS,
    WORDS,
    config,
    entailing,
    on_cpu,
    texts_by,
)

__all__ = ["on_cpu"]

LABELS = ("contradiction", "neutral", "entailment")
LONG = " ".join(WORDS * 10)


@pytest.fixture(scope="module", params=[LABELS, ("ENTAILMENT", "other")], ids=["mnli", "binary"])
def folder(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return entailing(tmp_path_factory.mktemp("nli"), request.param)


def rule(folder: Path, **changed: Any) -> Entailment:
    inner = ClassNamePrototypes(texts_by(folder), 0.1)
    return replace(Entailment(inner, str(folder), None, 64, 2000, "float32"), **changed)


def test_one_prompt_gives_what_the_pipeline_gives(folder: Path) -> None:
    from transformers import AutoTokenizer, pipeline

    words = AutoTokenizer.from_pretrained(folder, model_max_length=64)
    reference = pipeline(
        "zero-shot-classification", model=str(folder), tokenizer=words, device="cpu"
    )
    texts = [text for text in [*TEXTS, LONG] if text]  # the pipeline takes no empty text
    said = rule(folder).probabilities(np.zeros(0), texts, Task(NAMES, PROMPTS[1:], "text"))
    for row, found in enumerate(
        reference(texts, candidate_labels=list(NAMES), hypothesis_template=PROMPTS[1])
    ):
        scores = dict(zip(found["labels"], found["scores"], strict=True))
        np.testing.assert_allclose(said[row], [scores[name] for name in NAMES], atol=1e-5)
    assert np.ptp(said, axis=0).max() > 0.01


def test_logits_of_several_prompts_are_averaged(folder: Path) -> None:
    prior = rule(folder)
    said = prior.probabilities(np.zeros(0), TEXTS, Task(NAMES, PROMPTS, "text"))
    logits = [
        prior.entailed(TEXTS, [prompt.replace("{}", name) for name in NAMES]) for prompt in PROMPTS
    ]
    odds = np.exp(np.mean(logits, axis=0))
    np.testing.assert_allclose(said, odds / odds.sum(axis=1, keepdims=True), rtol=1e-4)


def test_rows_do_not_see_what_else_is_in_the_batch(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior, texts = rule(folder), [*TEXTS, LONG, *(" ".join(WORDS[i:]) for i in range(15))]
    hypotheses = ["this is a cat", "a dog", "a big ship of the sea"]
    together = prior.entailed(texts, hypotheses)
    for row in (0, 3, 5, 20):
        np.testing.assert_allclose(
            prior.entailed([texts[row]], hypotheses)[0], together[row], atol=1e-5
        )
    monkeypatch.setattr(nli, "BATCH", 7)
    np.testing.assert_allclose(prior.entailed(texts, hypotheses), together, atol=1e-5)


def test_a_hypothesis_that_leaves_no_room_for_the_text_is_refused(folder: Path) -> None:
    task = Task((*NAMES, LONG), ("{}",), "text")
    with pytest.raises(ValueError, match=r"max_length=64; wanted more than the 183 tokens"):
        rule(folder).probabilities(np.zeros(0), TEXTS, task)
    with pytest.raises(ValueError, match=r"at most the 64 that .* reads"):
        rule(folder, max_length=99).probabilities(np.zeros(0), TEXTS, Task(NAMES, PROMPTS, "text"))


def test_a_classifier_of_something_else_is_refused(tmp_path: Path) -> None:
    prior = rule(entailing(tmp_path, ("positive", "negative")))
    with pytest.raises(ValueError, match=r"has the labels .*; wanted an 'entailment'"):
        prior.probabilities(np.zeros(0), TEXTS, Task(NAMES, PROMPTS, "text"))


def test_features_come_from_the_prior_inside_and_a_key_says_what_changes_the_opinion(
    folder: Path,
) -> None:
    prior = rule(folder)
    assert prior.encoder("text") == prior.inner.encoder("text")
    assert len({prior.key, rule(folder, max_length=8).key, rule(folder, max_characters=9).key}) == 3
    with pytest.raises(ValueError, match="Entailment reads texts; the data are of kind image"):
        prior.encoder("image")
    with pytest.raises(ValueError, match="reads texts; input 1 is a int"):
        prior.probabilities(np.zeros(0), ["cat", 3], Task(NAMES, PROMPTS, "text"))


def test_the_config_takes_a_users_folder(folder: Path) -> None:
    prior = config("+prior=nli", f"prior.weights={folder}", "prior.pin=null", "prior.max_length=64")
    said = prior.probabilities(np.zeros(0), TEXTS, Task(NAMES, PROMPTS, "text"))
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)
