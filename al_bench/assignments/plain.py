"""Whom to ask without a thought of who is good: at random, in turn, the foundation model first."""

from __future__ import annotations

import numpy as np

from al_bench.state import Bools, Ints, State


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


class Only:
    """People alone, or foundation models alone, at random; whoever is there where none is left.

    models: which of the two.
    """

    def __init__(self, models: bool) -> None:
        self.models = models

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.panel is not None
        return liked_first(state, rows, state.panel.models == self.models, rng)


class ModelFirst:
    """Foundation models for a first answer, people at random for further ones.

    Where no model is left to ask, or nobody else, whoever is there.
    """

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.panel is not None
        new = state.labels[rows] < 0
        return liked_first(state, rows, state.panel.models == new[:, None], rng)


def liked_first(state: State, rows: Ints, liked: Bools, rng: np.random.Generator) -> Ints:
    """(b,) somebody at random of those who are left to ask and liked, (a,) or (b, a), else of the
    others."""
    free = state.open[rows]
    weight = free * (1 + liked) * rng.uniform(1, 1.5, size=free.shape)
    return np.asarray(np.argmax(weight, axis=1))
