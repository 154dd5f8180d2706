"""Query rules choose the rows that their slow, plain versions choose, draw for draw.

Most states have rows and classes that tie, so that luck decides as well as scores.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from al_bench.core.rng import rng as named
from al_bench.core.state import Ints, State
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
from al_bench.strategies.common.distances import kmeans
from al_bench.strategies.ensembles import Tailor
from al_bench.strategies.prioral import PriorAL
from al_bench.strategies.random import Random
from al_bench.strategies.rare import RareFirst
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
Plainly = Callable[..., list[int]]  # of a state, a budget and a generator
FLOOR = 1e-4

# --- Scores, and service of the class that has least ----------------------------------------------


def by_score(score: Callable[..., float]) -> Plainly:
    """Plainly the rows of the highest score, of a row's probabilities and its prior."""
    return lambda state, *luck: ranking.select(
        lambda row: score(state.probs[row], state.rows.prior[row]),
        *(state.unlabelled.tolist(), *luck),
    )


def likely(by: str, state: State, *luck: Any) -> list[int]:
    shares = ranking.shares_by(by, state.rows.prior, state.labels, state.n_classes)
    rare = ranking.rare_classes(shares)
    score = by_score(lambda probs, prior: sum(probs[c] for c in rare))
    return score(state, *luck)


def tail_first(of: str, state: State, *luck: Any) -> list[int]:
    rows = state.unlabelled.tolist()
    believed = serving.beliefs(of, state.probs, state.rows.prior, rows, FLOOR)
    return serving.tail_first(believed, rows, state.counts, *luck)


def pcb(inner: Plainly, part: float, state: State, budget: int, luck: Any) -> list[int]:
    rows, prior = state.unlabelled.tolist(), state.rows.prior
    plainly = lambda rows, budget, luck: inner(state, budget, luck)  # noqa: E731
    return serving.pcb(plainly, prior, rows, state.counts, budget, part, luck)


def joint(score: Callable[..., float]) -> Plainly:
    return by_score(lambda p, q: score(ranking.product(p, q, FLOOR)))


PLAINLY: dict[str, tuple[Any, Plainly]] = {
    "confidence": (Confidence(), by_score(lambda p, q: ranking.doubt(p))),
    "margin": (Margin(), by_score(lambda p, q: ranking.margin(p))),
    "entropy": (Entropy(), by_score(lambda p, q: ranking.entropy(p))),
    "product_margin": (ProductMargin(FLOOR), joint(ranking.margin)),
    "product_entropy": (ProductEntropy(FLOOR), joint(ranking.entropy)),
    "disagreement": (Disagreement(), by_score(ranking.jensen_shannon)),
    **{f"likely {by}": (MostLikelyPositive(by), partial(likely, by)) for by in ("labels", "prior")},
    **{
        f"prioral {how} {pooled}": (
            PriorAL(0.4, how, pooled, FLOOR),
            lambda s, *luck, of=(0.4, how, pooled, FLOOR): prioral.select(
                s.probs, s.rows.prior, s.labels, *luck, *of
            ),
        )
        for how in ("as_published", "inverse", "none", "precision")
        for pooled in (False, True)
    },
    **{
        f"rare {target}": (
            RareFirst(target),
            lambda s, *luck, of=target: ranking.rare_first(s.probs, s.rows.prior, s, of, *luck),
        )
        for target in (0, 1)
    },
    "fm_stratified": (
        FMStratified(),
        lambda s, *luck: serving.fm_stratified(s.rows.prior, s.unlabelled.tolist(), *luck),
    ),
    **{
        f"fm_balanced {among}": (
            FMBalanced(among),
            lambda s, budget, luck, among=among: serving.fm_balanced(
                s.rows.prior, s.unlabelled.tolist(), s.counts, budget, among, luck
            ),
        )
        for among in (1, 4, 100)
    },
    **{
        f"tail_first {of}": (TailFirst(of, FLOOR), partial(tail_first, of))
        for of in ("model", "prior", "product")
    },
    **{
        f"pcb {name} {part}": (PCB(rule, part), partial(pcb, plainly, part))
        for name, rule, plainly in (
            ("margin", Margin(), by_score(lambda p, q: ranking.margin(p))),
            ("random", Random(), lambda s, *luck: ranking.at_random(s.unlabelled.tolist(), *luck)),
        )
        for part in (0.1, 0.5, 1.0)
    },
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", PLAINLY)
def test_a_rule_asks_what_its_plain_version_asks(name: str, seed: int) -> None:
    state, _ = tied_state(seed)
    rule, plainly = PLAINLY[name]
    for budget in budgets(state):
        expected = plainly(state, budget, generator(seed))
        assert rule.select(state, budget, generator(seed)).tolist() == expected


def test_the_foundation_model_ranks_rows_until_one_of_the_rare_class_was_found() -> None:
    state, _ = random_state(200, 2, 0, 0)
    for hits in (10, 5, 0):
        told = state.tell(np.arange(10), np.repeat([1, 0], [hits, 10 - hits]))
        scores = told.probs if hits else told.rows.prior
        best = sorted(told.unlabelled.tolist(), key=lambda row: -scores[row, 1])
        assert RareFirst(target=1).select(told, 10, generator()).tolist() == best[:10]
    with pytest.raises(ValueError, match=r"target=2; wanted the number of a class, 0\.\.1"):
        RareFirst(target=2).select(state, 5, generator())


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
@pytest.mark.parametrize("feedback", ["after_batch", "within_batch"])
def test_tailor_asks_what_its_plain_version_asks(feedback: str, seed: int) -> None:
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
        queried, oracle_calls = run(rule, state, budget, answers, seed, feedback)
        expected, expected_trips = tailor.select(
            *(plainly, state.probs, state.labels),
            answers if feedback == "within_batch" else None,
            *(budget, chunk, trust, named(seed, "strategy", 2)),
        )
        assert queried.tolist() == expected
        assert oracle_calls == (expected_trips if feedback == "within_batch" else 1)


def test_tailor_favours_no_candidate_where_all_classes_are_answered_alike() -> None:
    state, answers = random_state(60, 2, 0, 0)
    flat = replace(state, model=Given(np.full((60, 2), 0.5)))
    wins = np.zeros(2)
    for seed in range(40):
        rule = Tailor({"first": FromRow(0), "second": FromRow(30)}, 10, 0.0)
        queried, _ = run(rule, flat, 10, answers, seed, "after_batch")
        wins += [np.sum(queried < 30), np.sum(queried >= 30)]
    assert 0.4 < wins[0] / wins.sum() < 0.6


class FromRow:
    """Asks the rows from this one on."""

    def __init__(self, first: int) -> None:
        self.first = first

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        return np.roll(state.unlabelled, -self.first)[:budget]
