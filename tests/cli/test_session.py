"""The commands of a session, one after the other, as somebody with rows of his own types them."""

from pathlib import Path

import pandas as pd
import pytest

from al_bench.cli.main import main
from tests.labelling.data import CLASSES, blobs, npz


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    npz(tmp_path)
    return tmp_path


def run(*line: str) -> None:
    assert main(["session", *line]) == 0


def answer(file: str, rows: int) -> None:
    """Fill in the first rows of a batch."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    truth = [CLASSES[blobs()["truth"][int(name)]] for name in table["id"]]
    table["answer"] = [name if line < rows else "" for line, name in enumerate(truth)]
    table.to_csv(file, index=False)


def test_from_embeddings_to_a_model_in_a_few_commands(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("new", "mine", "--data", "rows.npz", "--classes", ",".join(CLASSES), "--audit", "0")
    run("suggest", "mine", "--budget", "30", "--out", "batch.csv")
    answer("batch.csv", 28)
    capsys.readouterr()
    run("tell", "mine", "batch.csv", "--annotator", "ann")
    said = capsys.readouterr().out
    assert "28 answers told; 2 of 30 lines have no answer and are left out" in said
    assert "mine: 150 rows, 28 labelled (0 of them measure), 2 wait for an answer" in said
    run("export", "mine", "--out", "final")
    run("predict", "final", "--data", "rows.npz", "--out", "said.csv")
    run("predict", "mine", "--data", "rows.npz", "--out", "same.csv")
    assert Path("said.csv").read_text() == Path("same.csv").read_text()
    right = pd.read_csv("said.csv")["label"] == [CLASSES[c] for c in blobs()["truth"]]
    assert right.mean() > 0.9


def test_an_export_says_why_no_model_is_in_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("new", "mine", "--data", "rows.npz", "--classes", ",".join(CLASSES), "learner=sklearn")
    run("export", "mine", "--out", "early")
    assert "no model: no answer has taught one yet" in capsys.readouterr().out
    assert len(pd.read_csv("early/labels.csv")) == 150
    run("suggest", "mine", "--out", "batch.csv")
    answer("batch.csv", 50)
    run("tell", "mine", "batch.csv")
    run("export", "mine", "--out", "final")
    said = capsys.readouterr().out
    assert (
        "no model: not with learner=sklearn, supervision=posterior_labels_pool, prior=packaged; "
        "only" in said
    )
    run("estimate", "mine")
    said = capsys.readouterr().out
    assert "by 10 audited rows of 50 labelled ones, 95 % intervals:" in said
    assert "balanced accuracy " in said
    assert "recall of question " in said


def test_a_batch_is_printed_where_no_file_is_named_and_may_be_had_again(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("new", "mine", "--data", "rows.npz", "--classes", ",".join(CLASSES))
    capsys.readouterr()
    run("suggest", "mine", "--budget", "5")
    printed = capsys.readouterr().out
    lines = printed.strip().splitlines()
    assert lines[0] == "id,guess,confidence,why,answer"
    assert len(lines) == 6
    run("suggest", "mine", "--waiting")
    assert capsys.readouterr().out == printed
    run("withdraw", "mine")
    run("suggest", "mine", "--waiting")
    assert capsys.readouterr().out.endswith(
        "5 suggestions taken back\nid,guess,confidence,why,answer\n"
    )


def test_a_batch_for_somebody_is_told_as_his(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("new", "mine", "--data", "rows.npz", "--classes", ",".join(CLASSES))
    run("suggest", "mine", "--annotator", "ann", "--budget", "10", "--out", "batch.csv")
    answer("batch.csv", 10)
    run("tell", "mine", "batch.csv")
    assert "by ann 10" in capsys.readouterr().out
    run("status", "mine")
    assert "0 wait for an answer" in capsys.readouterr().out


@pytest.mark.parametrize("blind", [True, False])
def test_the_guess_of_rows_that_measure_is_hidden_unless_it_is_wanted(
    here: Path, capsys: pytest.CaptureFixture[str], blind: bool
) -> None:
    more = [] if blind else ["--show-guess"]
    run("new", "mine", "--data", "rows.npz", "--classes", ",".join(CLASSES), *more)
    run("suggest", "mine", "--budget", "20", "--out", "batch.csv")
    table = pd.read_csv("batch.csv", keep_default_na=False)
    audit = table["why"].str.startswith("drawn at random")
    assert audit.sum() == 4
    assert (table["guess"][audit] == "").all() == blind
    assert (table["guess"][~audit] != "").all()


def test_rows_come_later_and_the_help_says_how(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("new", "mine", "--data", "rows.npz", "--classes", ",".join(CLASSES))
    npz(here, n=20, seed=2, name="more.npz")
    run("add", "mine", "--data", "more.npz")
    assert "170 rows, 0 labelled" in capsys.readouterr().out
    run("--help")
    said = capsys.readouterr().out
    for command in ("new", "suggest", "tell", "estimate", "export", "predict", "status", "add"):
        assert f"  {command} " in said
        run(command, "--help")


def test_names_of_classes_may_hold_commas_in_quotes(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("new", "mine", "--data", "rows.npz", "--classes", 'a, "b, or c" ,d')
    assert "a 0, b, or c 0, d 0" in capsys.readouterr().out
