"""A task whose test labels are held out: made, entered, verified, scored, merged."""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.analysis.frame import read_parquet, write_parquet
from al_bench.analysis.merge import MEASURED
from al_bench.cli.main import main
from al_bench.configuration.tasks import read_task
from al_bench.entries.score import Labels, read_labels
from tests.cli.entering import as_made, said

SCRIPTS = Path(__file__).parents[2] / "scripts"
SYNTHETIC = ["dataset=synthetic", "dataset.n_train=200", "dataset.n_test=101"]
SMALL = {
    "imbalance: usual": "imbalance: natural",
    "/protocol: per_class": "/protocol: small",
    "/hydra/launcher: joblib": "/hydra/launcher: basic",
    '"0,1,2,3,4"': '"0,1"',
    "\ntask:": "\nprotocol: {start: 10, budget: 10, rounds: 2}\n\ntask:",
}
METHODS = {
    "random": ["strategy=random"],
    "margin": ["strategy=margin"],
    "proxy": ["strategy=margin", "proxy_selection=linear", "proxy_selection.every=1",
              "learner=linear_residual"],
}  # fmt: skip


def script(name: str, *arguments: str) -> None:
    runpy.run_path(str(SCRIPTS / f"{name}.py"))["main"](arguments)


def enter(name: str, task: str, *overrides: str) -> int:
    return main(["enter", name, "--task", task, "--config-dir", "board", *overrides])


def verify(name: str, *options: str) -> int:
    folder = f"entries/{name}"
    return main(["verify", folder, "--config-dir", "board", "--share", "1", *options])


def score(name: str, *options: str, labels: str = "tiny_labels.npz") -> int:
    given = ["--labels", labels, "--config-dir", "board", *options]
    return main(["score", f"entries/{name}", *given])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A held-out task, the same with its labels, and methods entered for both."""
    folder = tmp_path_factory.mktemp("held_out")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AL_BENCH_CACHE", str(folder / "cache"))
        script("hold_out", "tiny", "--out", "board", *SYNTHETIC)
        held, labels = np.load("board/tiny.npz"), read_labels(Path("tiny_labels.npz"))
        np.savez("board/open.npz", **dict(held) | {"test_labels": labels.classes})
        task = Path("board/task/tiny.yaml").read_text()
        for old, new in SMALL.items():
            assert old in task
            task = task.replace(old, new)
        Path("board/task/tiny.yaml").write_text(task)
        opened = task.replace("/dataset: tiny", "/dataset: open").replace(", held_out: true", "")
        Path("board/task/open.yaml").write_text(opened)
        data = Path("board/dataset/tiny.yaml").read_text()
        Path("board/dataset/open.yaml").write_text(data.replace("tiny", "open"))
        script("task_problems", "tiny", "--config-dir", "board", "--labels", "tiny_labels.npz")
        script("task_problems", "open", "--config-dir", "board")
        for name, overrides in METHODS.items():
            assert enter(name, "tiny", *overrides) == 0
            assert name == "random" or enter(f"{name}_open", "open", *overrides) == 0
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same, as it was before whatever a test does to the entries."""
    with as_made(made, monkeypatch):
        yield made


def predictions(name: str) -> dict[str, Any]:
    return dict(np.load(f"entries/{name}/predictions.npz"))


def forge(name: str, **arrays: Any) -> None:
    np.savez_compressed(f"entries/{name}/predictions.npz", **arrays)


def test_what_is_given_away_has_no_test_label_and_is_all_that_an_entry_needs(here: Path) -> None:
    assert set(np.load("board/tiny.npz")["test_labels"]) == {-1}
    labels = read_labels(Path("tiny_labels.npz"))
    assert len(labels.classes) == 101
    assert Labels("tiny", labels.classes, labels.salt[:0]).digest != labels.digest  # it is salted
    with pytest.raises(SystemExit, match=r"tiny_labels.npz is there"):
        script("hold_out", "tiny", "--out", "elsewhere", *SYNTHETIC)


