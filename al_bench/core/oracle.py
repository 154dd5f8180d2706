"""Where answers are bought: the one holder of those that were not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.state import Answers, AnnotatorSelection, Ints, AnnotatorPool, State


@dataclass(frozen=True)
class Oracle:
    """All answers, and who decides whom to ask.

    table: (n, a); panel: None for a single annotator; assignment: not needed where there is nobody
    to choose, as with one annotator or with places that stand for no person.
    """

    table: Ints
    annotator_pool: AnnotatorPool | None = None
    assignment: AnnotatorSelection | None = None

    def ask(self, state: State, rows: Ints, rng: np.random.Generator) -> Answers:
        """The answers about some rows, in their order; a row that comes again is asked of another.

        Whom an assignment names for the second time a row comes depends on all first answers.
        ValueError where it names somebody who cannot be asked.
        """
        annotators = np.zeros(len(rows), dtype=np.int64)
        if self.annotator_pool is None:
            return Answers(rows, annotators, self.table[rows, annotators])
        for places in occurrence_groups(rows):
            asked = rows[places]
            annotators[places] = who = self.whom(state, asked, rng)
            state = state.tell(asked, self.table[asked, who], who)
        return Answers(rows, annotators, self.table[rows, annotators])

    def whom(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        """(b,) whom to ask about each of these distinct rows: checked."""
        assert self.annotator_pool is not None
        if self.assignment is None or not self.annotator_pool.identified:
            return np.asarray(np.argmax(state.available[rows], axis=1))
        who = np.asarray(self.assignment.assign(state, rows, rng), dtype=np.int64)
        name = type(self.assignment).__name__
        if who.shape != rows.shape:
            raise ValueError(f"{name} named {who.shape} annotators for {len(rows)} rows")
        if np.any((who < 0) | (who >= len(self.annotator_pool))):
            raise ValueError(f"{name} named an annotator outside 0..{len(self.annotator_pool) - 1}")
        wrong = np.flatnonzero(~state.available[rows, who])
        if len(wrong):
            one = int(wrong[0])
            raise ValueError(
                f"{name} named {self.annotator_pool.names[who[one]]} for row {rows[one]}, who cannot be "
                "asked about it, or was already"
            )
        return who


def occurrence_groups(rows: Ints) -> list[Ints]:
    """The places of `rows` where a row comes for the first time, for the second, ..."""
    if len(np.unique(rows)) == len(rows):
        return [np.arange(len(rows))]
    order = np.argsort(rows, kind="stable")
    _, first, counts = np.unique(rows[order], return_index=True, return_counts=True)
    time = np.empty(len(rows), dtype=np.int64)
    time[order] = np.arange(len(rows)) - np.repeat(first, counts)
    return [np.flatnonzero(time == number) for number in range(int(counts.max()))]
