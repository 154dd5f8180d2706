"""Class probabilities from a file made elsewhere."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from al_bench.data.build import build
from al_bench.data.cache.embeddings import zero_shot
from al_bench.data.datasets.features import FeatureRows
from al_bench.data.datasets.synthetic import Synthetic
from al_bench.data.imbalance import LongTail
from al_bench.data.noise import Clean
from al_bench.data.types import Dataset, Split, Task
from al_bench.priors.by_modality import Given
from al_bench.priors.table import ID, Table, row_id

TEXTS = ["great film", "dull film", "a film", "great film"]
TASK = Task(("positive", "so so", "negative"), ("{}",), "text")
ANSWERS = {
    ID: [row_id(text, 0) for text in TEXTS[:3]],
    "negative": [0.1, 0.7, 0.25],
    "positive": [0.7, 0.1, 0.25],
    "so so": [0.2, 0.2, 0.5],
}


def table(folder: Path, **changed: Any) -> Table:
    answers = {name: values for name, values in {**ANSWERS, **changed}.items() if values}
    path = folder / "answers.parquet"
    pd.DataFrame(answers).to_parquet(path, index=False)
    return Table(Given(), str(path))


def said(prior: Table, texts: list[str] = TEXTS) -> list[list[float]]:
    found: list[list[float]] = prior.probabilities(np.zeros((len(texts), 1)), texts, TASK).tolist()
    return found


def test_rows_are_found_by_content_and_classes_by_name(tmp_path: Path) -> None:
    first = [0.7, 0.2, 0.1]
    wanted = [first, [0.1, 0.2, 0.7], [0.25, 0.5, 0.25], first]  # the same text, the same answer
    np.testing.assert_allclose(said(table(tmp_path)), wanted, rtol=1e-6)
    np.testing.assert_allclose(said(table(tmp_path), TEXTS[::-1]), wanted[::-1], rtol=1e-6)


def test_rows_that_nearly_sum_to_one_are_made_to(tmp_path: Path) -> None:
    prior = table(tmp_path, negative=[0.1005, 0.7, 0.25])
    np.testing.assert_allclose(np.sum(said(prior), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({ID: None, "id": [1, 2, 3]}, "has a column 'id', which is no class"),
        ({"negative": None}, "has no column 'negative'; it has row_id, positive, so so"),
        ({"negative": [0.1, 0.7, 0.3]}, r"1 of 4 rows .* sums to 1.05"),
        ({"negative": [0.1, 0.7, None]}, "column 'negative': line 2 is nan; wanted a number"),
        ({"negative": [-0.1, 0.7, 0.25]}, "or has a negative cell"),
        ({"negative": ["a", "b", "c"]}, "column 'negative' holds no numbers"),
        (
            {"bad": [0.0, 0.0, 0.0]},
            "a column 'bad', which is no class; the classes are positive, s",
        ),
        ({ID: [*ANSWERS[ID][:2], ANSWERS[ID][0]]}, "row_id .* comes more than once"),
        ({ID: [*ANSWERS[ID][:2], "x"]}, "no answer for 1 of 4 rows, first 'a film' with row_id"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        said(table(tmp_path, **changed))


def test_a_file_that_is_not_there_or_no_parquet_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*answers.parquet"):
        _ = Table(Given(), str(tmp_path / "answers.parquet")).key
    (tmp_path / "answers.parquet").write_text("row_id,positive")
    with pytest.raises(ValueError, match=r"answers.parquet is no parquet file"):
        said(Table(Given(), str(tmp_path / "answers.parquet")))


def test_a_key_is_the_files_content(tmp_path: Path) -> None:
    one, same, other = tmp_path / "one", tmp_path / "same", tmp_path / "other"
    for folder in (one, same, other):
        folder.mkdir()
    assert table(one).key == table(same).key
    assert table(one).key != table(other, negative=[0.1, 0.7, 0.2501]).key


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
    labels = np.array([0, 1, 2, 0])
    data = Dataset("d", "d", "text", Split(TEXTS, labels), Split(TEXTS[1:], labels[1:]), *TASK_OF)
    rows = script["rows_to_label"](data)
    assert rows["text"].tolist() == TEXTS[:3]
    assert set(rows.columns) == {ID, "text"}  # and no label
    answers = rows[[ID]].assign(**{name: ANSWERS[name] for name in TASK.class_names})
    answers.to_parquet(tmp_path / "mine.parquet", index=False)
    assert said(Table(Given(), str(tmp_path / "mine.parquet"))) == said(table(tmp_path))
    picture = Image.fromarray(np.zeros((3, 2, 3), dtype=np.uint8))
    images = replace(data, modality="image", train=Split([picture], labels[:1]))
    shown = script["rows_to_label"](replace(images, test=images.train))
    assert shown["image"][0].startswith(b"\x89PNG")


TASK_OF = (TASK.class_names, TASK.prompts)


def test_opinions_of_a_table_are_cached_like_others_and_survive_an_imbalance(
    tmp_path: Path,
) -> None:
    data = Synthetic(n_train=90, n_test=60, n_classes=3, dim=4).load()
    inputs = [*data.train.inputs, *data.test.inputs]
    answers = np.random.default_rng(0).dirichlet(np.ones(3), size=len(inputs))
    frame = pd.DataFrame(answers, columns=list(data.class_names))
    frame[ID] = [row_id(vector, 0) for vector in inputs]
    frame.sample(frac=1, random_state=0).to_parquet(tmp_path / "answers.parquet", index=False)
    prior = Table(Given(), str(tmp_path / "answers.parquet"))
    problem = build(data, LongTail(ratio=5, order="fixed"), Clean(), prior, 0, tmp_path)
    assert len(problem.pool) < 90
    for rows in (problem.pool, problem.test):
        wanted = [answers[[row_id(x, 0) for x in inputs].index(row_id(v, 0))] for v in rows.inputs]
        np.testing.assert_allclose(rows.prior, wanted, rtol=1e-5)


def test_an_image_or_feature_row_without_an_answer_is_named_too(tmp_path: Path) -> None:
    rows = FeatureRows(np.ones((2, 3), dtype=np.float32), None)
    task = replace(TASK, modality="features")
    with pytest.raises(ValueError, match=r"no answer for 2 of 2 rows, first an input \(ndarray\)"):
        zero_shot(tmp_path, "d", "train", table(tmp_path), rows.features, rows, task)