def test_a_run_without_test_labels_has_what_can_be_measured_without_them(here: Path) -> None:
    frame = read_parquet(Path("entries/margin/results.parquet")).frame
    measured = {"pool_balanced_accuracy", "classes_found", "labelled_noise"}
    assert measured <= set(frame)
    test = {"balanced_accuracy", "accuracy", "nll", "ece", "product_balanced_accuracy"}
    assert not test & set(frame)
    assert all(len(recall) == 0 for recall in frame["recall"])
    for classes in predictions("margin").values():
        assert (classes.shape, classes.dtype) == ((4, 4, 101), np.int16)
    assert "labels are held out" in Path("entries/margin/card.md").read_text()


@pytest.mark.parametrize("name", ["margin", "proxy"])
def test_scored_afterwards_every_number_is_that_of_the_run_with_labels_to_the_last_bit(
    here: Path, name: str
) -> None:
    assert score(name, "--out", "scored.parquet") == 0
    one = read_parquet(Path("scored.parquet")).frame
    two = read_parquet(Path(f"entries/{name}_open/results.parquet")).frame
    other = {"id", "digest", "dataset", "dataset_config", *MEASURED}
    assert set(two) - set(one) == {"nll", "ece"}
    order = ["noise_rate", "seed", "round"]
    one, two = (frame.sort_values(order, ignore_index=True) for frame in (one, two))
    for column in set(one) - other:
        for a, b in zip(one[column], two[column], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=column)
    assert one["balanced_accuracy"].nunique() > 8


