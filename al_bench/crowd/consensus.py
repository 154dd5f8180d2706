"""Majority vote, and how often each annotator is right under any consensus."""

from __future__ import annotations

import numpy as np

from al_bench.core.state import Answers, Consensus, Floats, Ints, State


def places_of(answers: Answers) -> tuple[Ints, Ints]:
    """The rows that were answered, ascending, and (v,) each answer's place among them."""
    rows, places = np.unique(answers.rows, return_inverse=True)
    return rows, places


def consensus_of(state: State, rows: Ints, probs: Floats) -> Consensus:
    """(m, k) probabilities of the answered rows, with what they say of everybody: O(v k)."""
    assert state.annotator_pool is not None
    answers, shape = state.answers, (len(state.annotator_pool), state.n_classes)
    asked, right = np.zeros(shape), np.zeros(shape)
    of_row = probs[np.searchsorted(rows, answers.rows)]
    np.add.at(asked, answers.annotators, of_row)
    hits = of_row[np.arange(len(answers)), answers.classes]
    np.add.at(right, (answers.annotators, answers.classes), hits)
    return Consensus(rows, probs, right, asked)


def shares(places: Ints, classes: Ints, n_classes: int) -> Floats:
    """(m, k) fraction of the answers about each row that each class got."""
    votes = np.zeros((int(places.max()) + 1, n_classes))
    np.add.at(votes, (places, classes), 1.0)
    return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def speakers(state: State) -> Ints:
    """(v,) who gave each answer: numbers without a gap, or all alike where nobody in particular."""
    assert state.annotator_pool is not None
    if not state.annotator_pool.identified:
        return np.zeros_like(state.answers.annotators)
    return np.unique(state.answers.annotators, return_inverse=True)[1]


class Majority:
    """The share of a row's answers that each class got; every answer weighs the same.

    >>> consensus = Majority().infer(asked, rng)
    """

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        rows, places = places_of(state.answers)
        return consensus_of(state, rows, shares(places, state.answers.classes, state.n_classes))
