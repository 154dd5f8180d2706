"""Whom to ask without a thought of who is good: at random, in turn, the foundation model first."""

from __future__ import annotations

import numpy as np

from al_bench.state import Ints, State


class AtRandom:
    """Anybody who can be asked, each alike."""

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        free = state.open[rows]
        return np.asarray(np.argmax(free * rng.uniform(1, 2, size=free.shape), axis=1))


class InTurn:
    """One after the other; whoever cannot be asked about a row is passed over for it."""

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        count = state.open.shape[1]
        turn = (len(state.answers) + np.arange(len(rows)))[:, None]
        order = (turn + np.arange(count)) % count
        first = np.argmax(np.take_along_axis(state.open[rows], order, axis=1), axis=1)
        return np.asarray(order[np.arange(len(rows)), first])


class ModelFirst:
    """Foundation models for a first answer, people at random for further ones.

    Where no model is left to ask, or nobody else, whoever is there.
    """

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.panel is not None
        free = state.open[rows]
        new = state.labels[rows] < 0
        liked = state.panel.models == new[:, None]
        weight = free * (1 + liked) * rng.uniform(1, 1.5, size=free.shape)
        return np.asarray(np.argmax(weight, axis=1))