def test_a_prior_is_not_judged_by_labels_that_are_not_there(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["prior", "--config-dir", "board", "dataset=tiny", "prior=given"]
    assert main(given) == 1
    assert said(capsys) == "tiny: its test labels are held out; wanted --split train"
    assert main([*given, "--split", "train"]) == 0


def test_a_run_that_was_cut_goes_on_to_the_same_predictions(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_BENCH_VERBOSE", "1")
    run = min(predictions("margin"))
    folder = Path("results/runs", run)
    before = (folder / "predictions.npy").read_bytes()
    lines = (folder / "rounds.jsonl").read_bytes().splitlines(keepends=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    for cut in (np.load(folder / "predictions.npy")[:2], np.load(folder / "predictions.npy")):
        (folder / "rounds.jsonl").write_bytes(b"".join(lines[:2]) + lines[2][:9])
        (folder / "manifest.json").write_text(json.dumps(manifest | {"finished": None}))
        np.save(folder / "predictions.npy", cut)  # killed before, and after it was written
        assert enter("margin", "tiny", *METHODS["margin"]) == 0
        assert (folder / "predictions.npy").read_bytes() == before
        assert "30 labels, 0." in (out := capsys.readouterr().out)
        assert " on the pool (" in out


def test_scored_entries_are_merged_claimed_and_explored_as_any(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [score("random"), score("margin")] == [0, 0]
    assert "Mean area over these rows" in capsys.readouterr().out
    assert main(["merge", "entries/random", "--out", "board.parquet"]) == 1
    assert "wanted what `albench score` makes of it" in said(capsys)
    parts = ["scored/random.parquet", "scored/margin.parquet"]
    assert main(["merge", *parts, "--out", "board.parquet"]) == 0
    ours = ["--ours", "strategy=margin", "--against", "strategy=random"]
    assert main(["claim", "board.parquet", *ours]) == 0
    assert "8 of 8 runs" in capsys.readouterr().out
    assert main(["explore", "board.parquet", "--out", "page.html", "--config-dir", "board"]) == 0


def test_an_entry_is_verified_by_its_predictions_without_labels(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify("margin") == 0
    assert capsys.readouterr().out.count("equal    ") == 4
    edited = predictions("margin")
    run = min(edited)
    edited[run][3, 0, 7] = (edited[run][3, 0, 7] + 1) % 10
    forge("margin", **edited)
    assert verify("margin") == 1
    out = capsys.readouterr().out
    assert out.count("equal    ") == 3
    assert f"DIFFERS  {run}: first in predictions of round 3\n" in out


def test_elsewhere_areas_are_compared_by_who_has_the_labels(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("entries/margin/environment.json")
    path.write_text(path.read_text().replace('"machine": "', '"machine": "not '))
    assert verify("margin") == 1
    assert "labels of tiny are held out; wanted --labels, or --tolerance 0" in said(capsys)
    assert verify("margin", "--labels", "tiny_labels.npz") == 0
    forge("margin", **{run: classes * 0 for run, classes in predictions("margin").items()})
    capsys.readouterr()
    assert verify("margin", "--labels", "tiny_labels.npz") == 1
    assert "4 of 4 runs are not what the entry says" in capsys.readouterr().out


def test_predictions_that_are_missing_or_of_another_form_are_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = predictions("margin")
    run = min(whole)
    for changed, sentence in (
        ({run: whole[run][:3]}, "int16 of shape (3, 4, 101); wanted int16 of shape (4, 4, 101)"),
        ({run: whole[run].astype(float)}, "float64 of shape (4, 4, 101); wanted int16"),
        ({run: whole[run] + np.int16(5)}, "wanted classes 0..9"),
        ({"abc": whole[run]}, "has predictions of abc, which is none of its runs"),
    ):
        forge("margin", **whole | changed)
        assert score("margin") == 1
        assert sentence in said(capsys)
    forge("margin", **{name: classes for name, classes in whole.items() if name != run})
    assert verify("margin") == 1
    assert f"run {run} has no predictions" in said(capsys)
    Path("entries/margin/predictions.npz").write_bytes(b"not an archive")
    assert score("margin") == 1
    assert "predictions.npz is not an .npz of plain arrays" in said(capsys)


def test_an_entry_that_is_not_whole_is_not_scored(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("entries/margin/results.parquet")
    results = read_parquet(path)
    some = results.frame["seed"] == 0
    kept = set(results.frame.loc[some, "id"])
    write_parquet(type(results)(results.frame[some], (), (), results.provenance), path)
    forge("margin", **{run: a for run, a in predictions("margin").items() if run in kept})
    assert score("margin") == 1
    assert "has 2 runs, on 2 of the 4 problems of tiny; wanted one on each" in said(capsys)
    assert score("margin_open") == 1
    assert "open holds no test labels out" in said(capsys)


def test_labels_that_are_not_those_on_record_are_one_sentence(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = read_labels(Path("tiny_labels.npz"))
    edited = right.classes.copy()
    edited[0] = (edited[0] + 1) % 10
    for wrong, sentence in (
        (Labels("tiny", edited, right.salt), "are not those on record of tiny (101 rows"),
        (Labels("tiny", right.classes[:50], right.salt), "the labels of tiny (50 rows"),
        (Labels("other", right.classes, right.salt), "has no labels of tiny; it has other"),
    ):
        wrong.write(Path("wrong.npz"))
        assert score("margin", labels="wrong.npz") == 1
        assert sentence in said(capsys)
    assert score("margin", labels="board/tiny.npz") == 1
    assert "is no file of labels" in said(capsys)
    assert score("margin", labels="nowhere.npz") == 1
    assert said(capsys) == "there is no file of labels nowhere.npz"


def test_a_task_that_says_otherwise_than_its_data_has_no_record_and_no_entry(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path("board/task/tiny.yaml").read_text()
    (here / "board/task/mixed.yaml").write_text(text.replace("/dataset: tiny", "/dataset: open"))
    assert enter("mixed", "mixed", "strategy=random") == 1
    assert "has no predictions; on mixed a run writes them, where its data come without" in said(
        capsys
    )
    with pytest.raises(SystemExit, match="open comes with test labels"):
        script("task_problems", "mixed", "--config-dir", "board", "--labels", "tiny_labels.npz")


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("{version: 1, metric: accuracy, held_out: maybe}", "held_out='maybe'; wanted true or fal"),
        ("{version: 1}", "wanted a version and a metric"),
    ],
)
def test_a_task_that_says_something_else_of_itself_is_refused(
    tmp_path: Path, card: str, sentence: str
) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "odd.yaml").write_text(f"# @package _global_\n# Odd.\ntask: {card}\n")
    with pytest.raises(ValueError, match=sentence):
        read_task("odd", tmp_path)
