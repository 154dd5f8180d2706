"""Strategies that ask again: how often, about which rows, and what is left for new ones."""

import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from al_bench.core.loop import query
from al_bench.core.oracle import Oracle
from al_bench.core.state import Ints, State
from al_bench.strategies.asking import (
    ActiveLab,
    AskAgain,
    ReLabel,
    Repeated,
    answers_by_row,
    chance_of_change,
    in_turns,
)
from al_bench.strategies.common.ranking import unanswered
from al_bench.strategies.galaxy import Galaxy
from al_bench.strategies.random import Random
from al_bench.strategies.uncertainty import Confidence, Entropy, Margin
from al_bench.testing.situations import Situation, make_asked
from tests.conftest import make_state
from tests.reference import asking as slow


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng([11, seed])


def queried(
    rule: Any, asked: Situation, budget: int, feedback: str = "within_batch"
) -> tuple[Ints, int]:
    oracle = Oracle(asked.table, asked.state.annotator_pool)
    told, calls = query(rule, asked.state, budget, oracle, feedback, 0, 2)
    return told.rows, calls


def again(state: State, rows: Ints) -> Ints:
    return rows[state.labels[rows] >= 0]


def test_a_row_comes_again_once_all_others_had_their_turn() -> None:
    left = np.array([2, 1, 0, 4])
    assert in_turns(np.array([3, 0, 1]), left, 6).tolist() == [3, 0, 1, 3, 0, 3]
    assert in_turns(np.array([3, 0, 1]), left, 2).tolist() == [3, 0]
    assert in_turns(np.array([3, 0, 1]), left, 99).tolist() == [3, 0, 1, 3, 0, 3, 3]
    rng = generator()
    for budget in range(30):
        left = rng.integers(1, 5, size=9)
        rows = rng.permutation(9)[:5]
        assert in_turns(rows, left, budget).tolist() == slow.in_turns(rows.tolist(), left, budget)


# --- Always so many answers -----------------------------------------------------------------------


def test_repeated_asks_about_each_row_of_the_inner_strategy_so_often() -> None:
    asked = make_asked("people")
    rows, _ = queried(Repeated(Margin(), 3), asked, 11)
    inner = Margin().select(asked.state, 4, generator()).tolist()
    assert Counter(rows.tolist()) == dict(zip(inner, [3, 3, 3, 2], strict=True))


def test_repeated_asks_about_more_rows_where_few_people_are_there() -> None:
    asked = make_asked("people", here=0.4)
    rows, _ = queried(Repeated(Random(), 3), asked, 30)
    times, left = Counter(rows.tolist()), asked.state.remaining
    assert len(rows) == 30
    short = [row for row, count in times.items() if count < min(3, left[row])]
    assert len(short) <= 1
    assert len(times) > 10


def test_repeated_turns_to_the_rows_of_fewest_answers_when_there_is_no_new_one() -> None:
    asked = make_asked("people", n=24, labelled=24, most=2)
    assert not len(asked.state.unlabelled)
    rows, _ = queried(Repeated(Margin(), 3), asked, 12)
    had = np.bincount(asked.state.answers.rows, minlength=24)
    assert len(rows) == 12
    assert set(had[rows]) == {1}


@pytest.mark.parametrize("times", [1, 3])
def test_without_asking_again_repeated_is_the_inner_strategy(times: int) -> None:
    state = make_asked("once", allow_relabel=False).state
    ours = Repeated(Random(), times).select(state, 9, generator())
    assert np.array_equal(ours, Random().select(state, 9, generator()))


# --- A fraction for labelled rows -----------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("by", ["disagreement", "doubt", "change", "random"])
def test_a_fraction_of_the_batch_goes_to_labelled_rows(fraction: float, by: str) -> None:
    asked = make_asked("people")
    rows, _ = queried(AskAgain(Margin(), fraction, by), asked, 10)
    assert len(again(asked.state, rows)) == 10 * fraction
    new = Margin().select(asked.state, 10 - round(10 * fraction), generator())
    assert set(rows[asked.state.labels[rows] < 0]) == set(new)


def test_labelled_rows_come_by_disagreement_or_by_doubt() -> None:
    state = make_asked("people", labelled=30).state
    made, labelled = state.consensus, state.labelled
    assert made is not None
    some = labelled[state.remaining[labelled] > 0]
    surprise = {row: 1 - state.probs[row, state.labels[row]] for row in some}
    doubt = {row: 1 - max(made.probs[list(made.rows).index(row)]) for row in some}
    for by, worth in (("disagreement", surprise), ("doubt", doubt)):
        rows = AskAgain(Random(), 1.0, by).select(state, 6, generator())
        assert len(set(rows)) == 6
        best = sorted(worth.values(), reverse=True)[:6]
        assert_allclose([worth[row] for row in rows], best)
    without = replace(state, consensus=None)
    for by in ("doubt", "change"):
        rows = AskAgain(Random(), 1.0, by).select(without, 6, generator())
        assert_allclose([surprise[row] for row in rows], sorted(surprise.values())[::-1][:6])


