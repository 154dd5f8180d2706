"""Majority vote, and each annotator's accuracy under any consensus."""

from __future__ import annotations

import numpy as np

from al_bench.core.state import Answers, Consensus, Floats, Ints, State


def places_of(answers: Answers) -> tuple[Ints, Ints]:
    """(m,) labelled rows, ascending, and (v,) the position of each answer's row among them."""
    rows, places = np.unique(answers.rows, return_inverse=True)
    return rows, places


def consensus_of(state: State, rows: Ints, probs: Floats) -> Consensus:
    """The consensus of these (m, k) probabilities, with annotators' accuracies under it: O(v k)."""
    assert state.annotator_pool is not None
    answers, shape = state.answers, (len(state.annotator_pool), state.n_classes)
    asked, right = np.zeros(shape), np.zeros(shape)
    of_row = probs[np.searchsorted(rows, answers.rows)]
    np.add.at(asked, answers.annotators, of_row)
    hits = of_row[np.arange(len(answers)), answers.classes]
    np.add.at(right, (answers.annotators, answers.classes), hits)
    return Consensus(rows, probs, right, asked)


def shares(places: Ints, classes: Ints, n_classes: int) -> Floats:
    """(m, k) vote shares: the fraction of each row's answers for each class."""
    votes = np.zeros((int(places.max()) + 1, n_classes))
    np.add.at(votes, (places, classes), 1.0)
    return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def speakers(state: State) -> Ints:
    """(v,) the annotator of each answer, numbered without gaps; all 0 if unidentified."""
    assert state.annotator_pool is not None
    if not state.annotator_pool.identified:
        return np.zeros_like(state.answers.annotators)
    return np.unique(state.answers.annotators, return_inverse=True)[1]


class Majority:
    """Majority vote: the share of a row's answers for each class; all answers weigh the same.

    >>> consensus = Majority().infer(asked, rng)
    """

    title = "majority"

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        rows, places = places_of(state.answers)
        return consensus_of(state, rows, shares(places, state.answers.classes, state.n_classes))
