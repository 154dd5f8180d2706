"""Where rows come from: every kind of data gives the same kind of session."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from al_bench.labelling import Answer, Session
from al_bench.labelling.rows import read_rows
from al_bench.labelling.settings import Columns
from tests.labelling.data import csv
from tests.tiny_models import WORDS, bert, on_cpu, timm_file  # noqa: F401

TEXTS = ["first, with a comma", 'a "quoted"\nline', "NA", "é ü 日本", "=1+1", "<script>x</script>"]


def table(folder: Path, kind: str, columns: dict[str, Any]) -> Path:
    frame, path = pd.DataFrame(columns), folder / f"rows.{kind}"
    if kind in ("csv", "tsv"):
        frame.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in frame.to_dict("records")))
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "jsonl"])
def test_a_table_is_read_as_it_stands(tmp_path: Path, kind: str) -> None:
    ids, labels = [f"0{i}" for i in range(6)], ["a", "", "b", "", "", "a"]
    path = table(tmp_path, kind, {"body": TEXTS, "name": ids, "known": labels})
    rows = read_rows(path, Columns(text="body", id="name", label="known"))
    assert rows.texts == TEXTS
    assert rows.names == ids
    assert rows.labels == ["a", None, "b", None, None, "a"]


def test_a_data_frame_and_a_list_are_read_as_a_table_is(tmp_path: Path) -> None:
    path = table(tmp_path, "csv", {"text": TEXTS})
    marked = tmp_path / "marked.csv"
    marked.write_text(path.read_text(), encoding="utf-8-sig")  # with a byte order mark
    every = (path, marked, pd.DataFrame({"text": TEXTS}), TEXTS)
    assert len({read_rows(data, Columns()).key for data in every}) == 1


def pictures(folder: Path) -> Path:
    (folder / "images" / "deep").mkdir(parents=True)
    for number in range(6):
        name = f"{number}.png" if number < 4 else f"deep/{number}.JPG"
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / name)
    return folder / "images"


def test_images_are_read_from_a_folder_or_as_a_table_names_them(tmp_path: Path) -> None:
    rows = read_rows(pictures(tmp_path), Columns())
    assert rows.modality == "image"
    assert rows.names == ["0.png", "1.png", "2.png", "3.png", "deep/4.JPG", "deep/5.JPG"]
    path = table(tmp_path, "csv", {"file": ["images/1.png", "images/0.png"]})
    named = read_rows(path, Columns(image="file"))
    assert [Path(str(image)).name for image in named.images or ()] == ["1.png", "0.png"]


@pytest.mark.parametrize("saved", ["dict", "one", "parquet"])
def test_a_saved_data_set_is_read_by_split(tmp_path: Path, saved: str) -> None:
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "kind": datasets.ClassLabel(names=["no", "yes"])}
    )
    one = datasets.Dataset.from_dict({"text": TEXTS, "kind": [0, 1, 1, 0, 0, 1]}, features)
    folder = tmp_path / "data"
    if saved == "dict":
        datasets.DatasetDict({"train": one, "rest": one.select([0])}).save_to_disk(folder)
    elif saved == "one":
        one.save_to_disk(folder)
    else:
        folder.mkdir()
        one.to_parquet(folder / "train.parquet")
    rows = read_rows(folder, Columns(label="kind"))
    assert rows.texts == TEXTS
    assert rows.labels == ["no", "yes", "yes", "no", "no", "yes"]


def test_the_images_of_a_saved_data_set_get_files_in_the_session(tmp_path: Path) -> None:
    import datasets

    images = [str(path) for path in sorted(pictures(tmp_path).glob("*.png"))]
    made = datasets.Dataset.from_dict({"picture": images}).cast_column("picture", datasets.Image())
    made.save_to_disk(tmp_path / "data")
    rows = read_rows(tmp_path / "data", Columns(image="picture"))
    assert rows.images is not None
    assert rows.images[0] == Path(images[0]).read_bytes()


def small(bert: Path) -> list[str]:  # noqa: F811
    """Options of a prior with a tiny model of texts."""
    return ["prior=minilm", f"prior.text.weights={bert}", "prior.text.pin=null",
            "prior.text.max_length=32"]  # fmt: skip


def test_texts_go_from_a_csv_to_a_model_that_reads_new_ones(
    tmp_path: Path,
    bert: Path,  # noqa: F811
) -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[:8] if row % 2 else WORDS[8:], 6)) for row in range(60)]
    texts = [f"{text} {row}" for row, text in enumerate(texts)]
    source = csv(tmp_path, {"text": texts})
    options = {"overrides": small(bert), "audit": 0.0}
    with Session.new(tmp_path / "s", source, ["even", "odd"], **options) as session:
        for _ in range(2):
            batch = session.suggest(15)
            assert [one.text for one in batch] == [texts[int(one.id)] for one in batch]
            session.tell([Answer(one.id, ["even", "odd"][int(one.id) % 2]) for one in batch])
        found = session.predict()
        right = np.mean(found["label"] == np.where(np.arange(60) % 2, "odd", "even"))
        assert right > 0.85
        assert session.predict(texts[:5])["label"].tolist() == found["label"].tolist()[:5]
        session.add_rows(pd.DataFrame({"text": ["cat dog", "sea ship"]}))
        session.add_classes(["neither"])  # the foundation model is asked anew
        assert session.service.snapshot().pool.rows.prior.shape == (62, 3)
        assert session.status().answered == 30


def test_labels_that_are_there_train_from_the_start_and_never_measure(
    tmp_path: Path,
    bert: Path,  # noqa: F811
) -> None:
    texts = [f"{'cat dog' if row % 2 else 'sea ship'} {row}" for row in range(40)]
    known = [["odd", "even"][row % 2] if row < 30 else "" for row in range(40)]
    source = csv(tmp_path, {"text": texts, "known": known})
    with Session.new(tmp_path / "s", source, label="known", overrides=small(bert)) as session:
        assert session.classes == ("even", "odd")
        assert session.status().annotators == {"given": 30}
        batch = session.suggest(10)
        assert all("; foundation model: " in one.why for one in batch if one.kind == "query")
        assert {int(one.id) for one in batch if one.kind == "query"} <= set(range(30, 40))
        with pytest.raises(ValueError, match="no row drawn at random has an answer yet"):
            session.estimate()


def test_what_was_cut_while_rows_were_embedded_goes_on_by_the_next_command(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut(*arguments: object) -> None:
        raise KeyboardInterrupt

    source = csv(tmp_path, {"text": TEXTS})
    with monkeypatch.context() as patch:
        patch.setattr("al_bench.labelling.pool.pool_rows", cut)
        with pytest.raises(KeyboardInterrupt):
            Session.new(tmp_path / "s", source, ["a", "b"], overrides=small(bert))
    with Session.open(tmp_path / "s") as session:
        assert len(session.suggest(4)) == 4


def test_images_go_from_a_folder_to_a_model(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    timm_file: Path,  # noqa: F811
) -> None:
    options = ["prior=efficientnet_lite2", f"prior.image.weights={timm_file}",
               "prior.image.pin=null", "prior.image.model=test_efficientnet",
               "prior.image.size=64", f"prior.text.weights={bert}", "prior.text.pin=null",
               "prior.text.max_length=32"]  # fmt: skip
    classes, folder = ["cat", "dog"], pictures(tmp_path)
    with Session.new(tmp_path / "s", folder, classes, overrides=options, audit=0.0) as session:
        batch = session.suggest(4)
        assert all(Path(str(one.path)).is_file() for one in batch)
        session.tell([Answer(one.id, classes[n % 2]) for n, one in enumerate(batch)])
        assert session.predict()["id"].tolist()[-1] == "deep/5.JPG"
        session.export(tmp_path / "final")
    (folder / "0.png").write_bytes((folder / "1.png").read_bytes())
    with Session.open(tmp_path / "s") as session:
        inputs = session.service.snapshot().pool.rows.inputs
        assert inputs[1].size == (40, 40)
        with pytest.raises(ValueError, match="has changed since it came"):
            inputs[0]
