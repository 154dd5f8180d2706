"""Recorded answers: found by content, classes by name, trusted without labels."""

from __future__ import annotations

import os
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from al_bench.core.arrays import one_hot, uniform
from al_bench.core.state import ABSENT, Floats, Ints
from al_bench.data import Synthetic
from al_bench.data.build import build
from al_bench.data.cache import zero_shot
from al_bench.data.datasets.features import FeatureRows
from al_bench.data.imbalance import LongTail, Merge
from al_bench.data.noise import Clean
from al_bench.data.types import Dataset, Split, Task
from al_bench.priors import Recorded, Rotated
from al_bench.priors.by_modality import Given
from al_bench.priors.recorded import ID, SHARED, TEXT, accuracies, row_id, smoothed
from al_bench.runs.config import instantiate as constructed
from al_bench.runs.plan import plan
from tests.reference.dawid_skene import dawid_skene

GIVEN = os.environ.get("AL_BENCH_DATA")
TEXTS = ["great film", "dull film", "a film"]
NAMES = ("good", "so so", "bad")
TASK = Task(NAMES, ("{}",), "text", (("POS",), (), ("NEG", "negative")))
LINES = {
    ID: [row_id(text, 0) for text in TEXTS],
    "logit_clip_negative": [0.0, 2.0, 0.0],
    "logit_clip_good": [4.0, 1.0, 0.0],
    "logit_clip_so_so": [1.0, 1.0, 0.0],
    "votes_NEG": [0, 2, 0],
    "votes_so so": [1, 1, 0],
    "votes_POS": [4, 1, 0],
    "prob_llm_good": [0.7, 0.1, 0.2],
    "prob_llm_so_so": [0.2, 0.2, 0.2],
    "prob_llm_bad": [0.1, 0.7, 0.6],
    "answer_number": [0, 2, -1],
    "answer_name": ["good", "NEG", ""],
    "label": [9, 9, 9],
}
EVEN = [1 / 3] * 3


def file(folder: Path, **changed: Any) -> str:
    lines = {name: values for name, values in {**LINES, **changed}.items() if values}
    path = folder / "answers.parquet"
    pd.DataFrame(lines).to_parquet(path, index=False)
    return str(path)


def recorded(file: str, column: Any = "mean", accuracy: float | None = None) -> Recorded:
    return Recorded(Given(), file, column, accuracy)


def said(prior: Recorded, texts: list[str] = TEXTS) -> Floats:
    return prior.probabilities(np.zeros((len(texts), 1)), texts, TASK)


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        ("clip", np.exp([[4, 1, 0], [1, 1, 2], [0, 0, 0]])),
        ("votes", [[4.1, 1.1, 0.1], [1.1, 1.1, 2.1], [0.1, 0.1, 0.1]]),
        ("prob_llm", [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]]),
        ("number", [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], EVEN]),
        ("answer_name", [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], EVEN]),
        ("mean", [[2.1, 0.1, 0.1], [0.1, 0.1, 2.1], EVEN]),
        (["prob_llm", "number"], [[1.7, 0.2, 0.1], [0.1, 0.2, 1.7], [0.2, 0.2, 0.6]]),
    ],
)
def test_how_a_columns_name_begins_says_what_its_cells_are(
    tmp_path: Path, column: Any, wanted: Any
) -> None:
    wanted = np.asarray(wanted) / np.sum(wanted, axis=1, keepdims=True)
    prior = recorded(file(tmp_path), column)
    np.testing.assert_allclose(said(prior), wanted, rtol=1e-5)
    np.testing.assert_allclose(said(prior, TEXTS[::-1]), wanted[::-1], rtol=1e-5)


def test_lines_are_found_by_their_texts_too_and_equal_ones_are_one(tmp_path: Path) -> None:
    twice = {name: [*values, values[0]] for name, values in LINES.items()}
    there = said(recorded(file(tmp_path, **twice), "votes"))
    texts = {ID: None, TEXT: TEXTS}
    assert np.array_equal(said(recorded(file(tmp_path, **texts), "votes")), there)


