"""Query rules choose the rows that their slow, plain versions choose, draw for draw.

Most states have rows and classes that tie, so that luck decides as well as scores.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from al_bench.rng import rng as named
from al_bench.state import Ints, State
from al_bench.strategies.badge import Vessal
from al_bench.strategies.balanced import (
    PCB,
    ClassBalancedByTruth,
    FMBalanced,
    FMStratified,
    MostLikelyPositive,
    TailFirst,
)
from al_bench.strategies.bayesian import PowerBald
from al_bench.strategies.cbal import CBAL
from al_bench.strategies.clustered import ClassGuided
from al_bench.strategies.common.clusters import kmeans
from al_bench.strategies.prioral import PriorAL
from al_bench.strategies.random import Random
from al_bench.strategies.tailor import Tailor
from al_bench.strategies.uncertainty import (
    Confidence,
    Disagreement,
    Entropy,
    Margin,
    ProductEntropy,
    ProductMargin,
)
from tests.conftest import make_state
from tests.pools import Given, budgets, generator, random_state, run, tied_state
from tests.reference import (
    bayesian,
    cbal,
    class_guided,
    prioral,
    ranking,
    serving,
    tailor,
    vessal,
)

SEEDS = range(12)
FLOOR = 1e-4

# --- Scores ---------------------------------------------------------------------------------------

SCORED = {
    "confidence": (Confidence(), lambda p, q: ranking.doubt(p)),
    "margin": (Margin(), lambda p, q: ranking.margin(p)),
    "entropy": (Entropy(), lambda p, q: ranking.entropy(p)),
    "product_margin": (
        ProductMargin(FLOOR),
        lambda p, q: ranking.margin(ranking.product(p, q, FLOOR)),
    ),
    "product_entropy": (
        ProductEntropy(FLOOR),
        lambda p, q: ranking.entropy(ranking.product(p, q, FLOOR)),
    ),
    "disagreement": (Disagreement(), ranking.jensen_shannon),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", sorted(SCORED))
def test_scores_rank_as_scores_of_one_row_at_a_time(name: str, seed: int) -> None:
    state, _ = tied_state(seed)
    rule, score = SCORED[name]
    for budget in budgets(state):
        expected = ranking.select(
            lambda row: score(state.probs[row], state.rows.prior[row]),
            *(state.unlabelled.tolist(), budget, generator(seed)),
        )
        assert rule.select(state, budget, generator(seed)).tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", ["labels", "prior"])
def test_likely_rows_are_those_of_largest_probability_in_the_rare_classes(
    by: str, seed: int
) -> None:
    state, _ = tied_state(seed)
    fractions = ranking.shares_by(by, state.rows.prior, state.labels, state.n_classes)
    rare = ranking.rare_classes(fractions)
    for budget in budgets(state):
        expected = ranking.select(
            lambda row: sum(state.probs[row][c] for c in rare),
            *(state.unlabelled.tolist(), budget, generator(seed)),
        )
        chosen = MostLikelyPositive(by).select(state, budget, generator(seed))
        assert chosen.tolist() == expected


def test_a_class_that_has_just_the_average_is_not_rare() -> None:
    fractions = [1, 2, 3]
    state, _ = random_state(60, 3, 0, 0)
    state = state.tell(np.arange(6), np.repeat([0, 1, 2], fractions))
    assert ranking.rare_classes(fractions) == [0]
    chosen = MostLikelyPositive("labels").select(state, 9, generator())
    assert (
        chosen.tolist()
        == sorted(state.unlabelled.tolist(), key=lambda row: -state.probs[row, 0])[:9]
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("how", ["as_published", "inverse", "none", "precision"])
def test_prioral_asks_what_its_plain_version_asks(how: str, pooled: bool, seed: int) -> None:
    state, _ = tied_state(seed)
    for budget in budgets(state):
        expected = prioral.select(
            *(state.probs, state.rows.prior, state.labels, budget, generator(seed)),
            *(0.4, how, pooled, FLOOR),
        )
        chosen = PriorAL(0.4, how, pooled, FLOOR).select(state, budget, generator(seed))
        assert chosen.tolist() == expected


# --- Service of the class that has least ----------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_fm_stratified_asks_what_plain_service_asks(seed: int) -> None:
    state, _ = tied_state(seed)
    rows = state.unlabelled.tolist()
    for budget in budgets(state):
        expected = serving.fm_stratified(state.rows.prior, rows, budget, generator(seed))
        assert FMStratified().select(state, budget, generator(seed)).tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("among", [1, 4, 100])
def test_fm_balanced_asks_what_its_plain_version_asks(among: int, seed: int) -> None:
    state, _ = tied_state(seed)
    rows = state.unlabelled.tolist()
    for budget in budgets(state):
        expected = serving.fm_balanced(
            *(state.rows.prior, rows, state.counts, budget, among, generator(seed))
        )
        assert FMBalanced(among).select(state, budget, generator(seed)).tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("of", ["model", "prior", "product"])
def test_tail_first_asks_what_plain_service_asks(of: str, seed: int) -> None:
    state, _ = tied_state(seed)
    rows = state.unlabelled.tolist()
    believed = serving.beliefs(of, state.probs, state.rows.prior, rows, FLOOR)
    for budget in budgets(state):
        expected = serving.tail_first(believed, rows, state.counts, budget, generator(seed))
        chosen = TailFirst(of, FLOOR).select(state, budget, generator(seed))
        assert chosen.tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_pcb_asks_what_plain_service_of_the_candidates_asks(fraction: float, seed: int) -> None:
    state, _ = tied_state(seed)
    for inner, plainly in (
        (Margin(), partial(ranking.select, lambda row: ranking.margin(state.probs[row]))),
        (Random(), ranking.at_random),
    ):
        for budget in budgets(state):
            expected = serving.pcb(
                *(plainly, state.rows.prior, state.unlabelled.tolist(), state.counts),
                *(budget, fraction, generator(seed)),
            )
            chosen = PCB(inner, fraction).select(state, budget, generator(seed))
            assert chosen.tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_balance_by_truth_asks_what_plain_service_asks(seed: int) -> None:
    state, answers = tied_state(seed)
    rows, truth = state.unlabelled.tolist(), np.roll(answers, 1)  # many answers are wrong
    for budget in budgets(state):
        expected = serving.balanced_by_truth(
            *(truth, state.labels, rows, state.n_classes, budget, generator(seed))
        )
        chosen = ClassBalancedByTruth(truth).select(state, budget, generator(seed))
        assert chosen.tolist() == expected


# --- Clusters, programs, posteriors, streams ------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("weight", [0.0, 1.0, 3.0])
def test_class_guided_clusters_features_beside_the_directions_themselves(
    weight: float, seed: int
) -> None:
    state, _ = random_state(40, 2 + seed % 3, 0, seed)
    state = state.hide(np.arange(0, 40, 7)) if seed % 2 else state
    for budget in (1, 2, 9, len(state.unlabelled) - 1, len(state.unlabelled) + 5):
        rng = generator(seed)
        expected = class_guided.select(
            *(state.rows.features, state.rows.prior, state.labels, budget, rng),
            lambda points, count, rng=rng: kmeans(points.astype(np.float32), count, rng),
            weight,
        )
        chosen = ClassGuided(weight).select(state, budget, generator(seed))
        assert set(chosen.tolist()) == set(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_cbal_takes_the_largest_shares_of_the_whole_linear_program(seed: int) -> None:
    state, _ = random_state(40, 2 + seed % 3, (0, 5, 12)[seed % 3], seed)
    rows, counts = state.unlabelled.tolist(), state.counts
    for budget in (1, 4, 13, len(rows) - 1, len(rows) + 5):
        spent = min(budget, len(rows))
        wanted = [max((sum(counts) + spent) / len(counts) - n, 0) for n in counts]
        fractions = cbal.relaxed(state.probs[rows], wanted, 0.6, spent)
        chosen = CBAL(0.6, 2).select(state, budget, generator(seed)).tolist()
        left = [fractions[i] for i, row in enumerate(rows) if row not in chosen]
        assert len(chosen) == spent
        assert min(fractions[rows.index(row)] for row in chosen) >= max(left, default=0) - 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_powerbald_asks_what_plain_noisy_logarithms_ask(seed: int) -> None:
    state, _ = random_state(40, 3, 8, seed)
    predictions = generator(seed).dirichlet(np.ones(3), size=(40, 6))
    predictions[::5] = predictions[::5, :1]  # models that agree

    class Posterior:
        def draw(self, state: State, models: int, rng: np.random.Generator) -> Any:
            return lambda rows: predictions[rows]

    for budget in budgets(state):
        expected = state.unlabelled[
            bayesian.power_bald(predictions[state.unlabelled], budget, 2.0, generator(seed))
        ]
        rule = PowerBald(Posterior(), models=6, power=2.0)
        assert rule.select(state, budget, generator(seed)).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_vessal_asks_what_one_plain_pass_over_whole_gradients_keeps(seed: int) -> None:
    state, _ = make_state(n=40, d=5, k=3, labelled=(1, 8)[seed % 2], seed=seed)
    for budget in budgets(state):
        expected = vessal.select(
            *(state.rows.features, state.probs, state.labels, budget, generator(seed)),
            *(8, 0.01),
        )
        chosen = Vessal(dim=8, ridge=0.01).select(state, budget, generator(seed))
        assert chosen.tolist() == expected


# --- TAILOR ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("reveal", ["batch", "sequential"])
def test_tailor_asks_what_its_plain_version_asks(reveal: str, seed: int) -> None:
    state, answers = tied_state(seed)
    chunk, trust = (1, 4, 100)[seed % 3], (0.0, 5.0)[seed % 2]
    candidates = {"margin": Margin(), "random": Random(), "confidence": Confidence()}
    rule = Tailor(candidates, chunk, trust)
    plainly = [
        partial(ranking.select, lambda row: ranking.margin(state.probs[row])),
        ranking.at_random,
        partial(ranking.select, lambda row: ranking.doubt(state.probs[row])),
    ]
    for budget in budgets(state):
        queried, oracle_calls = run(rule, state, budget, answers, seed, reveal)
        expected, expected_trips = tailor.select(
            *(plainly, state.probs, state.labels),
            answers if reveal == "sequential" else None,
            *(budget, chunk, trust, named(seed, "strategy", 2)),
        )
        assert queried.tolist() == expected
        assert oracle_calls == (expected_trips if reveal == "sequential" else 1)


def test_tailor_favours_no_candidate_where_all_classes_are_answered_alike() -> None:
    state, answers = random_state(60, 2, 0, 0)
    flat = replace(state, model=Given(np.full((60, 2), 0.5)))
    wins = np.zeros(2)
    for seed in range(40):
        rule = Tailor({"first": FromRow(0), "second": FromRow(30)}, 10, 0.0)
        queried, _ = run(rule, flat, 10, answers, seed, "batch")
        wins += [np.sum(queried < 30), np.sum(queried >= 30)]
    assert 0.4 < wins[0] / wins.sum() < 0.6


class FromRow:
    """Asks the rows from this one on."""

    def __init__(self, first: int) -> None:
        self.first = first

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        return np.roll(state.unlabelled, -self.first)[:budget]
