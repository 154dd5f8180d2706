"""The commands for tools that annotators know, as somebody types them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from al_bench.cli.main import main
from al_bench.labelling import Session
from tests.labelling.data import NAMES, session_of, truth
from tests.labelling.test_imported import annotation
from tests.tiny_models import bert  # noqa: F401


@pytest.fixture
def here(tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    monkeypatch.chdir(tmp_path)
    session_of(tmp_path, bert).close()
    return tmp_path


def test_tasks_go_out_and_an_export_comes_back_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["session", "tasks", "reviews", "--budget", "20"]
    assert main([*line, "--out", "tasks.json", "--interface", "page.xml"]) == 0
    assert "20 tasks in tasks.json" in capsys.readouterr().out
    choices = ElementTree.parse("page.xml").iter("Choice")
    assert [choice.get("value") for choice in choices] == NAMES
    export = json.loads(Path("tasks.json").read_text("utf-8"))
    assert sum(not task["predictions"] for task in export) == 4  # those that measure
    for number, task in enumerate(export):
        answer = annotation(number, truth(task["data"]["row"]), who=1 + number % 2)
        task["annotations"] = [answer if number else answer | {"result": []}]
    Path("export.json").write_text(json.dumps(export))
    said = []
    for _ in range(2):
        assert main(["session", "tell", "reviews", "export.json"]) == 0
        said.append(capsys.readouterr().out)
    assert "19 answers told; 0 are known, 1 have no answer" in said[0]
    assert "by studio user 2 10, studio user 1 9" in said[0]
    assert "0 answers told; 19 are known, 1 have no answer" in said[1]
    assert main(["session", "tasks", "reviews", "--waiting", "--out", "left.json"]) == 0
    assert len(json.loads(Path("left.json").read_text("utf-8"))) == 1


def test_records_of_argilla_go_out_and_come_back(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["session", "tasks", "reviews", "--budget", "3", "--tool", "argilla"]
    assert main([*line, "--out", "records.json"]) == 0
    records = json.loads(Path("records.json").read_text("utf-8"))
    for one in records:
        one["responses"] = {"label": [{"value": truth(one["id"]), "user_id": "u"}]}
        one["status"] = "completed"
    Path("export.json").write_text(json.dumps(records))
    assert main(["session", "tell", "reviews", "export.json"]) == 0
    assert "3 answers told" in capsys.readouterr().out


def test_a_file_that_is_there_is_never_written_over_and_no_row_is_suggested(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("page.xml").write_text("mine")
    line = ["session", "tasks", "reviews", "--out", "tasks.json", "--interface", "page.xml"]
    assert main(line) == 1
    assert "page.xml is there already" in capsys.readouterr().err
    assert not Path("tasks.json").exists()
    with Session.open("reviews") as session:
        assert session.waiting() == []
