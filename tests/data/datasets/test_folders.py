"""Data sets in folders in the form of the hub, and what of them is refused."""

import logging
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from al_bench.core.hashing import fingerprint
from al_bench.core.state import ABSENT
from al_bench.data.datasets.hub import Hub
from al_bench.runs.config import instantiate as constructed
from al_bench.runs.plan import plan
from tests.data.datasets.conftest import options
from tests.data.datasets.folders import NAMES, TEXTS, hub, parquet

GIVEN = os.environ.get("AL_BENCH_DATA")


def test_a_parquet_folder_is_read_with_its_own_class_names(tmp_path: Path) -> None:
    parquet(tmp_path / "d", TEXTS, "label", NAMES)
    data = hub(tmp_path / "d").load()
    assert list(data.train.inputs) == TEXTS["text"]
    assert data.train.labels.tolist() == TEXTS["label"]
    assert data.class_names == ("B b", "a a", "c or c")


def test_class_names_are_looked_up_by_name_not_by_place(tmp_path: Path) -> None:
    parquet(tmp_path / "d", TEXTS, "label", NAMES)
    given = {"c/c": "cats", "B_b": "bees", "of another edition": "dogs"}
    data = hub(tmp_path / "d", class_names=given | {"bees of another edition": "bees"}).load()
    assert data.class_names == ("bees", "a a", "cats")
    assert data.task.aliases == (("B_b", "bees of another edition"), ("a.a",), ("c/c",))
    with pytest.raises(ValueError, match="another order"):
        hub(tmp_path / "d", class_names=["x", "y", "z"]).load()


def test_bare_numbers_need_class_names_as_a_list(tmp_path: Path) -> None:
    parquet(tmp_path / "d", TEXTS, "label", None)
    with pytest.raises(ValueError, match="bare numbers"):
        hub(tmp_path / "d").load()
    assert hub(tmp_path / "d", class_names=["x", "y", "z"]).load().class_names == ("x", "y", "z")
    with pytest.raises(ValueError, match=r"row 3 is 2 \(1 such rows\); wanted a class of the"):
        hub(tmp_path / "d", class_names=["x", "y"]).load()


@pytest.mark.parametrize("names", [NAMES, None])
def test_a_test_split_without_labels_is_refused(tmp_path: Path, names: list[str] | None) -> None:
    parquet(tmp_path / "d", TEXTS, "label", names)
    schema = pq.read_schema(tmp_path / "d" / "train.parquet")
    test = pa.table({**TEXTS, "label": [-1, -1, -1, -1]}, schema=schema)  # as those of GLUE
    pq.write_table(test, tmp_path / "d" / "test.parquet")
    with pytest.raises(ValueError, match=r"test .*row 0 is -1 \(4 such rows\)"):
        hub(tmp_path / "d", **({} if names else {"class_names": ["x", "y", "z"]})).load()


def test_a_csv_folder_is_read_and_na_stays_a_text(tmp_path: Path) -> None:
    lines = "text,label\nNA,dog\nnull,cat\nhello,dog\n"
    data = hub(csv(tmp_path / "d", lines, lines)).load()
    assert list(data.train.inputs) == ["NA", "null", "hello"]
    assert data.class_names == ("cat", "dog")
    assert data.train.labels.tolist() == [1, 0, 1]


def csv(folder: Path, train: str, test: str) -> Path:
    folder.mkdir()
    for split, text in (("train", train), ("test", test)):
        (folder / f"{split}.csv").write_text(text)
    return folder


def imagefolder(folder: Path) -> Path:
    for split in ("train", "test"):
        for number, name in enumerate(("cat", "dog")):
            (folder / split / name).mkdir(parents=True)
            for row in range(2):
                colour = (100 * number, 50 * row, 0)
                Image.new("RGB", (6, 5), colour).save(folder / split / name / f"{row}.png")
    return folder


def test_an_imagefolder_is_read_and_decoded_lazily(tmp_path: Path) -> None:
    folder = imagefolder(tmp_path / "d")
    (folder / "train" / "dog" / "1.png").write_bytes(b"broken")
    data = hub(folder, modality="image", input="image").load()
    assert data.class_names == ("cat", "dog")
    assert data.train.inputs[2].getpixel((0, 0)) == (100, 0, 0)
    assert [image.size for image in data.train.inputs[:2]] == [(6, 5), (6, 5)]
    with pytest.raises(ValueError, match=r"mine train .*: row 3 is not an image"):
        data.train.inputs[3]


