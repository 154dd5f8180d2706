"""What the README promises of Python: problems, loops, runs, sweeps, results and plots."""

from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.linear_model import Perceptron
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier

import al_bench
from al_bench.crowd import InTurn, Majority
from al_bench.data import Alike, Symmetric
from al_bench.runs.store import RunFolder
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
    results = Path(__file__).parents[2] / "results"
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
    assert [four_decimals(r.metrics["accuracy"]) for r in rounds] == frame["accuracy"].tolist()


def four_decimals(value: float) -> float:
    return float(f"{value:.4f}")


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


AGAIN = ["protocol.inner.per_class=10", "protocol.inner.rounds=2", "protocol.inner.fraction=null"]


@pytest.fixture(scope="module")
def asked(problem: al_bench.Problem) -> al_bench.Problem:
    """The same rows, about which three people can be asked who err in turn."""
    rows = np.arange(150)
    table = np.column_stack([(problem.truth + (rows % 3 == who)) % 3 for who in range(3)])
    return al_bench.Problem.from_arrays(
        problem.pool.features,
        None,
        problem.truth,
        problem.test.features,
        problem.test_truth,
        answers=table,
        prices=[1, 2, 3],
    )


def test_several_annotators_are_asked_in_turn_unless_said_otherwise(
    asked: al_bench.Problem, tmp_path: Path
) -> None:
    options = {"strategy": "ask_again", "protocol": "answers", "overrides": AGAIN}
    rounds = list(al_bench.active_learning(asked, **options))
    bought = [who for round in rounds for who in round.annotators]
    assert len(bought) == 30
    assert set(bought) == {0, 1, 2}
    assert sum(round.cost for round in rounds) == sum(who + 1 for who in bought)
    said = {"label_model": "majority", "annotator_selection": InTurn()}
    same = list(al_bench.active_learning(asked, **options, **said))
    assert [r.annotators for r in same] == [r.annotators for r in rounds]
    frame = al_bench.run(asked, results=tmp_path, **options, **said)
    assert frame["accuracy"].tolist() == [four_decimals(r.metrics["accuracy"]) for r in rounds]
    assert frame["cost"].iloc[-1] == sum(round.cost for round in rounds)


def test_label_models_and_annotator_selections_are_compared_in_the_order_of_every_table(
    asked: al_bench.Problem, tmp_path: Path
) -> None:
    found = {
        turned: al_bench.sweep(
            asked,
            label_model=["majority", "glad"][::turned],
            annotator_selection=[None, "at_random"][::turned],
            seed=[0, 1][::turned],
            results=tmp_path,
            overrides=SHORT,
        )
        for turned in (1, -1)
    }
    frame = found[1]
    assert frame["id"].nunique() == 8
    assert set(frame["label_model"]) == {"majority", "glad"}
    assert set(frame["annotator_selection"]) == {"none", "at_random"}
    assert frame.equals(found[-1])
    assert frame["seed"].tolist() == sorted(frame["seed"], key=frame["seed"].tolist().index)


def test_annotators_are_made_by_name_or_object_and_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path))
    five = Alike(5, Symmetric(rate=0.2))
    one, other = (
        al_bench.make_problem("synthetic", annotators=some, seed=3, overrides=TINY)
        for some in ("alike", five)
    )
    assert one.digest == other.digest
    assert one.facts["annotators"] == [f"person {number}" for number in range(1, 6)]
    frame, same = (
        al_bench.run(
            dataset="synthetic",
            annotators=some,
            label_model=Majority(),
            results=tmp_path,
            overrides=[*TINY, *SHORT],
        )
        for some in ("alike", five)
    )
    assert set(frame["annotators"]) == {"alike"}
    assert set(frame["id"]) == set(same["id"])


