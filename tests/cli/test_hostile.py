"""Input that nobody would write on purpose, or somebody would: refused in one sentence, or read as
what it is; never a traceback, another folder, or markup."""

import io
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from al_bench.cli.main import main
from al_bench.core.arrays import unit
from al_bench.core.hashing import FOLDER, check_file_name
from al_bench.core.state import Rows, TrainingSet
from al_bench.data.datasets.check import checked_dataset, spaced
from al_bench.data.datasets.features import Features
from al_bench.data.datasets.images import decode
from al_bench.data.noise import Symmetric
from al_bench.data.types import Dataset, Split, Truth
from al_bench.learners.linear import LinearHead
from al_bench.report.tables.render import latex_text, markdown_text
from tests.data.datasets.folders import hub
from tests.data.datasets.test_packaged import encoded
from tests.runs.test_run import TINY, here  # noqa: F401

FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(FEW, max_examples=100)
NASTY = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "..",
        "../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "\x00",
        "\x1b[2J",
        "‮gnp.exe",
        "<script>",
        "%",
        "é" * 9,
    ]
)


def refused(call: Callable[[], Any]) -> str | None:
    """The sentence of the ValueError that a call ends in, None where it returns."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return None


# --- configs --------------------------------------------------------------------------------------

KEYS = ["noise.rate", "seed", "protocol.budget", "imbalance", "strategy", "learner.l2", "nope", ""]
VALUES = st.sampled_from(
    [
        "",
        "nan",
        "-1",
        "1e400",
        "null",
        "[1,2",
        "${seed}",
        "${oc.env:HOME}",
        "{a: 1}",
        "../../x",
        "a b",
    ]
) | st.text(st.characters(codec="utf-8"), max_size=6)


@settings(FEW, max_examples=15)
@given(key=st.sampled_from(KEYS), value=VALUES)
def test_no_override_ends_in_a_traceback(
    key: str,
    value: str,
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    code = main(["status", *TINY, f"{key}={value}"])
    said = capsys.readouterr().err
    assert code in (0, 1)
    assert "Traceback" not in said
    assert code == 0 or said.startswith("albench: ")
    assert "AL_BENCH_DEBUG" not in said, "an error of a kind that was not foreseen"


# --- labels, features and tables ------------------------------------------------------------------

LABELS = arrays.arrays(
    st.sampled_from([np.int64, np.int8, np.uint64, np.float64, np.bool_]),
    st.integers(0, 8) | st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
FEATURES = arrays.arrays(
    st.sampled_from([np.float32, np.float64, np.int16, np.complex64, np.bool_]),
    st.tuples(st.integers(0, 8), st.integers(0, 3)) | st.integers(0, 8),
)


@MANY
@given(labels=LABELS, features=FEATURES)
@example(labels=np.array([0, 1, 1]), features=np.array([[np.nan], [np.inf], [0.0]]))
@example(labels=np.array([0, 1, 1]), features=np.zeros((3, 2), dtype=np.complex64))
@example(labels=np.array([0, 2**63 - 1, 1]), features=np.zeros((3, 2)))
def test_arrays_are_a_data_set_or_refused(
    labels: np.ndarray, features: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "x.npz"
    both = {
        f"{s}_{w}": a
        for s in ("train", "test")
        for w, a in (("labels", labels), ("features", features))
    }
    names = {"class_names": np.array(["a", "b"])}
    np.savez(path, **both, **names)
    said = refused(lambda: Features("x", str(path), ["{}"]).load())
    right = labels.ndim == 1 and labels.dtype.kind in "iu" and set(labels.tolist()) == {0, 1}
    right = right and features.ndim == 2 and features.shape[1] > 0 and len(features) == len(labels)
    right = right and features.dtype.kind in "fiu"
    if right:
        with np.errstate(over="ignore"):
            right = bool(np.isfinite(features.astype(np.float32)).all())
    assert (said is None) == right, said


@FEW
@given(
    features=arrays.arrays(
        np.float32, (6, 3), elements=st.floats(-1e4, 1e4, width=32) | st.just(0.0)
    ),
    truth=arrays.arrays(np.int64, 6, elements=st.integers(0, 8)),
    weights=arrays.arrays(np.float64, 6, elements=st.floats(0.0, 10.0)),
)
@example(np.zeros((6, 3), np.float32), np.zeros(6, np.int64), np.ones(6))
def test_a_head_of_any_rows_predicts_distributions(
    features: np.ndarray, truth: np.ndarray, weights: np.ndarray
) -> None:
    """Zero rows, equal rows, one class, more classes than rows, rows without weight."""
    rows = Rows(list(range(6)), unit(features), np.full((6, 9), 1 / 9, dtype=np.float32))
    weights[0] = max(weights[0], 0.1)
    training = TrainingSet(np.arange(6), np.eye(9)[truth], weights)
    for balance in ("none", "weights", "logit_adjustment"):
        head = LinearHead(l2=1.0, balance=balance, tolerance=1e-5, iterations=5)
        probs = head.fit(rows, training, np.random.default_rng(0)).predict_proba(rows)
        assert np.isfinite(probs).all()
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-4)


@FEW
@given(k=st.integers(2, 30), n=st.integers(1, 30), rate=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_answers_are_classes_whatever_the_pool(k: int, n: int, rate: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    answers = Symmetric(rate).answers(Truth(truth, k, np.zeros((n, 1))), rng)
    assert answers.shape == (n,)
    assert set(answers.tolist()) <= set(range(k))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (pa.array([1.5, 2.5, 3.5]), pa.array(["a", "b", "a"])),
        (pa.array([b"x", b"y", b"z"]), pa.array(["a", "b", "a"])),
        (pa.array(["x", "y", "z"]), pa.array([True, False, True])),
        (pa.array(["x", "y", "z"]), pa.array([[1], [2], [1]])),
        (pa.array(["x", "y", "z"]), pa.array([1.0, float("nan"), 2.0])),
        (pa.array([["x"], ["y"], ["z"]]), pa.array(["a", "b", "a"])),
        (pa.array(["x", "y", "z"]), pa.array([None, None, None], type=pa.string())),
        (pa.array([{"a": 1}] * 3), pa.array(["a", "b", "a"])),
    ],
)
def test_parquet_of_other_types_is_refused(text: pa.Array, label: pa.Array, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for split in ("train", "test"):
        pq.write_table(
            pa.table({"text": text, "label": label}), tmp_path / "d" / f"{split}.parquet"
        )
    said = refused(lambda: hub(tmp_path / "d").load())
    assert said is not None
    assert said.startswith("mine")


# --- texts ----------------------------------------------------------------------------------------


def texts(*strange: str) -> Dataset:
    split = Split(list(strange), np.arange(len(strange)) % 2)
    return Dataset("x", "x", "text", split, split, ("a", "b"))


@FEW
@given(strange=st.lists(st.text(max_size=40), min_size=2, max_size=5))
@example(strange=["", "x" * 1_000_000])
@example(strange=["\x00\x1b[31m", "שלום ‮ abc"])
def test_any_text_is_a_text(strange: list[str]) -> None:
    assert list(checked_dataset(texts(*strange)).train.inputs) == strange


@pytest.mark.models
def test_strange_texts_have_finite_embeddings_of_length_one() -> None:
    from al_bench.runs.config import instantiate
    from al_bench.runs.plan import plan

    encoder = instantiate(plan(["prior=minilm"])[0].config.prior).encoder("text")
    strange = [
        "",
        " ",
        "\x00\x1b",
        "שלום ‮ abc",
        "x" * 1_000_000,
        "\ud800".encode("utf-8", "replace").decode(),
    ]
    found = encoder.embed(strange)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)


# --- images ---------------------------------------------------------------------------------------


def animated() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("P", (3, 2), color) for color in (1, 2, 3)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize(
    ("image", "size"),
    [
        (encoded(Image.new("CMYK", (4, 3)), "JPEG"), (4, 3)),
        (encoded(Image.new("P", (4, 3))), (4, 3)),
        (encoded(Image.new("L", (1, 1))), (1, 1)),
        (encoded(Image.new("I;16", (2, 2))), (2, 2)),
        (encoded(Image.new("1", (5, 1)), "BMP"), (5, 1)),
        (encoded(Image.new("F", (2, 2)), "TIFF"), (2, 2)),
        (animated(), (3, 2)),
    ],
)
def test_images_of_every_kind_are_read_as_rgb(image: bytes, size: tuple[int, int]) -> None:
    found = decode(image, "row 0")
    assert (found.mode, found.size) == ("RGB", size)


@FEW
@given(cut=st.integers(0, 200), place=st.integers(0, 199), byte=st.integers(0, 255), data=st.data())
def test_damaged_images_are_read_or_refused(cut: int, place: int, byte: int, data: Any) -> None:
    forms = [
        ("PNG", "RGB"),
        ("JPEG", "CMYK"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("WEBP", "RGB"),
        ("TIFF", "L"),
    ]
    form, mode = data.draw(st.sampled_from(forms))
    whole = bytearray(encoded(Image.new(mode, (9, 9)), form))
    whole[place % len(whole)] = byte
    said = refused(lambda: decode(bytes(whole[: len(whole) - cut % len(whole)]), "mine: row 7"))
    assert said is None or said.startswith("mine: row 7 is not an image that can be read: ")


# --- names, folders and markup --------------------------------------------------------------------


@MANY
@given(name=NASTY)
def test_a_name_of_a_data_set_is_no_way_to_another_folder(name: str, tmp_path: Path) -> None:
    for make in (
        lambda: Features(name, "x.npz", ["{}"]),
        lambda: hub(tmp_path / "d", name=name),
        lambda: checked_dataset(replace(texts("x", "y"), name=name)),
    ):
        said = refused(make)
        if said is None:
            assert check_file_name(name) == name
            assert (tmp_path / name).resolve().parent == tmp_path.resolve()
        else:
            assert "wanted a name without slashes" in said


def test_a_data_folder_is_not_left_through_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").mkdir()
    monkeypatch.setenv(FOLDER, str(tmp_path / "data"))
    with pytest.raises(ValueError, match="without slashes"):
        hub(tmp_path / "d", name="../secret").load()


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


@MANY
@given(
    st.text(max_size=30)
    | st.text(alphabet="<>&\"'`$\\{}%#_^~|[]\r\n\x1b\u202e scriptx", max_size=30)
)
def test_names_are_text_in_every_format(name: str) -> None:
    assert not Tags(markdown_text(name)).tags
    assert len(f"x{latex_text(name)}x".splitlines()) == 1
    for shown in (markdown_text(name), latex_text(name), spaced(name)):
        assert not set(shown) & set("\x00\x1b\r\n\u2028\u202e\u2066")
    bare = latex_text(name)
    for mark in "%#&_$":
        assert bare.replace(f"\\{mark}", "").replace("$-$", "").count(mark) == 0 or "$" in bare