@pytest.mark.parametrize(
    ("column", "changed", "sentence"),
    [
        ("name", {ID: [*LINES[ID][:2], "x"]}, "no answer for 1 of 3 rows, first 'a film' with row"),
        ("name", {ID: LINES[ID][:1] * 3}, f"{ID} .* comes more than once, and not with the same"),
        ("nmae", {}, "has no answers 'nmae' about the classes good, so so, bad; near it are"),
        ("nmae", {}, "near it are .*answer_name"),
        (
            "prob_llm",
            {"prob_llm_bad": [0.1, 0.8, 0.6]},
            "llm: row 1 is no probabilities: it sums t",
        ),
        ("prob_llm", {"prob_llm_bad": [0.1, None, 0.6]}, "'prob_llm_bad': line 1 is nan; wanted a"),
        (
            "name",
            {"answer_name": ["good", "fine", ""]},
            "line 1 is 'fine', no class .1 such lines.",
        ),
        ("number", {"answer_number": [0, 3, 1]}, "line 1 is 3, no class .1 such lines.; wanted g"),
        ("votes", {"votes_fine": [0, 0, 0]}, "'votes' has the column 'votes_fine', which is no cl"),
        ("clip", {"logit_clip_good": None}, "'logit_clip' has the column none for 'good'; wanted"),
        ("votes", {"votes_NEG": [0, -2, 0]}, "votes has a negative number of votes; wanted 0 or"),
        ("votes", {ID: None}, "has no column 'row_id'"),
        ("votes", {"votes_NEG": ["a", "b", "c"]}, "column 'votes_NEG' holds no numbers"),
        ("prob_llm", {"prob_llm_bad": [-0.1, 0.7, 0.6]}, "or has a negative entry"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, column: str, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        said(recorded(file(tmp_path, **changed), column))


def test_a_missing_file_no_parquet_and_an_accuracy_that_is_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.parquet").write_text("row_id,answer")
    with pytest.raises(ValueError, match=r"other.parquet is no parquet file"):
        said(recorded(str(tmp_path / "other.parquet")))
    with pytest.raises(FileNotFoundError, match=r"there is no file nowhere.parquet, neither in"):
        said(recorded("nowhere.parquet"))
    with pytest.raises(ValueError, match="accuracy=0; wanted more than 0 and at most 1"):
        recorded(file(tmp_path), accuracy=0)
    with pytest.raises(ValueError, match=r"accuracy=0.3; wanted more than chance, 0.333"):
        said(recorded(file(tmp_path), accuracy=0.3))


def test_a_file_lies_below_the_data_folder_and_its_place_is_in_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absolute = recorded(file(tmp_path), "votes")
    monkeypatch.setenv("AL_BENCH_DATA", str(tmp_path))
    relative = replace(absolute, file="answers.parquet")
    assert relative.key == absolute.key
    assert str(tmp_path) not in relative.key
    assert np.array_equal(said(relative), said(absolute))
    assert (
        len({replace(absolute, accuracy=0.5).key, absolute.key, recorded(file(tmp_path)).key}) == 3
    )
    key = relative.key
    file(tmp_path, votes_NEG=[0, 2, 1])
    assert relative.key != key
    assert not np.array_equal(said(relative)[2], EVEN)  # and it is read again


# what lines are found by


def test_an_id_is_of_the_content_alone() -> None:
    # golden: part of a public file format
    assert row_id("great film", 0) == row_id("great film", 9) == "922e21117f0af1fe"
    picture = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    turned = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 2, 3))
    assert row_id(picture, 0) == row_id(np.asarray(picture), 1) != row_id(turned, 0)
    assert row_id(np.array([0.5, 1.5]), 0) == row_id(np.array([0.5, 1.5], dtype=np.float32), 0)
    assert row_id("half a pair \ud800", 0) != row_id("half a pair ?", 0)


def test_the_rows_that_the_script_writes_can_be_answered_and_used(tmp_path: Path) -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "rows_to_label.py"))
    labels = np.array([0, 1, 2])
    split = Split(TEXTS, labels)
    data = Dataset("d", "d", "text", Split([*TEXTS, TEXTS[0]], labels[[0, 1, 2, 0]]), split, NAMES)
    rows = script["rows_to_label"](data)
    assert rows[TEXT].tolist() == TEXTS
    assert set(rows.columns) == {ID, TEXT}  # and no label
    answers = rows[[ID]].assign(answer=["good", "bad", "so so"])
    answers.to_parquet(tmp_path / "mine.parquet", index=False)
    assert said(recorded(str(tmp_path / "mine.parquet"))).argmax(axis=1).tolist() == [0, 2, 1]
    picture = Image.fromarray(np.zeros((3, 2, 3), dtype=np.uint8))
    images = replace(data, modality="image", train=Split([picture], labels[:1]))
    shown = script["rows_to_label"](replace(images, test=images.train))
    assert shown["image"][0].startswith(b"\x89PNG")