def test_the_rows_of_a_proxy_are_learned_from_with_the_label_models_consensus(
    asked: al_bench.Problem, tmp_path: Path
) -> None:
    options = {"results": tmp_path, "overrides": AGAIN, "strategy": "ask_again"}
    options |= {
        "protocol": "answers",
        "label_model": "majority",
        "annotator_selection": "at_random",
    }
    itself = al_bench.run(asked, **options)
    selected = al_bench.run(asked, **options, proxy_selection="linear")
    compared = ["n_labels", "cost", "accuracy", "nll"]  # the proxy is the learner itself
    assert selected[compared].iloc[-1].tolist() == itself[compared].iloc[-1].tolist()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"annotators": "alike"}, "annotators is chosen beside a problem, which has its own"),
        ({"overrides": ["annotators=alike"]}, "annotators is chosen beside a problem"),
        ({"noise": "symmetric"}, "noise is chosen beside a problem, which has its own"),
        ({"label_model": "majority"}, "label_model is for several annotators, and there is one"),
    ],
)
def test_what_a_given_problem_has_or_cannot_use_is_not_chosen_beside_it(
    choice: dict[str, Any], message: str, problem: al_bench.Problem, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        al_bench.run(problem, results=tmp_path, **choice)


class Once:
    """An outsider's protocol that knows of no second question."""

    feedback = "after_batch"

    def sizes(self, n: int, k: int) -> list[int]:
        return [n // 2]


def test_what_a_protocol_of_ones_own_lacks_is_said(problem: al_bench.Problem) -> None:
    with pytest.raises(
        ValueError, match="the protocol Once has no allow_relabel and no annotation_cost; wanted"
    ):
        next(al_bench.active_learning(problem, protocol=Once()))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"strategy": "no_such_rule"}, "no_such_rule"),
        ({"strategy": "margin,badge"}, "strategy=margin,badge .*stand for 2 runs; wanted one"),
        ({"strategy": ["margin"]}, r"strategy is \['margin'\]; wanted the name of an option"),
        ({"strategy": Margin}, "strategy is <class .*Margin'>; wanted the name of an option, or"),
        ({"strategy": None}, "strategy is None; wanted the name of an option"),
        ({"stratgy": Margin()}, "there is no group 'stratgy'; there are dataset, "),
        ({"seed": "0"}, "seed is '0'; wanted a whole number"),
        ({"overrides": "protocol.budget=10"}, "overrides is 'protocol.*; wanted a list"),
        ({"learner": Perceptron()}, "got Perceptron, which has no predict_proba"),
    ],
)
def test_a_choice_that_is_none_is_said_in_one_sentence(
    choice: dict[str, Any], message: str, problem: al_bench.Problem, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match=message) as said:
        al_bench.run(problem, results=tmp_path, **choice)
    assert not isinstance(said.value, TypeError)


def test_numbers_of_numpy_tuples_and_classifiers_of_sklearn_are_taken(
    problem: al_bench.Problem, tmp_path: Path
) -> None:
    frame = al_bench.sweep(
        problem,
        strategy=("random", "margin"),
        learner=GaussianNB(var_smoothing=1e-6),
        seed=np.arange(2),
        results=tmp_path,
        overrides=SHORT,
    )
    assert frame["id"].nunique() == 4
    assert set(frame["learner"]) == {"sklearn"}
    assert '"var_smoothing":1e-06' in frame["learner_config"].iloc[0].replace("1e-6", "1e-06")
    one = al_bench.run(problem, learner=MLPClassifier((5,), max_iter=5), seed=np.int64(0),
                       results=tmp_path, overrides=SHORT)  # fmt: skip
    assert one["accuracy"].between(0, 1).all()


def test_a_run_that_another_process_is_making_is_waited_for(
    problem: al_bench.Problem, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"strategy": "random", "results": tmp_path, "overrides": SHORT}
    whole = al_bench.run(problem, **options)
    held = Event()

    def hold() -> None:
        with RunFolder(tmp_path / "runs" / whole["id"].iloc[0]).held():
            held.set()
            while "waiting" not in caplog.text:
                sleep(0.05)

    Thread(target=hold, daemon=True).start()
    held.wait()
    again = al_bench.sweep(problem, **options, seed=0)
    assert again["accuracy"].tolist() == whole["accuracy"].tolist()
    assert f"run {whole['id'].iloc[0]} is being written by process " in caplog.text
