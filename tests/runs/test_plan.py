"""Experiments: what their sweeps stand for, what a user's own words do to them, what is refused."""

from pathlib import Path

import pytest

from al_bench.cli.main import main
from al_bench.runs.component import run_id
from al_bench.runs.composing import composing
from al_bench.runs.config import resolved, run_spec
from al_bench.runs.experiments import command_lines, plans
from al_bench.runs.plan import Composer, by_hydra

MINE = """# @package _global_
defaults:
  - override /noise: pair_flip
hydra:
  mode: MULTIRUN
  sweeper:
    params:
      dataset: trec,vader
      seed: 0,1
sweeps:
  rules: {strategy: [random, margin], noise.rate: "0.1, 0.3"}
  without the prior:
    strategy: codecision
    supervision: posterior_labels_pool
    supervision.belief.exponents: "[1.0,0.0]"
    supervision.belief.noise: [[1, 1.0e+6], [1.0, 9.0]]
    supervision.belief.l2: 2.0
    strategy@init: fm_balanced
  full: {protocol: full, dataset: trec}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs/experiment").mkdir(parents=True)
    (tmp_path / "configs/experiment/mine.yaml").write_text(MINE)
    return tmp_path / "configs"


def test_the_runs_of_the_sweeps_are_what_hydra_composes_one_by_one(mine: Path) -> None:
    from hydra import compose

    belief = ["strategy=codecision", "supervision=posterior_labels_pool",
              "supervision.belief.l2=2.0",
              "supervision.belief.exponents=[1.0,0.0]", "strategy@init=fm_balanced"]  # fmt: skip
    wanted = [
        [f"strategy={rule}", f"noise.rate={rate}", f"dataset={name}"]
        for rule in ("random", "margin")
        for rate in (0.1, 0.3)
        for name in ("trec", "vader")
    ]
    wanted += [
        [*belief, f"supervision.belief.noise={noise}", f"dataset={name}"]
        for noise in ("[1,1000000.0]", "[1.0,9.0]")
        for name in ("trec", "vader")
    ]
    wanted += [["protocol=full", "dataset=trec"]]
    with composing(mine):
        composed = [
            compose("config", ["noise=pair_flip", *overrides, f"seed={seed}"])
            for overrides in wanted
            for seed in (0, 1)
        ]
    made = [job for one in plans(["experiment=mine"], mine).values() for job in one]
    assert len(made) == len(composed) == 26
    assert {run_id(job.science) for job in made} == {
        run_id(run_spec(resolved(one).__getitem__)) for one in composed
    }


def test_one_value_may_be_swept_in_two_places_together(mine: Path) -> None:
    both = {"strategy": "prioral", "supervision": "prioral_split", "strategy.rho": "0.1,0.3"}
    line = [*(f"{key}={value}" for key, value in both.items()), "supervision.rho=${strategy.rho}"]
    text = "# @package _global_\nhydra: {mode: MULTIRUN}\nsweeps:\n  both:\n"
    text += "".join(f"    {override.replace('=', ': ', 1)}\n" for override in line)
    text += "  none of it: {strategy: margin}\n"
    (mine / "experiment/both.yaml").write_text(text)
    made, others = (list(one) for one in plans(["experiment=both"], mine).values())
    assert [run_spec(resolved(job.config).__getitem__)["strategy"] for job in others] == [
        others[0].science["strategy"]
    ]
    told = [(j.science["strategy"]["rho"], j.science["supervision"]["rho"]) for j in made]
    assert told == [(0.1, 0.1), (0.3, 0.3)]
    apart = plans(["strategy=prioral", "supervision=prioral_split", "strategy.rho=0.3",
                   "supervision.rho=0.3"], None)[""]  # fmt: skip
    assert run_id(made[1].science) == run_id(apart[0].science)


def test_what_is_given_holds_for_every_sweep_and_wins_over_what_it_sets(mine: Path) -> None:
    given = ["experiment=mine", "dataset=vader", "seed=0", "strategy=badge"]
    made = plans(given, mine)
    assert [len(one) for one in made.values()] == [2, 2, 1]
    jobs = [job for one in made.values() for job in one]
    assert {job.choices["dataset"] for job in jobs} == {"vader"}
    assert {job.choices["strategy"] for job in jobs} == {"badge"}
    assert {job.at("seed") for job in jobs} == {0}
    assert command_lines(given, Composer(mine))["mine: full"] == (
        "experiment=mine", "protocol=full", *given[1:],
    )  # fmt: skip


def test_experiments_may_be_named_by_commas_or_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    for name in ("mine", "yours"):
        (tmp_path / f"experiment/{name}.yaml").write_text("# @package _global_\nseed: 3\n")
    wanted = {name: (f"experiment={name}", "seed=1") for name in ("mine", "yours")}
    assert command_lines(["experiment=mine,yours", "seed=1"], Composer(tmp_path)) == wanted
    apart = ["experiment=mine", "experiment=yours", "seed=1"]
    assert command_lines(apart, Composer(tmp_path)) == wanted
    assert command_lines(["strategy=margin"], Composer(None)) == {"": ("strategy=margin",)}


@pytest.mark.parametrize("name", ["annotators", "finetuned_text", "rare", "savings_parts"])
def test_a_planned_runs_id_is_that_of_its_settings(name: str) -> None:
    for one in plans([f"experiment={name}"], None).values():
        for index in (0, len(one) - 1):
            assert one[index].id == run_id(one[index].science)


@pytest.mark.parametrize("name", ["savings", "human", "rare"])
def test_an_experiment_is_composed_as_hydra_does(name: str) -> None:
    options = (f"experiment={name}", "noise=pair_flip")
    ours, theirs = (
        Composer(None).whole_of(dict(o.split("=") for o in options)),
        by_hydra(options, None),
    )
    assert ours.config == theirs.config
    assert ours.hydra.launcher == theirs.hydra.launcher
    assert ours.hydra.sweeper.params == theirs.hydra.sweeper.params
    assert ours.choices.items() <= theirs.choices.items()


@pytest.mark.parametrize("wrong", ["stratgy: random", "strategy: rndom", "strategy.pwer: 1"])
def test_a_sweep_over_what_there_is_not_stops_before_any_run_with_a_sentence_that_names_it(
    wrong: str, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(mine / "experiment/mine.yaml", "a") as file:
        file.write(f"  misspelt: {{{wrong}}}\n")
    for command in ("status", "run"):
        assert main([command, "experiment=mine", "--config-dir", str(mine)]) == 1
        (sentence,) = capsys.readouterr().err.splitlines()
        assert sentence.startswith("albench: mine: misspelt: ")
        assert wrong.split(": ")[0].rpartition(".")[2] in sentence
    assert not Path("results").exists()


def test_sweeps_that_are_no_mappings_are_refused(mine: Path) -> None:
    for sweeps in ("strategy=margin", "{all: strategy=margin}"):
        (mine / "experiment/mine.yaml").write_text(f"# @package _global_\nsweeps: {sweeps}\n")
        with pytest.raises(ValueError, match=r"experiment=mine has sweeps .*wanted \{name: "):
            command_lines(["experiment=mine"], Composer(mine))


def test_what_experiments_share_is_not_listed_among_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", "experiment"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line]
    assert {"savings", "baselines", "paper"} < set(names)
    assert not [name for name in names if "/" in name]


def test_hydra_shows_the_configuration_of_an_experiment_with_sweeps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "experiment=savings", "--cfg", "job", "--package", "sweeps"]) == 0
    assert "protocol: full" in capsys.readouterr().out


def test_every_sweep_of_an_experiment_is_made_with_each_of_its_arms(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/mine.yaml").write_text(
        "# @package _global_\n"
        "sweeps: {first: {dataset: vader, noise.rate: 0.1}, second: {dataset: trec}}\n"
        "arms: {rules: {strategy: 'random,margin', noise.rate: 0.3}, badge: {strategy: badge}}\n"
    )
    lines = command_lines(["experiment=mine"], Composer(tmp_path))
    named = {name: set(line) - {"experiment=mine"} for name, line in lines.items()}
    assert named == {
        "mine: first, rules": {"dataset=vader", "strategy=random,margin", "noise.rate=0.3"},
        "mine: first, badge": {"dataset=vader", "strategy=badge", "noise.rate=0.1"},
        "mine: second, rules": {"dataset=trec", "strategy=random,margin", "noise.rate=0.3"},
        "mine: second, badge": {"dataset=trec", "strategy=badge"},
    }
