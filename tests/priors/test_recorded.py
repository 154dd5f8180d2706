"""Recorded logits, votes and answers: found by content, classes by name, trusted without labels."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al_bench.core.arrays import uniform
from al_bench.core.state import ABSENT, Floats, Ints
from al_bench.data import Synthetic
from al_bench.data.build import build
from al_bench.data.cache.embeddings import comparing
from al_bench.data.imbalance import LongTail, Merge
from al_bench.data.noise import Clean
from al_bench.data.types import Prior, Task
from al_bench.priors import Degraded, RecordedAnswers, RecordedLogits, RecordedVotes, Rotated
from al_bench.priors.by_modality import ByModality, Given
from al_bench.priors.recorded import agreed_accuracy, smoothed
from al_bench.priors.table import ID, row_id
from al_bench.runs.config import instantiate as constructed
from al_bench.runs.plan import plan

GIVEN = os.environ.get("AL_BENCH_DATA")
TEXTS = ["great film", "dull film", "a film"]
TASK = Task(("good", "so so", "bad"), ("{}",), "text")
LINES = {
    ID: [row_id(text, 0) for text in TEXTS],
    "b": [0.0, 2.0, 0.0],
    "g": [4.0, 1.0, 0.0],
    "s": [1.0, 1.0, 0.0],
    "number": [1, 0, -1],
    "name": ["good", "bad", ""],
}
COLUMNS = {"bad": "b", "good": "g", "so so": "s"}
NAMES = ["bad", "good", "so so"]


def file(folder: Path, **changed: Any) -> str:
    lines = {name: values for name, values in {**LINES, **changed}.items() if values}
    path = folder / "answers.parquet"
    pd.DataFrame(lines).to_parquet(path, index=False)
    return str(path)


def said(prior: Prior, texts: list[str] = TEXTS) -> Floats:
    return prior.probabilities(np.zeros((len(texts), 1)), texts, TASK)


def test_logits_are_softened_in_the_order_of_the_data(tmp_path: Path) -> None:
    odds = np.exp(np.array([[4, 1, 0], [1, 1, 2], [0, 0, 0]]) / 2)
    wanted = odds / odds.sum(axis=1, keepdims=True)
    prior = RecordedLogits(Given(), file(tmp_path), COLUMNS, temperature=2.0)
    np.testing.assert_allclose(said(prior), wanted, rtol=1e-6)
    np.testing.assert_allclose(said(prior, TEXTS[::-1]), wanted[::-1], rtol=1e-6)


def test_votes_are_smoothed_and_silence_is_uniform(tmp_path: Path) -> None:
    wanted = np.array([[4.1, 1.1, 0.1], [1.1, 1.1, 2.1], [0.1, 0.1, 0.1]])
    wanted /= wanted.sum(axis=1, keepdims=True)
    found = said(RecordedVotes(Given(), file(tmp_path), COLUMNS, smoothing=0.1))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    plain = said(RecordedVotes(Given(), file(tmp_path), COLUMNS, smoothing=0))
    np.testing.assert_allclose(plain, [[0.8, 0.2, 0], [0.25, 0.25, 0.5], [1 / 3] * 3], rtol=1e-6)


@pytest.mark.parametrize("column", ["number", "name"])
def test_answers_are_classes_by_number_or_name_and_none_is_uniform(
    tmp_path: Path, column: str
) -> None:
    found = said(RecordedAnswers(Given(), file(tmp_path), column, NAMES, None))
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 0, 1], [1 / 3] * 3], rtol=1e-6)


def test_a_file_that_lacks_a_row_or_a_column_says_so(tmp_path: Path) -> None:
    for changed, sentence in (
        ({"g": None}, "has no column 'g'; it has row_id, b, s, number, name"),
        ({ID: None}, "has no column 'row_id'"),
        ({ID: [*LINES[ID][:2], "x"]}, "no answer for 1 of 3 rows, first 'a film' with row_id"),
    ):
        with pytest.raises(ValueError, match=sentence):
            said(RecordedLogits(Given(), file(tmp_path, **changed), COLUMNS))


def test_what_a_config_says_wrongly_of_a_file_is_said(tmp_path: Path) -> None:
    path = file(tmp_path, number=[1, 0, 3])
    with pytest.raises(
        ValueError, match=r"line 2 is 3 .1 such lines.; wanted one of bad, good, so"
    ):
        said(RecordedAnswers(Given(), path, "number", NAMES, None))
    with pytest.raises(ValueError, match="classes bad, good; the data have good, so so, bad"):
        said(RecordedAnswers(Given(), path, "number", ["bad", "good"], None))
    path = file(tmp_path, b=[-1.0, 2.0, 0.0])
    with pytest.raises(ValueError, match="has a negative number of votes"):
        said(RecordedVotes(Given(), path, COLUMNS, 0.1))
    with pytest.raises(FileNotFoundError, match=r"there is no file nowhere.parquet, neither in"):
        said(RecordedLogits(Given(), "nowhere.parquet", COLUMNS, 1.0))
    for make in (
        lambda: RecordedLogits(Given(), path, COLUMNS, 0),
        lambda: RecordedVotes(Given(), path, COLUMNS, -1),
        lambda: RecordedAnswers(Given(), path, "number", NAMES, 1 / 3),
    ):
        with pytest.raises(ValueError, match="wanted"):
            make()


def test_equal_lines_of_one_row_are_one(tmp_path: Path) -> None:
    twice = {name: [*values, values[0]] for name, values in LINES.items()}
    prior = RecordedLogits(Given(), file(tmp_path, **twice), COLUMNS, temperature=1.0)
    assert said(prior).shape == (3, 3)


def test_a_file_lies_below_the_data_folder_and_its_place_is_in_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absolute = RecordedLogits(Given(), file(tmp_path), COLUMNS, temperature=1.0)
    monkeypatch.setenv("AL_BENCH_DATA", str(tmp_path))
    relative = RecordedLogits(Given(), "answers.parquet", COLUMNS, temperature=1.0)
    assert relative.key == absolute.key
    assert str(tmp_path) not in relative.key
    assert np.array_equal(said(relative), said(absolute))
    key = relative.key
    file(tmp_path, b=[0.0, 2.0, 1.0])
    assert relative.key != key
    assert not np.array_equal(said(relative)[2], [1 / 3] * 3)  # and it is read again


# how far plain answers are trusted


def simulated(
    n: int, k: int, accuracy: float, fit_inverse_temperature: float, seed: int
) -> tuple[Ints, Ints, Floats]:
    """Truth, answers of this accuracy, and a calibrated prior that errs independently of them."""
    draws = np.random.default_rng(seed)
    prior = draws.dirichlet(np.full(k, fit_inverse_temperature), size=n)
    truth = (prior.cumsum(axis=1) > draws.random((n, 1))).argmax(axis=1)
    wrong = (truth + draws.integers(1, k, size=n)) % k
    return truth, np.where(draws.random(n) < accuracy, truth, wrong), prior


@pytest.mark.parametrize("k", [2, 4, 10])
@pytest.mark.parametrize("accuracy", [0.55, 0.8, 0.95])
def test_the_accuracy_of_answers_is_found_without_labels(k: int, accuracy: float) -> None:
    truth, answers, prior = simulated(40_000, k, accuracy, 0.3, seed=k)
    assert (answers == truth).mean() == pytest.approx(accuracy, abs=0.01)
    assert agreed_accuracy(answers, prior) == pytest.approx(accuracy, abs=0.02)


def test_an_overconfident_prior_makes_answers_look_worse_and_a_diffident_one_better() -> None:
    _, answers, prior = simulated(40_000, 4, 0.8, 0.5, seed=0)
    sharp, flat = (prior**power for power in (2.0, 0.7))
    sharp, flat = (table / table.sum(axis=1, keepdims=True) for table in (sharp, flat))
    found = [agreed_accuracy(answers, table) for table in (sharp, prior, flat)]
    assert found[0] < 0.77 < found[1] < 0.83 < found[2]


def test_an_estimate_stays_between_chance_and_certainty() -> None:
    _, answers, prior = simulated(2_000, 4, 0.8, 0.5, seed=0)
    assert agreed_accuracy(prior.argmax(axis=1), prior) == 0.99
    assert agreed_accuracy((prior.argmax(axis=1) + 1) % 4, prior) == 0.25 + 0.05
    with pytest.raises(ValueError, match=r"inner prior is 0.250 sure on average, of 4 classes"):
        agreed_accuracy(answers, uniform(2_000, 4))


def test_a_trusted_answer_has_the_accuracy_and_the_rest_is_even() -> None:
    told = np.array([[0, 1, 0], [1 / 3] * 3, [0.4, 0.6, 0]])
    wanted = [[0.1, 0.8, 0.1], [1 / 3] * 3, [0.4, 0.6, 0]]
    np.testing.assert_allclose(smoothed(told, 0.8), wanted, rtol=1e-6)


class Recoded:
    """Answers to synthetic rows: 80 % right, each twentieth declined."""

    def __init__(self, folder: Path) -> None:
        made = Synthetic(3000, 900, n_classes=3, dim=4, separation=3.0, prior_quality=1.0)
        self.data = made.load()
        inputs = [*self.data.train.inputs, *self.data.test.inputs]
        truth = np.concatenate([self.data.train.labels, self.data.test.labels])
        draws = np.random.default_rng(1)
        wrong = (truth + draws.integers(1, 3, size=len(truth))) % 3
        self.answers = np.where(draws.random(len(truth)) < 0.8, truth, wrong)
        self.answers[::20] = ABSENT
        lines = {ID: [row_id(vector, 0) for vector in inputs], "said": self.answers}
        pd.DataFrame(lines).to_parquet(folder / "a.parquet", index=False)
        file = str(folder / "a.parquet")
        self.prior = RecordedAnswers(Given(), file, "said", self.data.class_names)


def test_a_run_trusts_answers_as_its_pool_says_in_pool_and_test_alike(tmp_path: Path) -> None:
    made = Recoded(tmp_path)
    problem = build(made.data, LongTail(5, "fixed"), Clean(), made.prior, 0, tmp_path)
    sure = problem.pool.prior.max(axis=1)
    declined = np.isclose(sure, 1 / 3)
    assert 0.02 < declined.mean() < 0.09
    (trust,) = np.unique(sure[~declined])
    assert trust == pytest.approx(0.8, abs=0.04)
    assert set(np.unique(problem.test.prior.max(axis=1))) == set(np.unique(sure))
    right = problem.pool.prior.argmax(axis=1) == problem.truth
    assert right[~declined].mean() == pytest.approx(0.8, abs=0.03)


def test_an_accuracy_that_is_given_is_taken(tmp_path: Path) -> None:
    prior = replace(Recoded(tmp_path).prior, accuracy=0.7)
    told = prior.compare(np.eye(3, dtype=np.float32), uniform(3, 3))(np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(told, 0.15 + 0.55 * np.eye(3), rtol=1e-6)


def test_merged_classes_are_trusted_in_the_new_classes(tmp_path: Path) -> None:
    made = Recoded(tmp_path)
    problem = build(made.data, Merge(2, "fixed"), Clean(), made.prior, 0, tmp_path)
    assert problem.pool.prior.shape[1] == 2
    np.testing.assert_allclose(problem.pool.prior.sum(axis=1), 1, rtol=1e-6)
    assert problem.pool.prior.max() > 0.8  # two of three wrong answers are right once merged


def test_answers_inside_a_control_are_refused(tmp_path: Path) -> None:
    prior = Recoded(tmp_path).prior
    assert comparing(prior, "features") is prior
    assert comparing(Rotated(Given()), "features") is None
    for wrong in (Degraded(prior, fraction=0.5), Rotated(ByModality(Given(), Given(), prior))):
        with pytest.raises(ValueError, match="RecordedAnswers is inside"):
            comparing(wrong, "features")


def test_answers_to_no_row_of_the_pool_are_refused(tmp_path: Path) -> None:
    prior = RecordedAnswers(Given(), file(tmp_path), "number", NAMES, None)
    with pytest.raises(ValueError, match="column 'number' answers no row of the pool"):
        prior.compare(uniform(4, 3), uniform(4, 3))


RECORDED = {  # balanced or plain accuracy over all rows, as each source's own description says
    "clip": ("cifar10h", 0.8897),
    "clip_chinese": ("cifar10h", 0.3373),
    "clip_swahili": ("cifar10h", 0.0911),
    "siglip": ("cifar10h", 0.9217),
    "siglip_swahili": ("cifar10h", 0.1533),
    "siglip2": ("cifar10h", 0.9390),
    "siglip2_chinese": ("cifar10h", 0.9385),
    "biomedclip": ("cifar10h", 0.2442),
    "gpt4": ("tweeteval_emotion_test", 0.7987),
    "gpt35": ("tweeteval_emotion_test", 0.7811),
    "rules": ("trec", 0.53),
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_prior_answers_a_sample_of_its_data_set(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, accuracy = RECORDED[name]
    monkeypatch.setenv("AL_BENCH_DATA", GIVEN or "")
    config = plan([f"dataset={where}", f"prior=recorded_{name}"])[0].config
    source, prior = constructed(config.dataset), constructed(config.prior)
    if not GIVEN or source.absent() or not (Path(GIVEN) / prior.file).is_file():
        pytest.skip(f"AL_BENCH_DATA holds not all of {name}")
    data = source.load()
    split = data.test
    some = np.random.default_rng(0).permutation(len(split))[:500]
    inputs = [split.inputs[row] for row in some]
    found = prior.probabilities(np.zeros((len(some), 1)), inputs, data.task)
    right = (found.argmax(axis=1) == split.labels[some]).mean()
    assert right == pytest.approx(accuracy, abs=0.06)
