"""REFINE and BoSS choose what their slow, plain versions choose, and do what they promise."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from al_bench.core.state import Ints, State
from al_bench.strategies import BoSS, ClassBalancedByTruth, Margin, Random, Refine
from al_bench.strategies.wrappers import show_only
from tests.conftest import make_state
from tests.pools import budgets, configured, generator, tied_state
from tests.reference import ensembles

RULES = {"random": Random(), "margin": Margin()}


def plainly(rule: Any, state: State) -> Callable[..., Any]:
    return lambda rows, budget, rng: rule.select(show_only(state, np.array(rows)), budget, rng)


@pytest.mark.parametrize("seed", range(12))
def test_refine_chooses_what_its_plain_version_chooses(seed: int) -> None:
    state, _ = tied_state(seed)
    how = {"depth": seed % 4, "batches": (1, 6)[seed % 2], "part": (0.3, 1.0)[seed % 2]}
    how |= {"first": (5, 40)[seed % 2], "most": (8, 1000)[seed // 2 % 2]}
    for budget in budgets(state):
        expected = ensembles.refine(
            *([plainly(rule, state) for rule in RULES.values()], plainly(Margin(), state)),
            *(*how.values(), state.unlabelled, budget, generator(seed)),
        )
        rule = Refine(RULES, Margin(), **how)
        assert rule.select(state, budget, generator(seed)).tolist() == expected


@pytest.mark.parametrize("seed", range(6))
def test_boss_chooses_what_plain_fits_choose(seed: int) -> None:
    state, truth = make_state(n=80, d=5, k=4, labelled=(1, 12)[seed % 2], seed=seed)
    rules = {"random": Random(), "truth": ClassBalancedByTruth()}
    told = [plainly(rule, state) for rule in BoSS(rules).given(truth).rules.values()]
    said = state.probs.argmax(axis=1)
    for budget in (3, 9, len(state.unlabelled)):
        expected = ensembles.boss(
            *(told, 6, 30, 60, state.rows.features, said, state.labels, truth, budget),
            generator(seed),
        )
        rule = BoSS(rules, batches=6, first=30, scored=60).given(truth)
        assert rule.select(state, budget, generator(seed)).tolist() == expected


class Spy(Random):
    """Random sampling that keeps what it saw and what it said."""

    def __init__(self) -> None:
        self.seen: list[Ints] = []
        self.said: list[Ints] = []

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        self.seen.append(state.unlabelled)
        self.said.append(super().select(state, budget, rng))
        return self.said[-1]


def test_refine_filters_in_passes_and_its_chooser_sees_what_the_last_one_left() -> None:
    state, _ = make_state(n=600, labelled=20)
    rule, chooser = Spy(), Spy()
    Refine({"spy": rule}, chooser, depth=2, batches=6, first=100).select(state, 10, generator())
    first, second = (np.unique(np.concatenate(rule.said[at : at + 6])) for at in (0, 6))
    assert [len(rows) for rows in rule.seen[:6]] == [100] * 6
    assert [len(rows) for rows in rule.seen[6:]] == [int(0.4 * len(first))] * 6
    assert np.isin(np.concatenate(rule.seen[6:]), first).all()
    assert chooser.seen[0].tolist() == second.tolist()


def test_boss_takes_the_batch_that_teaches_over_those_that_do_not() -> None:
    """Of one class the model knows nothing; one rule names its rows, the others rows it knows."""
    state, truth = make_state(n=400, k=4, labelled=60)
    known = state.labelled[truth[state.labelled] != 0]
    state = State.start(state.rows).tell(known, truth[known])

    class Of(Random):
        def __init__(self, c: int) -> None:
            self.c = c

        def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
            own = truth[state.unlabelled] == self.c
            return super().select(show_only(state, state.unlabelled[own]), budget, rng)

    rules = {str(c): Of(c) for c in range(4)}
    for seed in range(4):
        rule = BoSS(rules, batches=8).given(truth)
        assert set(truth[rule.select(state, 5, generator(seed))]) == {0}


def test_boss_does_not_count_rows_it_would_memorise() -> None:
    """Rows of strange features teach nothing about others, however wrong the model is on them."""
    state, truth = make_state(n=300, k=4, labelled=40)
    strange = state.unlabelled[::10]
    state.rows.features[strange] = 50 * generator().standard_normal((len(strange), 8))
    told = (truth + 1) % 4
    told = np.where(np.isin(np.arange(300), strange), told, truth)

    class Strange(Random):
        def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
            own = state.unlabelled[np.isin(state.unlabelled, strange)]
            return super().select(show_only(state, own), budget, rng)

    rules = {"strange": Strange(), "random": Random()}
    chosen = BoSS(rules, batches=20).given(told).select(state, 6, generator())
    assert not np.isin(chosen, strange).all()


def test_boss_needs_the_truth_and_passes_it_on() -> None:
    state, truth = make_state()
    rule = configured("boss")
    with pytest.raises(ValueError, match="BoSS was not given the truth"):
        rule.select(state, 2, generator())
    assert rule.reads_truth
    assert rule.given(truth).rules["truth_balanced"].truth is not None
    assert rule.truth is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (partial(Refine, {}), "rules={}; wanted one at least"),
        (partial(Refine, RULES, depth=-1), "depth=-1"),
        (partial(Refine, RULES, batches=0), "batches=0"),
        (partial(Refine, RULES, part=0.0), "part=0.0"),
        (partial(BoSS, {}), "rules={}; wanted one at least"),
        (partial(BoSS, RULES, scored=0), "scored=0"),
        (partial(BoSS, RULES, l2=0.0), "l2=0.0"),
    ],
)
def test_an_impossible_ensemble_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
