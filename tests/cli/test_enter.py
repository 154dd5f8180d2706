"""From a method's files to a row that others can check: enter, merge, verify; what is refused."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from al_bench.cli.main import main
from al_bench.report.entries import (
    areas_by_id,
    check_entry,
    entered,
    numbers,
    problem_name,
    read_entry,
    read_task,
    sampled_runs,
)
from al_bench.report.results import read_parquet, write_parquet
from al_bench.runs.component import component, identified, source
from al_bench.runs.config import config_dir
from al_bench.runs.experiments import plans

TINY = """# @package _global_
# Two seeds of a small synthetic pool, clean and with 30 % of answers wrong.
defaults:
  - override /dataset: synthetic
  - override /noise: symmetric
  - override /protocol: small
  - override /logger: none
  - override /hydra/launcher: basic

dataset: {n_train: 200, n_test: 100}
protocol: {start: 10, budget: 10, rounds: 2}

hydra:
  mode: MULTIRUN
  sweeper:
    params: {noise.rate: "0,0.3", seed: "0,1"}

task: {version: 1, metric: balanced_accuracy}
"""
TAIL = '''
class Tail:
    """Random rows that the prior puts in its rarest class."""

    def select(self, state, budget, rng):
        rare = state.rows.prior.sum(axis=0).argmin()
        score = state.rows.prior[state.unlabelled, rare] + 1e-6 * rng.random(len(state.unlabelled))
        return state.unlabelled[score.argsort()[::-1][:budget]]
'''
GLOBAL = """
import numpy as np


class Global:
    '''Draws from the one generator that everybody shares.'''

    def select(self, state, budget, rng):
        return np.random.permutation(state.unlabelled)[:budget]
"""
METHODS = {
    "margin": ["strategy=margin"],
    "tail": ["strategy=tail"],
    "codecision": [
        "strategy=codecision",
        "strategy@init=fm_balanced",
        "supervision=posterior_labels_pool",
    ],
}


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence that a command ended with."""
    return capsys.readouterr().err.removeprefix("albench: ").strip()


def enter(name: str, *overrides: str, task: str = "tiny") -> int:
    return main(["enter", name, "--task", task, "--config-dir", "mine", *overrides])