def test_a_wrong_column_is_answered_with_the_columns_there_are(tmp_path: Path) -> None:
    parquet(tmp_path / "d", {"words": ["a", "b"], "label": [0, 1]}, "label", ["x", "y"])
    with pytest.raises(ValueError, match="no column 'text'; its columns are words, label"):
        hub(tmp_path / "d").load()
    with pytest.raises(ValueError, match="wanted images"):
        hub(tmp_path / "d", modality="image", input="words").load()


FROM_ONE = "text,label\na,1\nb,2\nc,3\n"
MASKED = "text,label\na,0\nb,1\nc,-1\nd,-1\n"
BARE, NAMED = "text,label\na,0\nb,1\n", "text,label\na,x\nb,y\n"


@pytest.mark.parametrize(
    ("train", "test", "sentence"),
    [
        (FROM_ONE, FROM_ONE, "train {}: column 'label': row 1 is 2 (2 such rows); wanted a class "
                             "of the training labels, by its number 0..1"),
        (BARE, MASKED, "test {}: column 'label': row 2 is -1 (2 such rows); wanted a class of the "
                       "training labels, by its number 0..1"),
        ("text\na\nb\n", BARE, "train {} has no column 'label'; its columns are text"),
        (BARE, "text\na\nb\n", "test {}: column 'label': row 0 is None (2 such rows); wanted a "
                                "class of the training labels, by its number 0..1"),
        ("text,label\na,x\nb,\n", NAMED, "train {}: row 1 has no 'label' (1 such rows); wanted one "
                                          "in every row"),
        (BARE, NAMED, "test {}: column 'label': row 0 is 'x' (2 such rows); wanted a class of the "
                      "training labels, by its number 0..1"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_used_are_said_with_folder_column_value_and_row(
    tmp_path: Path, train: str, test: str, sentence: str
) -> None:
    folder = csv(tmp_path / "d", train, test)
    with pytest.raises(ValueError, match="mine t") as said:
        hub(folder, class_names=["x", "y"]).load()
    assert str(said.value) == "mine " + sentence.format(f"({folder})")


def test_a_split_may_have_columns_that_the_other_lacks(tmp_path: Path) -> None:
    folder = csv(tmp_path / "d", NAMED, "text,label,note\na,y,far\nb,x,away\n")
    assert hub(folder).load().test.labels.tolist() == [1, 0]


def test_rows_keep_their_own_ids_and_the_key_does_not_know_of_them(tmp_path: Path) -> None:
    folder = csv(tmp_path / "d", "text,label,id\na,x,u7\nb,y,u3\nc,x,u9\n", NAMED)
    found = hub(folder, row_id="id").load()
    assert found.train.ids is not None
    assert found.train.ids.tolist() == ["u7", "u3", "u9"]
    assert found.test.ids is None
    plain = hub(folder).load()
    assert plain.train.ids is None
    assert plain.key == found.key
    with pytest.raises(ValueError, match=r"train .* has no column 'no'; its columns are text, la"):
        hub(folder, row_id="no").load()


def test_human_columns_are_read_by_name_and_left_out_where_missing(tmp_path: Path) -> None:
    columns = TEXTS | {"said": [1, 1, 1, 2], "v0": [3, 0, 1, 1], "v1": [0, 1, 2, 0], "v2": [1] * 4}
    parquet(tmp_path / "d", columns, "label", NAMES)
    human = {"one": "said", "votes": ["v0", "v1", "v2"], "none": "not there"}
    found = hub(tmp_path / "d", human=human).load().train.columns
    assert set(found) == {"one", "votes"}
    assert found["one"].tolist() == columns["said"]
    assert found["votes"].tolist()[0] == [3, 0, 1]
    parquet(tmp_path / "e", columns | {"said": [1, 1, -1, 2]}, "label", NAMES)
    with pytest.raises(ValueError, match=r"column .said.: row 2 is -1 .*; wanted a class"):
        hub(tmp_path / "e", human=human).load()


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"text": ["a", None], "label": [0, 1]}, r"row 1 is None \(NoneType\) .*wanted a text"),
        ({"text": ["a", "b"], "label": [0, 0]}, "no row of class 'y'"),
        ({"text": ["a", "b"], "label": [0, None]}, "'label': row 1 is None"),
        ({"text": ["a", "b"], "label": [0.5, 1.5]}, "holds double|holds float"),
        (None, r"mine: split 'train' of .* cannot be read"),
    ],
)
def test_bad_rows_and_files_end_in_one_sentence(
    tmp_path: Path, columns: dict[str, Any] | None, sentence: str
) -> None:
    if columns is None:
        csv(tmp_path / "d", "", "")
    else:
        parquet(tmp_path / "d", columns, "label", ["x", "y"] if columns["label"][0] == 0 else None)
    with pytest.raises(ValueError, match=sentence):
        hub(tmp_path / "d").load()


