"""Proxy selection: the rows of a finished run, on which another learner is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.core.loop import Parts, active_learning
from al_bench.core.metrics import evaluate
from al_bench.data.protocol import Counts
from al_bench.learners.linear import LinearHead
from al_bench.runs.proxy_selection import ProxySelection
from al_bench.strategies.random import Random
from al_bench.strategies.uncertainty import Margin
from al_bench.supervision.human import HumanLabels
from al_bench.supervision.pseudo import ConfidentSplit
from tests.pools import small_problem

PROTOCOL = Counts(start=10, budget=10, rounds=4, feedback="within_batch")
PROXY = LinearHead(l2=1.0, balance="none", tolerance=1e-5, iterations=10)
OTHER = LinearHead(l2=100.0, balance="weights", tolerance=1e-5, iterations=10)
SPLIT = ConfidentSplit(rho=0.5, weight="none", product=True, floor=1e-4)  # reads the model


def parts(learner: Any = OTHER, rule: Any = SPLIT) -> Parts:
    return Parts(Random(), Margin(), rule, learner, PROTOCOL, evaluate)


def queried(rule: Any = SPLIT) -> list[Any]:
    return list(active_learning(parts(PROXY, rule), small_problem(), 3))


def selected(every: int | None, learner: Any = OTHER, rule: Any = SPLIT, done: int = 0) -> Any:
    selection = ProxySelection(PROXY, None, every)
    return list(selection.rounds(queried(), parts(learner, rule), small_problem(), 3, done))


def numbers(rounds: list[Any]) -> list[Any]:
    return [
        (r.round, r.queried, r.answers, r.oracle_calls, r.metrics, r.recall, r.cost) for r in rounds
    ]


def test_a_proxy_selection_by_the_learner_itself_is_the_run_of_that_learner() -> None:
    assert numbers(selected(1, PROXY)) == numbers(queried())


def test_a_point_is_the_same_whichever_others_are_measured() -> None:
    every, some, last = (selected(n) for n in (1, 2, None))
    assert [len(r.queried) for r in some] == [0, 20, 20, 10]
    assert [len(r.queried) for r in last] == [0, 50]
    assert [r.round for r in some] == [0, 1, 2, 3]
    assert [r.metrics["nll"] for r in some] == [every[n].metrics["nll"] for n in (0, 2, 4, 5)]
    assert last[-1].metrics["nll"] == every[-1].metrics["nll"]
    assert last[-1].metrics["nll"] != queried()[-1].metrics["nll"]
    assert sum(r.oracle_calls for r in last) == sum(r.oracle_calls for r in queried())


def test_a_proxy_selection_goes_on_from_any_point() -> None:
    whole = numbers(selected(2))
    for done in range(4):
        assert numbers(selected(2, done=done)) == whole[done:]


def test_the_training_rule_may_be_another_than_that_of_the_proxy() -> None:
    (_, plain), (_, split) = selected(None, rule=HumanLabels()), selected(None)
    assert plain.queried == split.queried
    assert plain.metrics["nll"] != split.metrics["nll"]
    assert plain.metrics["balanced_accuracy"] > 0.75  # four classes, a fifth of the answers wrong


def test_a_point_says_the_datas_own_ids_of_all_its_rows() -> None:
    known, selection = (
        replace(small_problem(), ids=np.arange(1000, 1120)),
        ProxySelection(PROXY, None, 2),
    )
    for point in selection.rounds(queried(), parts(), known, 3):
        assert point.ids == [1000 + row for row in point.queried]


def test_a_log_of_other_answers_is_refused() -> None:
    log = queried()
    log[1].answers[0] = (log[1].answers[0] + 1) % 4
    selection = ProxySelection(PROXY, None, None)
    with pytest.raises(ValueError, match="round 1 of the proxy run has other answers"):
        list(selection.rounds(log, parts(), small_problem(), 3))


def test_no_point_between_the_first_and_the_last_needs_every_to_be_null() -> None:
    with pytest.raises(ValueError, match=r"proxy_selection.every is 0; wanted null or at least 1"):
        ProxySelection(PROXY, None, 0)


TINY = [
    "dataset=synthetic",
    "dataset.n_train=300",
    "dataset.n_test=200",
    "protocol.start=10",
    "protocol.budget=10",
    "protocol.rounds=2",
    "logger=none",
]


def test_a_proxy_selection_makes_the_run_of_its_proxy_notes_it_and_is_skipped_when_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    by_proxy = ["learner=mlp", "learner.training.steps=5", "proxy_selection=linear"]
    assert main(["run", "-m", *TINY, *by_proxy, "strategy=random,margin"]) == 0
    about = [json.loads(p.read_text()) for p in Path("results/runs").glob("*/manifest.json")]
    selections = [a for a in about if "selected_by" in a]
    assert len(about) == 4
    assert {a["selected_by"] for a in selections} == {a["id"] for a in about} - {
        a["id"] for a in selections
    }
    chosen = {(a["choices"]["learner"], a["choices"]["proxy_selection"]) for a in selections}
    assert chosen == {("mlp", "linear")}
    assert main(["run", *TINY, "strategy=margin"]) == 0  # the proxy run is a run like others
    assert main(["run", *TINY, *by_proxy, "strategy=margin"]) == 0
    assert capsys.readouterr().out.count("done before") == 2
    assert main(["report", *TINY, *by_proxy, "strategy=random,margin"]) == 0
    assert "2 of 2 runs" in capsys.readouterr().out
