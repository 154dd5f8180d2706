"""Wrappers show the strategy inside them the rows they promise, and only those."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from al_bench.core.arrays import margin, unit
from al_bench.core.state import Ints, State
from al_bench.strategies import wrappers as anchors
from al_bench.strategies.balanced import MostLikelyPositive
from al_bench.strategies.direct import Direct
from al_bench.strategies.galaxy import Galaxy
from al_bench.strategies.random import Random
from al_bench.strategies.uncertainty import Margin
from al_bench.strategies.wrappers import (
    SEALS,
    AnchorAL,
    ClassBalanced,
    Prefilter,
    SelectiveQuerying,
    Subsample,
    mean_similarity,
    spread_positions,
)
from tests.conftest import make_state
from tests.pools import budgets, configured, generator, golden_pool, random_state, run, tied_state
from tests.reference import anchors as plain_anchors
from tests.reference import ranking, serving, wrappers

SEEDS = range(12)
FLOOR = 1e-4

# --- What the strategy inside sees ----------------------------------------------------------------


class Spy:
    """Random sampling that remembers which rows it was shown, and asks of the generator."""

    seen: list[int]

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        self.seen = state.unlabelled.tolist()
        return Random().select(state, budget, rng)


def agrees(rule: Any, spy: Spy, state: State, budget: int, seed: int, shown: Any) -> None:
    """The inner rule saw these rows, and the whole chose what it chooses among them."""
    rng = generator(seed)
    expected = sorted(shown(rng))
    chosen = rule.select(state, budget, generator(seed)).tolist()
    assert spy.seen == expected
    assert chosen == ranking.at_random(expected, budget, rng)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [5, 20, 1000])
def test_subsample_shows_a_random_part(size: int, seed: int) -> None:
    state, spy = tied_state(seed)[0], Spy()
    for budget in budgets(state):
        agrees(
            *(Subsample(spy, size), spy, state, budget, seed),
            lambda rng, b=budget: wrappers.subsample(state.unlabelled.tolist(), size, b, rng),
        )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("of", ["model", "prior", "product"])
@pytest.mark.parametrize("size", [5, 20, 1000])
def test_class_balancing_shows_equally_many_rows_of_each_prediction(
    size: int, of: str, seed: int
) -> None:
    state, spy = tied_state(seed)[0], Spy()
    rows = state.unlabelled.tolist()
    believed = serving.beliefs(of, state.probs, state.rows.prior, rows, FLOOR)
    for budget in budgets(state):
        agrees(
            *(ClassBalanced(spy, size, of, FLOOR), spy, state, budget, seed),
            lambda rng, b=budget: wrappers.class_balanced(believed, rows, size, b, rng),
        )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [5, 20, 1000])
def test_prefilter_shows_what_its_scorer_names(size: int, seed: int) -> None:
    state, spy = tied_state(seed)[0], Spy()
    for scorer, plainly in (
        (Margin(), partial(ranking.select, lambda row: ranking.margin(state.probs[row]))),
        (Random(), ranking.at_random),
    ):
        for budget in budgets(state):
            agrees(
                *(Prefilter(spy, scorer, size), spy, state, budget, seed),
                lambda rng, b=budget, f=plainly: wrappers.prefilter(
                    f, state.unlabelled.tolist(), size, b, rng
                ),
            )


@pytest.mark.parametrize("seed", SEEDS)
def test_selective_querying_shows_the_rows_under_the_bars(seed: int) -> None:
    state, spy = tied_state(seed)[0], Spy()
    for budget in budgets(state):
        agrees(
            *(SelectiveQuerying(spy), spy, state, budget, seed),
            lambda rng, b=budget: wrappers.selective(
                state.rows.prior, state.labels, state.unlabelled.tolist(), b, rng
            ),
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_anchoral_and_seals_show_the_rows_that_plain_retrieval_finds(seed: int) -> None:
    k, labelled = 2 + seed % 3, (0, 1, 4, 12)[seed % 4]
    state, spy = random_state(50, k, labelled, seed)[0], Spy()
    known = (state.rows.features, state.labels, state.unlabelled.tolist())
    for budget in budgets(state):
        for size in (6, 25, 50):
            agrees(
                *(AnchorAL(spy, 100, 5, size), spy, state, budget, seed),
                lambda rng, b=budget, s=size: plain_anchors.anchoral(*known, 5, s, b, rng),
            )
        agrees(
            *(SEALS(spy, 5), spy, state, budget, seed),
            lambda rng, b=budget: plain_anchors.seals(*known, 5, b, rng),
        )


# --- Sub-pools ------------------------------------------------------------------------------------


@pytest.mark.parametrize("neighbours", [1, 7, 60])
def test_anchor_similarity_is_the_same_block_by_block(
    neighbours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(neighbours)
    pool, chosen = unit(rng.normal(size=(50, 3))), unit(rng.normal(size=(9, 3)))
    pool[[4, 20, 49]] = pool[11]  # equally near rows in several blocks
    whole = mean_similarity(pool, chosen, neighbours)
    for rows in (1, 8, 25):
        monkeypatch.setattr(anchors, "ROWS", rows)
        monkeypatch.setattr(anchors, "CELLS", 4 * rows)
        found = mean_similarity(pool, chosen, neighbours)
        np.testing.assert_allclose(found, whole, rtol=1e-6, atol=1e-7)  # means of float32 cosines
    retrieved = np.isfinite(whole)[[4, 11, 20, 49]]
    assert retrieved.all() or not retrieved.any()


def test_anchors_are_distinct_rows_spread_over_a_class():
    state, _ = make_state(n=400, k=3)
    assert len(np.unique(spread_positions(state.rows.features, 10, np.random.default_rng(0)))) == 10
    assert spread_positions(state.rows.features[:4], 10, np.random.default_rng(0)).tolist() == [
        0,
        1,
        2,
        3,
    ]
    assert len(spread_positions(np.ones((50, 3)), 10, np.random.default_rng(0))) >= 1


def test_wrappers_hide_rows_and_let_an_asking_strategy_ask():
    state, _, answers = golden_pool("separable", 0.0, 0)
    queried, oracle_calls = run(Subsample(Galaxy(1), 500), state, 30, answers)
    assert oracle_calls == 30
    twice = Prefilter(Subsample(Direct(0.5, 5, 1), 60), Margin(), 200)
    queried, oracle_calls = run(twice, state, 30, answers)
    assert oracle_calls > 1
    lowest = np.argsort(margin(state.probs[state.unlabelled]))[:200]
    assert set(queried) <= set(state.unlabelled[lowest])


def test_wrappers_compose_from_the_command_line():
    assert isinstance(configured("subsample").inner, Margin)
    around = ("subsample", "class_balanced", "anchoral", "seals", "selective", "pcb")
    for outer in (*around, "repeated", "ask_again"):
        assert isinstance(configured(outer, "strategy@strategy.inner=galaxy").inner, Galaxy)
    nested = configured(
        *("subsample", "strategy@strategy.inner=prefilter"),
        *("strategy@strategy.inner.inner=direct", "strategy@strategy.inner.scorer=likely"),
    )
    assert isinstance(nested.inner.inner, Direct)
    assert isinstance(nested.inner.scorer, MostLikelyPositive)
    assert "galaxy" in configured("tailor").candidates
