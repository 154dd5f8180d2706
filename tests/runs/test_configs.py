"""Every config file composes and constructs what it names; wrappers nest from the command line."""

from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from al_bench.cli.listing import one_line
from al_bench.cli.report import report_config as options_of_experiment
from al_bench.cli.report import spec_of
from al_bench.report.keys import GROUPS as GROUPS_OF_RESULTS
from al_bench.report.keys import Method, group_columns, in_method, keys
from al_bench.report.spec import keys_of_selection, only
from al_bench.runs.component import identified, run_id
from al_bench.runs.composing import composing
from al_bench.runs.config import config_dir, instantiate, key_of, resolved, run_spec
from al_bench.runs.declarations import KINDS
from al_bench.runs.experiments import plans
from al_bench.runs.options import option_names, option_of
from al_bench.runs.plan import plan

GIVEN = {  # values a user has to give
    "dataset/hub": ["dataset.name=mine", "dataset.path=somebody/something"],
    "dataset/features": ["dataset.name=mine", "dataset.path=mine.npz"],
    "prior/endpoint": ["prior.model=mine"],
    "prior/recorded": ["prior.file=answers.parquet"],
    "noise/confusion": ["noise.matrix=[[0.9,0.1],[0.2,0.8]]"],
}
FOLDERS = [config_dir()]
GROUPS = sorted({p.name for p in config_dir().iterdir() if p.is_dir()} | {*KINDS})
OPTIONS = [f"{group}/{option}" for group in GROUPS for option in option_names(group, FOLDERS)]
OTHERS = ("experiment", "task", "belief", "logger", "hydra")  # no constructor of a part of a run
PARTS = [o for o in OPTIONS if o.split("/")[0] not in OTHERS]
HYDRAS = [o.rsplit("/", 1) for o in OPTIONS if o.startswith("hydra/")]


@pytest.mark.parametrize("option", PARTS)
def test_every_option_composes_and_constructs(option: str) -> None:
    group, name = option.split("/", 1)
    if name == "skactiveml":
        pytest.importorskip("skactiveml")
    (job,) = plan([f"{group}={name}", *GIVEN.get(option, [])])
    assert instantiate(job.config[group]) is not None
    assert len(run_id(job.science)) == 12


@pytest.mark.parametrize(("group", "name"), HYDRAS)
def test_every_launcher_and_sweeper_composes_whether_installed_or_not(
    group: str, name: str
) -> None:
    hydra = plan([f"{group}={name}"]).hydra
    node = OmegaConf.to_container(hydra[group.split("/")[1]])
    file = OmegaConf.load(config_dir() / group / f"{name}.yaml")
    assert node == OmegaConf.to_container(file)


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.startswith("experiment/")])
def test_every_experiment_is_sweeps_over_seeds_whose_claims_select_methods_of_its_runs_or_a_part(
    option: str,
) -> None:
    if "\n# Part of " in (config_dir() / f"{option}.yaml").read_text():
        others = (config_dir() / "experiment").rglob("*.yaml")
        assert [path for path in others if f"- /{option}\n" in path.read_text()]
        return
    line = [f"experiment={option.split('/', 1)[1]}", "seed=0"]
    spec = spec_of(options_of_experiment(line, None))
    jobs = {}
    for planned in plans(line, None).values():
        assert str(planned.hydra.mode).endswith("MULTIRUN")
        assert "seed" in planned.hydra.sweeper.params
        jobs |= {run_id(job.science): job for job in planned}
        first = planned[0].choices  # how answers err is said, not left
        swept = {*planned.hydra.sweeper.params, *map(key_of, planned.overrides)}
        assert {"noise", "annotators"} & swept or first["noise"] != "clean"
    rows = []
    for name, job in jobs.items() if spec.claimed else ():
        settings = identified(job.science)
        parts = [group for group in GROUPS_OF_RESULTS if group in settings]
        names = {group: option_of(group, settings[group], [config_dir()]) for group in parts}
        rows.append({"id": name} | group_columns(names, settings))
    runs = pd.DataFrame(rows, columns=None if rows else ["id"]).set_index("id")
    methods = sorted(set(keys(Method, runs, in_method(spec.method)).values())) if rows else []
    for claim in spec.claimed:
        assert only("ours", claim.ours, methods)
        assert all(
            keys_of_selection("baselines", selection, methods) for selection in claim.baselines
        )


@pytest.mark.parametrize("option", [o for o in OPTIONS if not o.startswith("experiment/")])
def test_every_option_says_what_it_is(option: str) -> None:
    group, name = option.split("/", 1)
    assert len(one_line(group, name, FOLDERS)) > 10, f"{option} has no comment and no docstring"


def test_wrappers_compose_with_any_strategy_from_the_command_line() -> None:
    (job,) = plan(
        ["strategy=subsample", "strategy@strategy.inner=pcb", "strategy@strategy.inner.inner=badge"]
    )
    inner = job.config.strategy.inner.inner
    assert inner["_target_"].endswith("Badge") or inner["_target_"].endswith("BADGE")


def test_a_sweep_is_every_combination_once_and_equals_what_hydra_composes() -> None:
    from hydra import compose

    options = ["strategy=random,subsample", "noise=symmetric,pair_flip", "learner.l2=2"]
    values = ["seed=0,1", "noise.rate=0.1,0.3", "strategy@init=margin,pcb"]
    jobs = plan([*options, *values])
    names = [run_id(job.science) for job in jobs]
    assert len(set(names)) == 32
    with composing():
        for job, name in list(zip(jobs, names, strict=True))[::7]:
            config = compose("config", list(job.overrides))
            assert run_id(run_spec(resolved(config).__getitem__)) == name
            assert run_id(run_spec(resolved(job.config).__getitem__)) == name


def test_a_swept_value_may_refer_to_another_key_and_a_missing_one_is_said() -> None:
    jobs = plan(["noise=symmetric", "noise.rate=0.1,0.3", "learner.l2=${noise.rate}"])
    assert [job.science["learner"]["l2"] for job in jobs] == [0.1, 0.3]
    unnamed = plan(["dataset=features", "seed=0,1"])[1]
    with pytest.raises(ValueError, match=r"dataset.name has no value; give dataset.name=\.\.\."):
        run_id(unnamed.science)
    with pytest.raises(ValueError, match="noise=clean has no rte"):
        plan(["noise.rte=0.1,0.3"])


def test_a_glob_is_every_option_that_fits() -> None:
    jobs = plan(["strategy=glob(bal*)"])
    assert [job.choices["strategy"] for job in jobs] == ["bald", "bald_dropout"]


def test_where_and_how_a_run_is_made_is_not_part_of_its_name() -> None:
    one, other = plan([])[0], plan(["results=/elsewhere", "threads=2", "logger=none"])[0]
    assert run_id(one.science) == run_id(other.science)


def test_the_wheel_would_carry_configs_and_data() -> None:
    root = Path(__file__).parents[2]
    text = (root / "pyproject.toml").read_text()
    assert 'configs = "al_bench/configs"' in text
    shipped = {p.name for p in (root / "al_bench" / "data" / "datasets" / "files").iterdir()}
    assert {"openclipart.npz", "vader.npz", "wordnet_nouns25.npz", "fashion_mnist.npz"} <= shipped
