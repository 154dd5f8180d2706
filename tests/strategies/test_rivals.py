"""PCoreSet and NAS choose what their slow, plain versions choose, and do what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.state import HIDDEN, Floats, Ints
from al_bench.strategies.coverage import CoreSet, PCoreSet
from al_bench.strategies.nas import NAS, suspected
from tests.pools import budgets, generator, pool_of, random_state, states
from tests.reference import nas, pcoreset


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_pcoreset_chooses_what_plain_distances_of_predictions_choose(
    weight: float, seed: int
) -> None:
    state, _ = random_state(40, 2 + seed % 3, (0, 1, 9)[seed % 3], seed)
    for budget in budgets(state):
        expected = pcoreset.select(
            *(state.probs, state.rows.prior, state.labels, budget, generator(seed), weight)
        )
        chosen = PCoreSet(weight).select(state, budget, generator(seed))
        assert chosen.tolist() == expected


@pytest.mark.parametrize("percentile", [50.0, 80.0])
def test_nas_buys_what_its_plain_version_buys(percentile: float) -> None:
    for seed, state in states(n=60, d=5, seeds=3):
        truth = generator(seed).integers(3, size=60)
        expected = nas.select(
            *(state.rows.features, state.labels, truth, 11, 3, percentile, 3, generator(seed)),
            lambda labels, count, rng, own=state: CoreSet().select(
                replace(own, labels=labels), count, rng
            ),
        )
        assert shares(NAS(CoreSet(), percentile, 3), state, 11, truth, seed) == expected


def shares(rule: NAS, state: object, budget: int, truth: Ints, seed: int) -> list[list[int]]:
    """The rows of every purchase."""
    choice = rule.select(state, budget, generator(seed))  # type: ignore[arg-type]
    bought, reply = [], None
    while True:
        try:
            rows = choice.send(reply)  # type: ignore[arg-type]
        except StopIteration as end:
            return [*bought, end.value.tolist()]
        bought.append(rows.tolist())
        reply = truth[rows]


def test_nas_suspects_answers_from_another_group_and_covers_their_place_again() -> None:
    features, answers = two_groups()
    wrong = answers.copy()
    wrong[:2] = 1
    made_up = np.concatenate([features, features[::2]])
    doubted = suspected(made_up.astype(float), wrong, 2, 80.0, 40, generator())
    assert doubted[:2].all()
    assert not doubted[2:].any()

    class Spy(CoreSet):
        def select(self, state, budget, rng):  # type: ignore[no-untyped-def]
            hidden.append(np.flatnonzero(state.labels == HIDDEN).tolist())
            return super().select(state, budget, rng)

    hidden: list[list[int]] = []
    state = pool_of(np.concatenate([features, features])).tell(np.arange(60), wrong)
    shares(NAS(Spy()), state, 2, np.tile(answers, 2), 0)
    assert hidden == [[0, 1]]


def two_groups() -> tuple[Floats, Ints]:
    answers = np.repeat([0, 1], 30)
    points = np.eye(2)[answers] * 5 + 0.2 * generator().standard_normal((60, 2))
    return points.astype(np.float32), answers