@pytest.mark.parametrize("accuracy", [0.2, 0.34, 0.5, 0.9, 0.999])
def test_the_chance_of_change_is_bayes_rule_answer_by_answer(accuracy: float) -> None:
    probs = np.concatenate([generator().dirichlet([0.5] * 3, 40), [[0.5, 0.5, 0.0], [1, 0, 0]]])
    found = chance_of_change(probs, accuracy)
    wanted = [slow.chance_of_change(row.tolist(), accuracy) for row in probs]
    assert_allclose(found, wanted if accuracy > 1 / 3 else 0)
    assert found[-1] == 0


def test_before_any_label_the_batch_is_the_inner_strategys() -> None:
    state = make_asked("nothing", labelled=0).state
    ours = AskAgain(Random(), 0.5, "doubt").select(state, 9, generator())
    assert np.array_equal(ours, Random().select(state, 9, generator()))


def test_where_one_kind_of_rows_runs_out_the_other_takes_the_rest() -> None:
    few = make_asked("few labelled", labelled=1, most=1)
    rows, _ = queried(AskAgain(Margin(), 0.9, "doubt"), few, 40)
    assert len(again(few.state, rows)) == 4  # all whom nobody asked so far
    assert len(set(rows[few.state.labels[rows] < 0])) == 36
    full = make_asked("few new", n=30, labelled=26, most=1)
    rows, _ = queried(AskAgain(Margin(), 0.1, "doubt"), full, 40)
    assert set(full.state.unlabelled) <= set(rows)
    assert len(again(full.state, rows)) == 36


def test_the_inner_strategy_may_ask_as_it_goes_and_never_asks_again_itself() -> None:
    asked = make_asked("people")
    rows, calls = queried(AskAgain(Galaxy(1), 0.5, "random"), asked, 8)
    assert len(rows) == 8
    assert calls == 5  # four of GALAXY and the labelled rows at once
    assert len(again(asked.state, rows)) == 4
    nested = AskAgain(Repeated(Margin(), 3), 0.5, "random")
    rows, _ = queried(nested, asked, 8)
    assert len(again(asked.state, rows)) == 4
    assert len(set(rows)) == 8


def test_an_inner_strategy_sees_the_same_predictions() -> None:
    state = make_asked("people").state
    probs = state.probs
    assert state.without_relabeling().probs is probs
    assert state.without_relabeling().queryable.tolist() == state.unlabelled.tolist()


# --- New and labelled rows on one scale -----------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_relabel_ranks_by_both_entropies(alpha: float) -> None:
    state = make_asked("people", labelled=30).state
    made = state.consensus
    assert made is not None
    known = dict(zip(made.rows.tolist(), made.probs.tolist(), strict=True))
    score = {
        row: slow.relabel(state.probs.tolist(), known, row, alpha)
        for row in state.queryable.tolist()
    }
    rows = ReLabel(alpha).select(state, 15, generator())
    assert len(set(rows)) == 15
    best = sorted(score.values(), reverse=True)[:15]
    assert_allclose([score[row] for row in rows], best, rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_without_asking_again_relabel_is_entropy_sampling(alpha: float) -> None:
    for state in (make_asked("once", allow_relabel=False).state, make_state(n=60)[0]):
        ours = ReLabel(alpha).select(state, 12, generator())
        assert ours.tolist() == Entropy().select(state, 12, generator()).tolist()


def test_activelab_ranks_by_cleanlabs_scores() -> None:
    multiannotator = pytest.importorskip("cleanlab.multiannotator")
    state = make_asked("people", labelled=30).state
    few = ActiveLab(1000, 1.0)  # more folds than labels: it reads the task model
    labelled, free = state.labelled, state.unlabelled
    probs = state.probs.astype(float)
    theirs = multiannotator.get_active_learning_scores(
        answers_by_row(state), probs[labelled], probs[free]
    )
    score = dict(zip(np.append(labelled, free), np.concatenate(theirs), strict=True))
    rows = few.select(state, 20, generator())
    open_scores = sorted(score[row] for row in state.queryable)
    assert_allclose([score[row] for row in rows], open_scores[:20])
    assert 0 < len(again(state, rows)) < 20


def test_before_labels_activelab_asks_where_the_prior_is_least_sure() -> None:
    pytest.importorskip("cleanlab")
    state = make_asked("nothing", labelled=0).state
    ours = ActiveLab(4, 1.0).select(state, 9, generator())
    assert ours.tolist() == Confidence().select(state, 9, generator()).tolist()


def test_activelab_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.multiannotator", None)
    with pytest.raises(ImportError, match="strategy=activelab needs cleanlab: pip install"):
        ActiveLab(4, 1.0).select(make_state()[0], 5, generator())


def test_all_rows_of_an_asking_inner_strategy_are_repeated_unheard() -> None:
    asked = make_asked("people")
    rows, calls = queried(Repeated(Galaxy(1), 2), asked, 8)
    assert calls == 1
    once_each = unanswered(Galaxy(1), asked.state.without_relabeling(), 4, np.random.default_rng(0))
    assert len(set(rows)) == len(once_each) == 4