def test_the_key_follows_content_and_not_the_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        parquet(tmp_path / name, TEXTS, "label", NAMES)
    assert hub(tmp_path / "a").load().key == hub(tmp_path / "b").load().key
    parquet(tmp_path / "b", TEXTS | {"label": [0, 0, 1, 2]}, "label", NAMES)
    assert hub(tmp_path / "a").load().key != hub(tmp_path / "b").load().key
    assert str(tmp_path) not in hub(tmp_path / "a").load().key


def test_the_fingerprint_sees_names_and_bytes_and_not_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1")
    first = fingerprint(tmp_path)
    (tmp_path / ".hidden").write_bytes(b"2")
    assert fingerprint(tmp_path) == first
    (tmp_path / "x").rename(tmp_path / "y")
    assert fingerprint(tmp_path) != first


def test_the_data_folder_is_read_before_the_hub_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    columns = {"text": ["a", "b"], "label": [0, 1]}
    parquet(tmp_path / "davidson_hate", columns, "label", ["x", "y"])
    monkeypatch.setenv("AL_BENCH_DATA", str(tmp_path))
    with caplog.at_level(logging.INFO):
        data = Hub(**options("davidson_hate")).load()  # other columns and splits on the hub
    assert list(data.train.inputs) == ["a", "b"]
    assert [r.message for r in caplog.records if "AL_BENCH_DATA" in r.message] == [
        f"davidson_hate: read from {tmp_path / 'davidson_hate'} ($AL_BENCH_DATA)"
    ]


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "abc"])
def test_the_hub_is_not_asked_without_a_pinned_revision(revision: str | None) -> None:
    with pytest.raises(ValueError, match=r"40-digit commit that `git ls-remote"):
        Hub(**options("cifar100", revision=revision)).load()


def test_missing_data_end_in_a_sentence_that_says_how_to_get_them() -> None:
    for name in ("cifar100", "ag_news", "banking77", "tweeteval_emotion"):
        source = Hub(**options(name, path="nobody/has-this-data-set"))
        wanted = f"go online once, or set AL_BENCH_DATA .*{name}/"
        with pytest.raises(FileNotFoundError, match=wanted):
            source.load()
    for name in ("pathmnist", "reuters_r52"):  # which are on no hub
        with pytest.raises(FileNotFoundError, match=f"{name}/ .train and test"):
            Hub(**options(name)).load()


SETS = {  # rows of pool and test, classes; the data lie in AL_BENCH_DATA
    "trec": (5452, 500, 6),
    "ag_news": (4991, 7600, 4),
    "sst2": (6920, 1821, 2),
    "banking77": (10003, 3080, 77),
    "tweeteval_emotion": (3257, 1421, 4),
    "davidson_hate": (19826, 4957, 3),
    "reuters_r52": (6295, 2440, 24),
    "cifar10": (50000, 10000, 10),
    "cifar10n": (50000, 10000, 10),
    "cifar10h": (5000, 5000, 10),
    "tweeteval_emotion_test": (711, 710, 4),
    "trec_llms": (5452, 500, 6),
    "noisyag_news": (911, 7600, 4),
    "convabuse": (2398, 1652, 2),
    "hs_brexit": (784, 336, 2),
    "multipico": (3005, 3756, 2),
}
PEOPLE = {  # a table of answers, and how many a row can have
    "cifar10n": ("three", 3),
    "noisyag_news": ("three", 3),
    "convabuse": ("raters", 8),
    "hs_brexit": ("raters", 6),
    "multipico": ("raters", 506),
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_of_the_data_folder_loads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AL_BENCH_DATA", GIVEN or "")
    source = constructed(plan([f"dataset={name}"])[0].config.dataset)
    if not GIVEN or source.absent():
        pytest.skip(f"AL_BENCH_DATA holds not all of {name}")
    data = source.load()
    assert (len(data.train), len(data.test), len(data.class_names)) == SETS[name]
    assert data.train.inputs[0] is not None
    if name in PEOPLE:
        table, columns = PEOPLE[name]
        answers = data.train.people[table].answers
        assert answers.shape[1] == columns
        right = (answers == data.train.labels[:, None])[answers != ABSENT].mean()
        assert 0.75 < right < 0.96  # as each source's own description says
    if name == "trec_llms":  # right by plurality, as the answers' own description says
        votes = data.train.columns["yi"].argmax(axis=1)
        assert (votes == data.train.labels).mean() == pytest.approx(0.769, abs=0.005)
    if name == "cifar10h":
        votes = data.train.columns["votes"]
        assert (votes.argmax(axis=1) == data.train.labels).mean() > 0.98
