"""Runs on disk: names, torn lines, damaged files, one writer."""

import json
from pathlib import Path
from threading import Thread

import pytest

from al_bench.core.loop import Round
from al_bench.runs.store import BusyError, RunFolder, read_end, read_manifest, read_rounds


def line(number: int) -> Round:
    return Round(number, [number], [1], 1, {"balanced_accuracy": 0.5}, [0.5], {"fit": 0.1})


def test_rounds_come_back_as_they_went(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for number in range(3):
        folder.append(line(number))
    assert read_rounds(tmp_path) == [line(0), line(1), line(2)]


@pytest.mark.parametrize("ids", [["a", "b"], [1.5], [True], "a", None])
def test_ids_are_one_number_or_text_for_each_row(tmp_path: Path, ids: object) -> None:
    RunFolder(tmp_path).append(line(0))
    path = tmp_path / "rounds.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ids": ids}) + "\n")
    with pytest.raises(ValueError, match=r"line 1 is damaged: .*ids"):
        read_rounds(tmp_path)


def test_a_torn_last_line_is_dropped_and_cut_off(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for number in range(3):
        folder.append(line(number))
    path = tmp_path / "rounds.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    assert read_rounds(tmp_path) == [line(0), line(1)]
    assert folder.resume() == [line(0), line(1)]
    folder.append(line(2))
    assert read_rounds(tmp_path) == [line(0), line(1), line(2)]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for number in range(3):
        folder.append(line(number))
    path = tmp_path / "rounds.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "{not json", lines[2]]) + "\n")
    with pytest.raises(ValueError, match=r"rounds.jsonl line 2 is damaged"):
        read_rounds(tmp_path)
    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(ValueError, match="line 2 is round 2, not 1"):
        read_rounds(tmp_path)


def test_a_manifest_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}
    (tmp_path / "manifest.json").write_text("[1]")
    with pytest.raises(ValueError, match="holds a list"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"id"')
    with pytest.raises(ValueError, match="is not JSON"):
        read_manifest(tmp_path)


def test_the_end_of_a_manifest_says_when_a_finished_run_began_and_ended(tmp_path: Path) -> None:
    assert read_end(str(tmp_path)) is None
    times = {"started": "2026-01-01T00:00:00+00:00", "finished": None, "error": None}
    RunFolder(tmp_path).write_manifest({"id": "a"} | times)
    assert read_end(str(tmp_path)) == {}
    times["finished"] = "2026-01-01T00:01:00+00:00"
    for more in ({}, {"selected_by": "0123456789ab"}):
        RunFolder(tmp_path).write_manifest({"id": "a"} | times | more)
        found = read_end(str(tmp_path))
        assert found == {key: times[key] for key in ("started", "finished")}
    RunFolder(tmp_path).write_manifest({"id": "a"} | times | {"error": "failed"})
    assert read_end(str(tmp_path)) == {}
    (tmp_path / "manifest.json").write_text((tmp_path / "manifest.json").read_text()[:-9])
    assert read_end(str(tmp_path)) == {}


def test_a_second_writer_is_turned_away_or_waits_until_the_first_is_gone(tmp_path: Path) -> None:
    held = []

    def hold() -> None:
        with RunFolder(tmp_path).held(wait=True):
            held.append("after")

    with RunFolder(tmp_path).held():
        with pytest.raises(BusyError), RunFolder(tmp_path).held():
            pass
        waiting = Thread(target=hold)
        waiting.start()
        waiting.join(0.2)
        held.append("before")
    waiting.join()
    assert held == ["before", "after"]