def test_an_image_or_feature_row_without_an_answer_is_named_too(tmp_path: Path) -> None:
    rows = FeatureRows(np.ones((2, 3), dtype=np.float32), None)
    task = replace(TASK, modality="features")
    prior = recorded(file(tmp_path), "votes")
    with pytest.raises(ValueError, match=r"no answer for 2 of 2 rows, first an input \(ndarray\)"):
        zero_shot(tmp_path, "d", "train", prior, rows.features, rows, task)


# how far answers are trusted


def simulated(n: int, k: int, right: list[float], seed: int) -> tuple[Ints, Ints]:
    """Truth and answers of models that err independently of each other, some of them silent."""
    draws = np.random.default_rng(seed)
    truth = draws.integers(k, size=n)
    wrong = (truth[:, None] + draws.integers(1, k, size=(n, len(right)))) % k
    answers = np.where(draws.random((n, len(right))) < right, truth[:, None], wrong)
    answers[draws.random(answers.shape) < 0.05] = ABSENT
    return truth, answers


@pytest.mark.parametrize("k", [2, 6])
def test_how_often_models_are_right_is_found_from_how_they_agree(k: int) -> None:
    right = [0.95, 0.85, 0.8, 0.75, 0.9]
    _, answers = simulated(6000, k, right, seed=k)
    np.testing.assert_allclose(
        accuracies(answers, k), 1 - SHARED * (1 - np.array(right)), atol=0.03
    )


def test_agreement_is_read_as_dawid_and_skene_do() -> None:
    _, answers = simulated(300, 3, [0.9, 0.7, 0.6, 0.8], seed=1)
    given = [(row, j, answers[row, j]) for row, j in np.argwhere(answers != ABSENT)]
    heard = sorted({row for row, _, _ in given})
    belief = np.full((len(answers), 3), np.nan)
    belief[heard] = dawid_skene(given, 3, steps=50)
    for j, accuracy in enumerate(accuracies(answers, 3)):
        rows = np.flatnonzero(answers[:, j] != ABSENT)
        right = belief[rows, answers[rows, j]].mean()
        assert accuracy == pytest.approx(1 - SHARED * (1 - right), abs=0.02)


def test_an_estimate_stays_between_chance_and_certainty() -> None:
    _, answers = simulated(500, 4, [0.25, 0.25, 0.25], seed=0)
    assert np.all(accuracies(answers, 4) >= 0.3)
    assert np.allclose(accuracies(np.repeat(answers[:, :1], 3, axis=1), 4), 0.99)


def test_of_three_models_or_more_the_trust_is_estimated_once_a_file(tmp_path: Path) -> None:
    _, answers = simulated(400, 3, [0.9, 0.6, 0.8], seed=2)
    texts = [f"text {row}" for row in range(400)]
    named = {f"answer_{name}": answers[:, j] for j, name in enumerate("abc")}
    path = tmp_path / "answers.parquet"
    pd.DataFrame({TEXT: texts, **named}).to_parquet(path, index=False)
    for j, name in enumerate("abc"):
        found = said(recorded(str(path), name), texts)[answers[:, j] != ABSENT]
        np.testing.assert_allclose(found.max(axis=1), accuracies(answers, 3)[j], rtol=1e-6)
    pd.DataFrame({TEXT: texts, "answer_a": answers[:, 0]}).to_parquet(path, index=False)
    assert said(recorded(str(path)), texts).max() == np.float32(0.8)


