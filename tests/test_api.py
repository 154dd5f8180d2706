"""What the README promises of Python: problems, loops, runs, sweeps, results and plots."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

import al_bench
from al_bench.strategies import Margin

mpl.use("agg")
SHORT = ["protocol.start=10", "protocol.budget=10", "protocol.rounds=2"]
TINY = ["dataset.n_train=200", "dataset.n_test=100", "dataset.n_classes=3"]


class Backwards:
    """The last rows first."""

    def select(self, state, budget, rng):  # as an outsider would write it
        return state.unlabelled[::-1][:budget]


@pytest.fixture(scope="module")
def problem() -> al_bench.Problem:
    rng = np.random.default_rng(1)
    centres = 2 * rng.normal(size=(3, 5))
    labels, test_labels = rng.integers(0, 3, 150), np.arange(60) % 3
    features = centres[labels] + rng.normal(size=(150, 5))
    test = centres[test_labels] + rng.normal(size=(60, 5))
    return al_bench.Problem.from_arrays(features, None, labels, test, test_labels)


def test_a_comparison_on_arrays_takes_a_few_lines(
    problem: al_bench.Problem, tmp_path: Path
) -> None:
    frame = al_bench.sweep(
        problem,
        strategy=["random", "margin", Backwards()],
        seed=[0, 1],
        results=tmp_path,
        overrides=SHORT,
    )
    assert frame["id"].nunique() == 6
    assert set(frame["strategy"]) == {"random", "margin", "backwards"}
    assert frame["digest"].nunique() == 1
    found = al_bench.savings(frame, ours={"strategy": "margin"}, baselines=[{"strategy": "random"}])
    assert len(found) == 1
    axes = al_bench.plot_learning_curves(frame)
    assert axes.lines
    again = al_bench.load_results(tmp_path / "runs")
    assert sorted(again["id"].unique()) == sorted(frame["id"].unique())


def test_results_are_loaded_by_the_name_of_a_report() -> None:
    results = Path(__file__).parents[1] / "results"
    named = al_bench.load_results("finetuned_text", results=results)
    assert named.equals(al_bench.load_results(results / "finetuned_text.parquet"))
    with pytest.raises(
        FileNotFoundError, match=r"no results at .*; wanted a parquet file, a folder"
    ):
        al_bench.load_results("no_such_report", results=results)


def test_an_option_and_the_object_it_stands_for_are_one_run(
    problem: al_bench.Problem, tmp_path: Path
) -> None:
    one = al_bench.run(problem, strategy="margin", results=tmp_path, overrides=SHORT)
    other = al_bench.run(problem, strategy=Margin(), results=tmp_path, overrides=SHORT)
    assert set(one["id"]) == set(other["id"])


def test_the_loop_in_memory_is_the_run_on_disk(problem: al_bench.Problem, tmp_path: Path) -> None:
    rounds = list(al_bench.active_learning(problem, strategy="margin", overrides=SHORT))
    frame = al_bench.run(problem, strategy="margin", results=tmp_path, overrides=SHORT)
    assert [len(r.queried) for r in rounds] == [0, 10, 10, 10]
    assert [r.metrics["accuracy"] for r in rounds] == frame["accuracy"].tolist()


def test_other_arrays_under_the_same_name_are_another_run(
    problem: al_bench.Problem, tmp_path: Path
) -> None:
    pool = problem.pool
    moved = al_bench.Problem.from_arrays(
        pool.features + 1, None, problem.truth, problem.test.features + 1, problem.test_truth
    )
    ids = {
        al_bench.run(some, strategy="random", results=tmp_path, overrides=SHORT)["id"].iloc[0]
        for some in (problem, moved)
    }
    assert len(ids) == 2


def test_a_problem_is_made_by_option_names_and_the_same_seed_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path))
    one, other = (
        al_bench.make_problem("synthetic", noise="symmetric", seed=3, overrides=TINY)
        for _ in range(2)
    )
    assert one.digest == other.digest
    assert 0.1 < one.facts["noise_rate"] < 0.35


def test_a_misspelt_option_is_said(problem: al_bench.Problem, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no_such_rule"):
        al_bench.run(problem, strategy="no_such_rule", results=tmp_path)
