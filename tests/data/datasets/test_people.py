"""Several people's answers: how a yaml tells of them, what is refused, and how they reach noise."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from al_bench.core.rng import rng
from al_bench.core.state import ABSENT, Ints
from al_bench.data import Answered, Features, Halved, Hub, Texts
from al_bench.data.build import build
from al_bench.data.datasets.check import checked_dataset
from al_bench.data.datasets.halved import halves
from al_bench.data.imbalance import LongTail, Merge
from al_bench.data.types import Dataset, People, Split, Truth
from al_bench.priors.by_modality import Given
from tests.data.datasets.conftest import options
from tests.data.datasets.folders import TEXTS, parquet

GIVEN = os.environ.get("AL_BENCH_DATA")
ROWS = {
    "text": ["a", "b", "c", "d", "e", "f"],
    "split": ["pool", "pool", "pool", "pool", "test", "test"],
    "label": [0, 1, 1, 0, 0, 1],
    "first": [0, 1, 0, 0, 1, 1],
    "second": [1, -1, 1, 0, 0, 1],
    "by_first": [7, 7, 9, 9, 7, 7],
    "by_second": [9, -1, 7, 8, 8, 8],
}
PLACES = {"answers": ["first", "second"], "who": "place", "missing": True}
WORKERS = PLACES | {"who": ["by_first", "by_second"]}


def written(folder: Path, rows: dict[str, Any]) -> str:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(rows), folder / "rows.parquet")
    return str(folder / "rows.parquet")


def texts(file: str, people: dict[str, Any], **changed: Any) -> Texts:
    given: dict[str, Any] = {"name": "mine", "pool": file, "test": file, "people": people}
    given |= {"pool_rows": {"split": ["pool"]}, "test_rows": {"split": ["test"]}}
    return Texts(**given | {"class_names": ["no", "yes"]} | changed)


def people(folder: Path, of: dict[str, Any], **changed: Any) -> People:
    return texts(written(folder, ROWS | changed), {"us": of}).load().train.people["us"]


def test_a_column_is_a_place_or_a_person(tmp_path: Path) -> None:
    wanted = [[0, 1], [1, ABSENT], [0, 1], [0, 0]]
    places = people(tmp_path, PLACES)
    assert (places.answers.tolist(), places.names) == (wanted, ())
    persons = people(tmp_path, PLACES | {"who": "column"})
    assert (persons.answers.tolist(), persons.names) == (wanted, ("first", "second"))


def test_columns_that_say_who_answered_make_one_column_for_each_of_the_people(
    tmp_path: Path,
) -> None:
    found = people(tmp_path, WORKERS)
    assert found.names == ("7", "8", "9")
    none = ABSENT
    assert found.answers.tolist() == [[0, none, 1], [1, none, none], [1, none, 0], [none, 0, 0]]


def test_answers_may_be_class_names_and_empty_cells(tmp_path: Path) -> None:
    said = {"label": ["no", "yes", "yes", "no", "no", "yes"]}
    said |= {"second": ["yes", None, "", "no", "no", "no"], "first": said["label"]}
    file = written(tmp_path, ROWS | said)
    found = texts(file, {"us": PLACES}, class_names=None).load().train.people["us"]
    assert found.answers.tolist() == [[0, 1], [1, ABSENT], [1, ABSENT], [0, 0]]


@pytest.mark.parametrize(
    ("of", "changed", "sentence"),
    [
        ({"missing": False}, {}, "column 'second': row 1 is -1 .1 such rows.; wanted a class"),
        ({}, {"second": [2, -1, 1, 0, 0, 1]}, "column 'second': row 0 is 2 .*0..1"),
        ({}, {"second": [-2, -1, 1, 0, 0, 1]}, "column 'second': row 0 is -2 .*0..1"),
        ({}, {"first": [0, -1, 0, 0, 1, 1]}, "nobody answered row 1"),
        ({"answers": ["first", "third"]}, {}, "has no column 'third'; its columns are text, spl"),
        ({"who": "row"}, {}, "who='row'; wanted place, column or a list"),
        ({"who": ["by_first"]}, {}, "have 2 columns and 1 that say who"),
        ({"answers": []}, {}, "wanted answers: a list of columns"),
        ({"missing": "yes"}, {}, "wanted answers: a list of columns"),
        ({"more": 1}, {}, "wanted answers: a list of columns"),
        (WORKERS, {"by_second": [9, 8, 7, 8, 8, 8]}, "row 1 has who and not an answer at place 1"),
        (WORKERS, {"by_second": [-1, -1, 7, 8, 8, 8]}, "row 0 has an answer and not who gave it"),
        (WORKERS, {"by_second": [9, -1, 9, 8, 8, 8]}, "9 answered row 2 more than once"),
    ],
)
def test_answers_that_cannot_be_used_are_said_with_column_and_row(
    tmp_path: Path, of: dict[str, Any], changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^mine train.*{sentence}"):
        people(tmp_path, PLACES | of, **changed)


def dataset(answers: Any, names: tuple[str, ...] = ()) -> Dataset:
    labels = np.array([0, 1, 2, 2])
    split = Split(list("abcd"), labels, people={"us": People(np.array(answers), names)})
    return Dataset("d", "d", "text", split, Split(list("abcd"), labels), ("x", "y", "z"))


@pytest.mark.parametrize(
    ("answers", "names", "sentence"),
    [
        ([[0], [1], [2]], (), r"of shape \(3, 1\); wanted whole numbers of shape \(4, people\)"),
        ([[0.0], [1], [2], [2]], (), "are float64"),
        ([[0], [1], [2], [3]], (), "row 3, column 0 is 3"),
        ([[0], [1], [2], [-1]], (), "nobody answered row 3"),
        ([[0, 1]] * 4, ("me",), "1 names for 2 people"),
        ([[0, 1]] * 4, ("me", "me"), "1 names for 2 people"),
    ],
)
def test_tables_of_answers_are_checked_however_they_came(
    answers: Any, names: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"d train: answers 'us'.*{sentence}"):
        checked_dataset(dataset(answers, names))


class Seen:
    """An annotator that answers truly and keeps what it was shown."""

    truth: Truth

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints:
        self.truth = truth
        return truth.labels.copy()


def test_people_follow_rows_that_are_dropped_and_classes_that_merge(tmp_path: Path) -> None:
    n, k = 300, 3
    labels, draws = np.arange(n) % k, np.random.default_rng(0)
    vectors = draws.normal(size=(n, 2))
    vectors[:, 0] = np.arange(n)  # which names a row
    arrays = {f"{s}_features": vectors for s in ("train", "test")}
    arrays |= {f"{s}_labels": labels for s in ("train", "test")}
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]
    data = Features("d", str(tmp_path / "d.npz"), ["{}"]).load()
    answers = draws.integers(-1, k, size=(n, 4))
    answers[:, 0] = labels
    shown = People(answers, ("p", "q", "r", "s"))
    data = replace(data, train=replace(data.train, people={"us": shown}))
    for imbalance in (LongTail(ratio=5, order="fixed"), Merge(classes=2, order="fixed")):
        noise = Seen()
        problem = build(data, imbalance, noise, Given(), 0, tmp_path)
        kept = imbalance.keep(labels, k, rng(0, "imbalance"))
        new = {c: int(kept.classes[c]) for c in range(k)} | {ABSENT: ABSENT}
        found = noise.truth.people["us"]
        assert found.names == shown.names
        assert np.array_equal(found.answers[:, 0], problem.truth)
        assert found.answers.tolist() == [[new[c] for c in answers[row]] for row in kept.rows]
        assert (found.answers == ABSENT).any()


def test_halves_have_half_of_every_class_and_every_row_once() -> None:
    labels = np.repeat([0, 1, 2, 3], [101, 7, 2, 40])
    first, second = halves(labels, 0)
    assert sorted([*first, *second]) == list(range(150))
    counts = [np.bincount(labels[rows], minlength=4) for rows in (first, second)]
    assert np.abs(counts[0] - counts[1]).max() <= 1
    assert min(counts[0].min(), counts[1].min()) >= 1
    assert not np.array_equal(first, halves(labels, 1)[0])
    assert np.array_equal(first, halves(labels, 0)[0])
    assert np.all(np.diff(first) > 0)


def test_a_split_is_halved_with_all_that_is_known_of_its_rows(tmp_path: Path) -> None:
    rows = {name: 2 * values[:4] for name, values in ROWS.items()}
    rows["text"] = list("abcdefgh")
    whole = texts(written(tmp_path, rows), {"us": PLACES}, test_rows={})
    data = Halved(whole, "half", "train", seed=0).load()
    answers = whole.load().train.people["us"].answers.tolist()
    assert (data.name, len(data.train), len(data.test)) == ("half", 4, 4)
    for split in (data.train, data.test):
        places = ["abcdefgh".index(text) for text in split.inputs]
        assert split.people["us"].answers.tolist() == [answers[place] for place in places]
        assert split.labels.tolist() == [rows["label"][place] for place in places]
    keys = [Halved(whole, "half", "train", seed).load().key for seed in (0, 0, 1)]
    assert keys[0] == keys[1] != keys[2]
    with pytest.raises(ValueError, match="half got split='dev'; wanted one of train, test"):
        Halved(whole, "half", "dev", seed=0)


def test_a_class_of_one_row_cannot_be_halved(tmp_path: Path) -> None:
    file = written(tmp_path, ROWS | {"label": [0, 0, 0, 1, 0, 1]})
    with pytest.raises(ValueError, match=r"half t.* has no row of class 'yes'"):
        Halved(texts(file, {}), "half", "train", seed=0).load()


def answered(folder: Path, **lines: Any) -> Answered:
    parquet(folder / "d", TEXTS, "label", ["x", "y", "z"])
    given = {"row": [3, 0, 1, 2], "label": [2, 1, 0, 1], "one": [0, 1, 2, 1], "v": [4, 1, 2, 3]}
    inner = Hub(**options("hub", name="mine", path=str(folder / "d")))
    human = {"said": "one", "votes": ["v", "one", "v"]}
    us = {"us": {"answers": ["one", "v"], "who": "place", "missing": False}}
    given = {name: values for name, values in (given | lines).items() if values}
    given_people = us if "v" in lines else {}
    file = written(folder / "answers", given)
    return Answered(inner, "more", "train", file, "row", "label", human, given_people)


def test_answers_of_another_file_are_matched_by_row_and_keep_the_key(tmp_path: Path) -> None:
    data = answered(tmp_path, v=[0, 1, 2, 1])
    found = data.load()
    assert found.name == "more"
    assert found.key == data.inner.load().key
    assert found.train.columns["said"].tolist() == [1, 2, 1, 0]
    assert found.train.columns["votes"].shape == (4, 3)
    assert found.train.people["us"].answers.tolist() == [[1, 1], [2, 2], [1, 1], [0, 0]]
    assert not found.test.columns


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ({"row": [3, 0, 1, 1]}, "column 'row' has 4 lines from 0 to 3; wanted one for each row 0"),
        ({"label": [2, 1, 1, 1]}, "row 1 is 1 .1 such rows.; wanted those of the data set"),
        ({"one": None}, "has no column 'one'"),
        ({"one": [0, 1, 3, 1]}, "column 'one': row 1 is 3"),
    ],
)
def test_a_file_about_other_rows_is_refused(
    tmp_path: Path, lines: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"more train .*{sentence}"):
        answered(tmp_path, **lines).load()


def test_files_lie_below_the_data_folder_and_are_said_where_they_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "answers", ROWS)
    source = texts("answers/rows.parquet", {"us": PLACES})
    wanted = "mine: there is no file answers/rows.parquet, neither in .AL_BENCH_DATA nor from here"
    assert source.absent() is not None
    with pytest.raises(FileNotFoundError, match=wanted):
        source.load()
    monkeypatch.setenv("AL_BENCH_DATA", str(tmp_path))
    assert source.absent() is None
    assert Halved(source, "half", "train", seed=0).absent() is None
    assert len(source.load().train) == 4
    (tmp_path / "answers" / "rows.parquet").write_text("no")
    with pytest.raises(ValueError, match=r"mine: .*rows.parquet is no parquet file"):
        source.load()


def test_rows_are_chosen_by_value_and_columns_of_text_are_joined(tmp_path: Path) -> None:
    file = written(tmp_path, ROWS)
    data = texts(file, {}, input=["split", "text"], pool_rows={"by_first": [7]}).load()
    assert data.train.inputs == ["pool\na", "pool\nb", "test\ne", "test\nf"]
    assert data.key != texts(file, {}, input=["split", "text"]).load().key
    with pytest.raises(ValueError, match=r"mine test .* has no row where {'split': .'dev'.}"):
        texts(file, {}, test_rows={"split": ["dev"]}).load()