def test_a_trusted_answer_has_the_accuracy_and_the_rest_is_even(tmp_path: Path) -> None:
    told = np.array([[0, 1, 0], [0.4, 0.6, 0]])
    np.testing.assert_allclose(smoothed(told, 0.8), [[0.1, 0.8, 0.1], [0.38, 0.52, 0.1]])
    prior = recorded(file(tmp_path), "number", accuracy=0.7)
    np.testing.assert_allclose(said(prior)[0], [0.7, 0.15, 0.15], rtol=1e-6)


def test_a_run_reads_answers_for_pool_and_test_in_merged_classes_and_inside_a_control(
    tmp_path: Path,
) -> None:
    data = Synthetic(900, 300, n_classes=3, dim=4, separation=3.0, prior_quality=1.0).load()
    inputs = [*data.train.inputs, *data.test.inputs]
    truth = np.concatenate([data.train.labels, data.test.labels])
    lines = {ID: [row_id(vector, 0) for vector in inputs], "answer": truth}
    pd.DataFrame(lines).to_parquet(tmp_path / "a.parquet", index=False)
    prior = recorded(str(tmp_path / "a.parquet"), accuracy=0.7)
    problem = build(data, LongTail(5, "fixed"), Clean(), prior, 0, tmp_path)
    for rows, classes in ((problem.pool, problem.truth), (problem.test, problem.test_truth)):
        np.testing.assert_allclose(rows.prior, 0.15 + 0.55 * one_hot(classes, 3), rtol=1e-6)
    merged = build(data, Merge(2, "fixed"), Clean(), prior, 0, tmp_path).pool.prior
    np.testing.assert_allclose(np.unique(merged.round(6)), [0.15, 0.3, 0.7, 0.85])
    turned = build(data, LongTail(5, "fixed"), Clean(), Rotated(prior), 0, tmp_path)
    assert np.array_equal(turned.pool.prior.argmax(axis=1), (problem.truth + 1) % 3)
    assert not np.allclose(turned.pool.prior, uniform(*turned.pool.prior.shape))


ZERO_SHOT = "cifar10h answers/cifar10_zeroshot"
RECORDED = {  # balanced or plain accuracy over all rows, as each source's own description says
    f"{ZERO_SHOT}/clip.parquet logit": 0.8897,
    f"{ZERO_SHOT}/siglip_swahili.parquet logit": 0.1533,
    f"{ZERO_SHOT}/siglip2.parquet mean": 0.9390,
    "tweeteval_emotion_test answers/tweeteval_emotion_gpt/answers.parquet gpt4_zero_shot": 0.7987,
    "trec answers/trec6_rules/answers.parquet votes": 0.53,
    "trec_train answers/trec_llms/answers.parquet yi": 0.7694,
    "trec_train answers/trec_llms/answers.parquet prob_qwen": 0.6596,
    "trec_train answers/trec_llms/answers.parquet mean": 0.7296,
    "sst2_test answers/sst2_llama3_8b/answers.parquet answer": 0.6002,
    "babe answers/babe_llms/answers.parquet mixtral_8x7b_8shot_cot": 0.812,
    "misinfo answers/misinfo_gpt4o/answers.parquet gpt4o": 0.8138,
    "imdb answers/imdb_llms/answers.parquet gemini_2_0_flash": 0.9354,
    "movie_reviews answers/mr_gpt35/answers.parquet gpt35": 0.9130,
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers_are_of_a_sample_of_their_data_set(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, path, column = name.split()
    monkeypatch.setenv("AL_BENCH_DATA", GIVEN or "")
    line = [f"dataset={dataset}", "prior=recorded", f"prior.file={path}", f"prior.column={column}"]
    config = plan(line)[0].config
    source, prior = constructed(config.dataset), constructed(config.prior)
    if not GIVEN or source.absent() or not (Path(GIVEN) / path).is_file():
        pytest.skip(f"AL_BENCH_DATA holds not all of {name}")
    data = source.load()
    split = data.test
    some = np.random.default_rng(0).permutation(len(split))[:500]
    inputs = [split.inputs[row] for row in some]
    found = prior.probabilities(np.zeros((len(some), 1)), inputs, data.task)
    right = (found.argmax(axis=1) == split.labels[some]).mean()
    assert right == pytest.approx(RECORDED[name], abs=0.06)