def verify(name: str, *options: str) -> int:
    return main(["verify", f"entries/{name}", "--config-dir", "mine", *options])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one's own with a task and two methods, and three methods entered."""
    folder = tmp_path_factory.mktemp("entering")
    for path, text in {
        "task/tiny.yaml": TINY,
        "tail_of_mine.py": TAIL + GLOBAL,
        "strategy/tail.yaml": "_target_: tail_of_mine.Tail\n",
        "strategy/global.yaml": "_target_: tail_of_mine.Global\n",
    }.items():
        (folder / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "mine" / path).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AL_BENCH_CACHE", str(folder / "cache"))
        for name, overrides in METHODS.items():
            assert enter(name, *overrides) == 0
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same, as it was before whatever a test does to the entries and the task."""
    monkeypatch.chdir(made)
    monkeypatch.setenv("AL_BENCH_CACHE", str(made / "cache"))
    shutil.copytree("entries", "kept")
    yield made
    shutil.rmtree("entries")
    Path("kept").rename("entries")
    Path("mine/task/tiny.json").unlink(missing_ok=True)


def forge(name: str, column: str, value: float) -> None:
    """An entry with another value in every last round."""
    path = Path("entries", name, "results.parquet")
    results = read_parquet(path)
    results.frame.loc[results.frame["round"] == 3, column] = value
    write_parquet(results, path)


# --- the road -------------------------------------------------------------------------------------


def test_three_entries_are_one_table_that_a_claim_is_held_on(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [f"entries/{name}" for name in METHODS]
    assert main(["merge", *folders, "--out", "board.parquet"]) == 0
    assert "12 of 12 runs, of 3 sources" in capsys.readouterr().out
    frame = read_parquet(Path("board.parquet")).frame
    assert set(frame["strategy"]) == set(METHODS)
    ours = ["--ours", "strategy=tail", "--against", "strategy=margin"]
    assert main(["claim", "board.parquet", *ours]) == 0
    assert "tail" in capsys.readouterr().out


def test_an_entry_is_the_runs_the_method_the_code_and_the_environment(here: Path) -> None:
    folder = Path("entries/tail")
    assert {path.name for path in folder.iterdir()} == {
        "results.parquet", "config.yaml", "environment.json", "card.md",
    }  # fmt: skip
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["task"], config["version"]) == ("tiny", 1)
    assert config["overrides"] == ["strategy=tail"]
    assert config["method"]["strategy"]["_target_"] == "tail_of_mine.Tail"
    assert config["method"]["strategy"]["source"] == source(component("tail_of_mine.Tail"))
    assert json.loads((folder / "environment.json").read_text())["versions"]["numpy"]
    card = (folder / "card.md").read_text()
    assert "albench enter tail --task tiny strategy=tail" in card
    assert card.count("| synthetic | symmetric |") == 2


def test_entering_again_makes_no_run_and_keeps_the_card_that_was_filled_in(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path("entries/tail/results.parquet").read_bytes()
    Path("entries/tail/card.md").write_text("filled in")
    assert enter("tail", "strategy=tail") == 0
    assert capsys.readouterr().out.count("done before") == 4
    assert Path("entries/tail/results.parquet").read_bytes() == before
    assert Path("entries/tail/card.md").read_text() == "filled in"


def test_every_run_of_an_honest_entry_is_made_again_to_the_last_bit(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in METHODS:
        assert verify(name, "--share", "1") == 0
        out = capsys.readouterr().out
        assert "4 of 4 runs, drawn by --seed" in out
        assert out.count("equal    ") == 4


def test_a_sample_is_the_same_for_one_seed_and_rounded_up() -> None:
    ids = [f"{number:012x}" for number in range(40)]
    assert sampled_runs(ids, 0.03, 5) == sampled_runs(ids[::-1], 0.03, 5)
    assert len(sampled_runs(ids, 0.03, 5)) == 2
    assert len({tuple(sampled_runs(ids, 0.03, seed)) for seed in range(20)}) > 10
    assert sorted(sampled_runs(ids, 1, 5)) == ids
    with pytest.raises(ValueError, match=r"--share is 3; wanted a fraction in \(0, 1\]"):
        sampled_runs(ids, 3, 5)


def test_an_area_is_a_mean_level_from_the_first_labels_on() -> None:
    runs = {"id": ["a"] * 4 + ["b"] * 2, "round": [0, 1, 2, 3, 0, 1]}
    runs |= {"n_labels": [0, 10, 20, 40, 0, 50], "level": [0.9, 0.0, 1.0, 1.0, 0.9, 0.3]}
    found = areas_by_id(pd.DataFrame(runs), "level")
    assert found.to_dict() == {"a": pytest.approx((0.5 * 10 + 1.0 * 20) / 30), "b": 0.3}


# --- what is caught -------------------------------------------------------------------------------


def test_numbers_that_were_made_up_are_found_by_making_the_runs_again(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge("tail", "balanced_accuracy", 0.999)
    assert verify("tail", "--share", "1") == 1
    out = capsys.readouterr().out
    assert out.count("DIFFERS  ") == 4
    assert "4 of 4 runs are not what the entry says" in out


def test_elsewhere_areas_may_differ_a_little_and_no_more(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("entries/margin/environment.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"machine": "riscv64"}))
    results = read_parquet(Path("entries/margin/results.parquet"))
    results.frame["balanced_accuracy"] += 0.004
    write_parquet(results, Path("entries/margin/results.parquet"))
    assert verify("margin", "--share", "1") == 0
    out = capsys.readouterr().out
    assert "not the entry's machine" in out
    assert out.count("close    ") == 4
    assert verify("margin", "--share", "1", "--tolerance", "0.007") == 1  # 0.0035 in the mean of 4
    out = capsys.readouterr().out
    assert "DIFFERS" not in out
    assert "the mean area of these runs is -0.0040 from what the entry says" in out


def test_code_that_is_not_that_of_the_entry_is_another_method(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = yaml.safe_load(Path("entries/tail/config.yaml").read_text())
    Path("entries/tail/config.yaml").write_text(
        yaml.safe_dump(config | {"overrides": ["strategy=margin"]})
    )
    assert verify("tail") == 1
    assert "entries/tail has no run of what its configuration makes here" in said(capsys)


def test_problems_that_are_not_the_tasks_are_refused_by_enter_and_verify(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = read_task("tiny", Path("mine"))
    jobs = list(entered(task, ["strategy=margin"], Path("mine")))
    names = [problem_name(identified(job.science), job.at("seed")) for job in jobs]
    known = {name: {"digest": "0123456789abcdef"} for name in names}
    Path("mine/task/tiny.json").write_text(json.dumps(known))
    assert enter("margin", "strategy=margin") == 1
    assert "where the task has 0123456789ab" in said(capsys)
    assert verify("margin") == 1
    assert "where the task has 0123456789ab" in said(capsys)


def test_labels_that_were_not_paid_for_are_seen_where_the_task_knows_how_many_there_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = read_parquet(Path("entries/margin/results.parquet")).frame
    known = {}
    for job in entered(read_task("tiny", Path("mine")), ["strategy=margin"], Path("mine")):
        name = problem_name(identified(job.science), job.at("seed"))
        same = frame[(frame["seed"] == job.at("seed"))]
        same = same[same["noise_config"] == json.dumps(identified(job.at("noise")), sort_keys=True,
                                                       separators=(",", ":"))]  # fmt: skip
        known[name] = {"digest": same["digest"].iloc[0], "labels": [0, 10, 20, 30]}
    Path("mine/task/tiny.json").write_text(json.dumps(known))
    assert enter("margin", "strategy=margin") == 0
    capsys.readouterr()
    forge("margin", "n_labels", 20)
    assert verify("margin") == 1
    assert "bought [0, 10, 20, 20] labels by its rounds; the task has [0, 10, 20, 30]" in said(
        capsys
    )


def test_a_run_that_was_left_out_is_missed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("entries/margin/results.parquet")
    results = read_parquet(path)
    frame = results.frame[results.frame["seed"] == 0]
    write_parquet(type(results)(frame, (), (), results.provenance), path)
    assert verify("margin") == 1
    assert "entries/margin has 2 of 4 runs; the first that is missing is" in said(capsys)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "overrides", "sentence"),
    [
        ("x", ["strategy=margin", "noise.rate=0"], "noise.rate=0 changes what task tiny fixes"),
        ("x", ["strategy=margin", "seed=0"], "seed=0 changes what task tiny fixes"),
        ("x", ["strategy=margin,badge"], "an entry is one method, and these are 2"),
        (
            "x",
            ["supervision=posterior_labels"],
            "an entry has no query rule; wanted strategy=<its name>",
        ),
        ("x", ["strategy=truth_balanced"], "reads the truth; wanted a method"),
        ("x", ["strategy=global"], "x breaks a promise of its kind (above), so nothing was run"),
        ("../x", ["strategy=margin"], "wanted a name without slashes"),
        ("x", ["strategy=margin", "strategy._target_=os.system"], "names a class"),
    ],
)
def test_what_is_no_entry_is_refused_before_a_run(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, overrides: list[str], sentence: str
) -> None:
    before = set(Path("results/runs").iterdir())
    assert enter(name, *overrides) == 1
    assert sentence in said(capsys)
    assert set(Path("results/runs").iterdir()) == before


def test_an_unknown_task_is_answered_by_the_tasks_there_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enter("x", "strategy=margin", task="v9") == 1
    assert said(capsys) == "there is no task 'v9'; there are alfm_v1, alfm_v1_full, tiny"


def test_a_folder_that_is_no_entry_and_a_broken_file_are_said(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "mine"]) == 1
    assert "mine is no entry: it has no results.parquet, config.yaml" in said(capsys)
    path = Path("entries/tail/results.parquet")
    path.write_bytes(path.read_bytes()[:5000])
    for command in (["verify", "entries/tail"], ["merge", "entries/tail", "--out", "x.parquet"]):
        assert main([*command, *(["--config-dir", "mine"] if command[0] == "verify" else [])]) == 1
        assert said(capsys).startswith("entries/tail/results.parquet is not a parquet file that")
    table = pq.read_table("kept/tail/results.parquet")
    for note, sentence in (
        (None, "is a parquet file, but not one of al_bench results"),
        ({b"al_bench": b'{"failed": 3}'}, "is damaged: what it says of missing runs"),
    ):
        pq.write_table(table.replace_schema_metadata(note), path)
        assert main(["merge", "entries/tail", "--out", "x.parquet"]) == 1
        assert sentence in said(capsys)
    Path("entries/tail/config.yaml").write_text("- a list\n")
    assert verify("tail") == 1
    assert said(capsys) == "entries/tail/config.yaml holds a list; wanted a mapping"
    assert main(["merge", "nowhere", "--out", "x.parquet"]) == 1
    assert said(capsys).startswith("no results at nowhere; wanted an entry's folder")
    assert not Path("x.parquet").exists()


def test_what_an_entry_says_is_no_code(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("entries/margin/config.yaml")
    config = yaml.safe_load(path.read_text())
    for override in (
        *("strategy._target_=os.system", "strategy={_target_: os.system}", "strategy=../mine/x"),
        *("results=/elsewhere", "hydra/launcher=ray"),
    ):
        path.write_text(yaml.safe_dump(config | {"overrides": ["strategy=margin", override]}))
        assert verify("margin") == 1
        assert override in said(capsys)


# --- the tasks that are committed -----------------------------------------------------------------

TASKS = sorted(path.stem for path in (config_dir() / "task").glob("*.yaml"))


@pytest.mark.parametrize("name", TASKS)
def test_every_problem_of_a_task_is_on_record(name: str) -> None:
    task = read_task(name, None)
    (planned,) = plans([f"task={name}", "strategy=random"], None).values()
    names = {problem_name(identified(job.science), job.at("seed")) for job in planned}
    assert names == set(task.problems)
    for known in task.problems.values():
        assert len(known["digest"]) == 16
        assert 0 < known["floor"] < 1
        assert 0 < known["ceiling"] < 1
        assert known["labels"][0] == 0


ENTRIES = sorted(path for path in (Path(__file__).parents[2] / "results" / "entries").iterdir())


@pytest.mark.parametrize("folder", ENTRIES, ids=lambda path: path.name)
def test_a_committed_entry_is_of_its_tasks_problems_by_what_its_columns_say(folder: Path) -> None:
    """Its ids hold the versions of components that made it, which need not be today's."""
    entry = read_entry(folder)
    task = read_task(entry.task, None)
    frame = entry.results.frame
    assert (entry.name, entry.version) == (folder.name, task.version)
    assert check_entry(folder.name, entry.results, sorted(set(frame["id"])), task) == 0
    assert numbers(frame, task) in (folder / "card.md").read_text("utf-8")


def test_committed_entries_merge(tmp_path: Path) -> None:
    out = tmp_path / "board.parquet"
    assert main(["merge", *map(str, ENTRIES), "--out", str(out)]) == 0
    assert read_parquet(out).frame["id"].nunique() == 40 * len(ENTRIES)
