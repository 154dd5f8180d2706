"""From run directories to one tidy table and back: nothing is lost, nothing is renamed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from al_bench.report.curves import learning_curves
from al_bench.report.keys import keyed
from al_bench.report.results import load, read_parquet, read_runs, write_parquet
from tests.fakes import fake_run, fake_runs

ASKING = {"annotators": "mixed", "label_model": "glad", "annotator_selection": "thompson"}


def test_a_frame_has_a_row_a_round_and_running_totals(tmp_path: Path) -> None:
    fake_run(tmp_path, strategy="margin", seed=3, rounds=4)
    frame = read_runs(tmp_path).frame
    assert frame["round"].tolist() == [0, 1, 2, 3, 4]
    assert frame["n_labels"].tolist() == [0, 20, 40, 60, 80]
    assert frame["oracle_calls"].tolist() == [0, 1, 2, 3, 4]
    assert set(frame["seed"]) == {3}
    assert set(frame["strategy"]) == {"margin"}
    assert len(frame["recall"].iloc[-1]) == 6


def test_a_torn_last_line_leaves_a_run_unfinished_and_another_is_an_error(
    tmp_path: Path,
) -> None:
    fake_run(tmp_path, seed=0)
    torn = fake_run(tmp_path, seed=1)
    whole = (torn / "rounds.jsonl").read_text()
    (torn / "rounds.jsonl").write_text(whole[:-40])
    results = read_runs(tmp_path)
    assert set(results.frame["seed"]) == {0}
    assert [run.id for run in results.unfinished] == [torn.name]
    assert results.unfinished[0].why == "has 10 rounds, its last line is torn"
    here = fake_run(tmp_path / "in the middle")
    lines = (here / "rounds.jsonl").read_text().splitlines()
    lines[3] = lines[3][:20]
    (here / "rounds.jsonl").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="line 4 is damaged: it is not JSON"):
        read_runs(here.parent)


def test_failed_unfinished_and_missing_runs_are_listed_with_their_reasons(tmp_path: Path) -> None:
    done = [fake_run(tmp_path, seed=seed) for seed in range(3)]
    failed = fake_run(tmp_path, seed=7, error="ValueError: no centre")
    cut = fake_run(tmp_path, seed=8, finished=False, rounds=2)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    ids = [here.name for here in (*done, failed, cut, broken)]
    summary = read_runs(tmp_path, [*ids, "never"]).summary()
    assert summary.startswith("3 of 7 runs; 2 failed: ")
    what = "flowers, natural skew, no label noise, random"
    assert f"{failed.name} ({what}, seed 7) ValueError: no centre" in summary
    assert "broken (unknown) " in summary
    assert "manifest.json is not JSON" in summary
    assert "; 1 not started; 1 not finished: " in summary
    assert (
        f"{cut.name} (flowers, natural skew, no label noise, random, seed 8) has 3 rounds"
        in summary
    )
    assert set(read_runs(tmp_path, {done[1].name}).frame["id"]) == {done[1].name}
    asked = fake_run(tmp_path / "asked", "margin", error="ValueError: x", asking=ASKING)
    (run,) = read_runs(asked.parent).failed
    assert run.what == "flowers, natural skew, mixed, margin, seed 0"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder of runs at"):
        read_runs(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no results at"):
        read_parquet(tmp_path / "nowhere.parquet")


def test_a_file_keeps_a_table_to_the_bit_and_has_the_same_bytes_twice(tmp_path: Path) -> None:
    fake_runs(tmp_path / "runs", ("margin", "random"), seeds=2)
    fake_run(tmp_path / "runs", seed=9, error="OSError: disk")
    results = read_runs(tmp_path / "runs")
    first = write_parquet(results, tmp_path / "a.parquet")
    back = read_parquet(first)
    assert load(str(first)).equals(back.frame)
    second = write_parquet(back, tmp_path / "b.parquet")
    assert first.read_bytes() == second.read_bytes()
    assert back.summary() == results.summary()
    assert back.provenance == results.provenance
    for name in results.frame:
        assert list(map(str, map(plainly, back.frame[name]))) == list(
            map(str, map(plainly, results.frame[name]))
        )


def test_four_decimals_are_kept_of_what_was_measured(tmp_path: Path) -> None:
    here = fake_run(tmp_path, noise=0.2, rounds=3)
    frame = read_runs(tmp_path).frame
    lines = [json.loads(line) for line in (here / "rounds.jsonl").read_text().splitlines()]
    exact = [line["metrics"]["balanced_accuracy"] for line in lines]
    assert frame["balanced_accuracy"].tolist() == [float(f"{value:.4f}") for value in exact]
    seconds = [line["seconds"]["fit"] for line in lines]
    assert frame["seconds_fit"].tolist() == [float(f"{value:.4f}") for value in seconds]
    assert set(frame["noise_rate"]) == {0.2}
    last = [float(f"{value:.4f}") for value in lines[-1]["recall"]]
    assert list(map(list, frame["recall"])) == [[], [], [], last]


def test_every_decimal_is_stored_as_one_and_read_as_the_double_next_to_it(tmp_path: Path) -> None:
    results = read_runs(fake_runs(tmp_path / "runs", ("margin",)))
    for start in (0, 4_999_000, -7_000, 123_456_789_000):
        values = [float(f"{number}e-4") for number in range(start, start + len(results.frame))]
        frame = results.frame.assign(nll=values)
        path = write_parquet(replace(results, frame=frame), tmp_path / "x")
        assert read_parquet(path).frame["nll"].tolist() == values
    stored = pq.read_schema(path)
    assert all(pa.types.is_decimal(stored.field(name).type) for name in ("seconds_fit", "nll"))
    assert str(stored.field("noise_rate").type) == "double"


def plainly(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def test_what_is_not_a_number_stays_none(tmp_path: Path) -> None:
    results = read_runs(fake_runs(tmp_path / "runs", ("margin",)))
    holes = results.frame.assign(
        nll=np.nan, seconds_fit=[np.nan, *results.frame["seconds_fit"][1:]]
    )
    back = read_parquet(write_parquet(replace(results, frame=holes), tmp_path / "x")).frame
    assert back["nll"].isna().all()
    assert back["seconds_fit"].isna().tolist() == [True] + [False] * (len(back) - 1)
    for hole in (np.inf, -np.inf):
        endless = results.frame.assign(nll=[hole, *results.frame["nll"][1:]])
        back = read_parquet(write_parquet(replace(results, frame=endless), tmp_path / "x")).frame
        assert back["nll"].tolist() == endless["nll"].tolist()


def test_a_file_of_an_older_version_is_read_as_one_of_this(tmp_path: Path) -> None:
    results = read_runs(fake_runs(tmp_path / "runs", ("margin",)))
    new = write_parquet(results, tmp_path / "new.parquet")
    finer = results.frame.assign(
        balanced_accuracy=results.frame["balanced_accuracy"] + 1e-5,
        seconds_fit=results.frame["seconds_fit"] + 1e-5,
        recall=[[0.5, 1.0] if len(recall) == 0 else recall for recall in results.frame["recall"]],
    )
    table = pa.Table.from_pandas(finer, preserve_index=False)
    pq.write_table(table.replace_schema_metadata(pq.read_schema(new).metadata), tmp_path / "old")
    back = read_parquet(tmp_path / "old")
    assert back.frame["balanced_accuracy"].equals(results.frame["balanced_accuracy"])
    assert write_parquet(back, tmp_path / "again").read_bytes() == new.read_bytes()


def test_a_disk_that_is_full_leaves_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = read_runs(fake_runs(tmp_path / "runs", ("margin",)))
    path = write_parquet(results, tmp_path / "x.parquet")
    before = path.read_bytes()

    def fail(table: Any, where: Path, **options: Any) -> None:
        where.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(OSError, match="No space"):
        write_parquet(results, path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["x.parquet"]


def test_a_row_has_the_option_and_the_config_of_every_group(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin", noise=0.2)
    row = load(tmp_path).iloc[0]
    assert (row["strategy"], row["noise"], row["proxy_selection"]) == (
        "margin", "symmetric", "none",
    )  # fmt: skip
    assert row["noise_config"] == '{"_target_":"al_bench.data.Symmetric","rate":0.2}'
    assert row["proxy_selection_config"] == "null"
    assert (row["digest"], bool(row["reads_truth"])) == ("d1", False)


def test_a_manifest_without_commit_device_or_digest_is_read_as_unknown(tmp_path: Path) -> None:
    here = fake_run(tmp_path, digest=None)
    manifest = json.loads((here / "manifest.json").read_text())
    del manifest["commit"], manifest["device"]
    (here / "manifest.json").write_text(json.dumps(manifest))
    results = read_runs(tmp_path)
    assert results.provenance["commit"] == results.provenance["device"] == ["unknown"]
    assert set(results.frame["digest"]) == {""}


def test_a_report_is_loaded_by_its_name_from_the_folder_of_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = read_runs(fake_runs(tmp_path / "runs", ("margin",), seeds=2))
    other = read_runs(fake_runs(tmp_path / "more", ("badge",), seeds=1))
    write_parquet(one, tmp_path / "results" / "demo.parquet")
    write_parquet(other, tmp_path / "elsewhere" / "demo.parquet")
    monkeypatch.chdir(tmp_path)
    assert set(load("demo")["strategy"]) == {"margin"}
    assert set(load("demo", "elsewhere")["strategy"]) == {"badge"}
    fake_run(tmp_path / "demo", "random")
    assert set(load("demo")["strategy"]) == {"random"}  # what lies there goes before the name
    with pytest.raises(FileNotFoundError, match=r"no results at dmeo and no report results.dmeo"):
        load("dmeo")


def test_what_answers_cost_is_a_running_total_where_annotators_were_paid(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin", rounds=3, asking=ASKING)
    fake_run(tmp_path, "margin", rounds=3)
    frame = load(tmp_path)
    paid = frame[frame["annotators"] == "mixed"]
    assert paid["cost"].tolist() == [0, 12.5, 25, 37.5]
    assert paid["model_answers"].tolist() == [0, 10, 20, 30]
    assert set(paid["annotator_selection"]) == {"thompson"}
    assert paid["label_model_config"].iloc[0] == '{"_target_":"al_bench.crowd.Glad"}'
    plain = frame[frame["annotators"] == "none"]
    assert plain["cost"].isna().all()
    with pytest.raises(ValueError, match="no metric 'cost'"):
        learning_curves(keyed(frame), "cost")
    here = fake_run(tmp_path / "nobody left to ask", rounds=3, asking=ASKING)
    lines = [json.loads(line) for line in (here / "rounds.jsonl").read_text().splitlines()]
    lines[2] |= {"queried": [], "answers": [], "annotators": [], "cost": 0.0}
    (here / "rounds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert load(here.parent)["cost"].tolist() == [0, 12.5, 12.5, 25]
