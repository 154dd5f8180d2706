"""The oracle: it holds all answers and reveals those that are queried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.state import AnnotatorPool, AnnotatorSelection, Answers, Ints, State


@dataclass(frozen=True)
class Oracle:
    """All answers, and the rule that chooses whom to ask. table: (n, a) answers; annotator_pool:
    None for a single annotator; annotator_selection: unused with a single annotator and with
    unidentified annotators."""

    table: Ints
    annotator_pool: AnnotatorPool | None = None
    annotator_selection: AnnotatorSelection | None = None

    def ask(self, state: State, rows: Ints, rng: np.random.Generator) -> Answers:
        """The answers about some rows; a repeated row goes to another annotator, chosen later."""
        annotators = np.zeros(len(rows), dtype=np.int64)
        if self.annotator_pool is None:
            return Answers(rows, annotators, self.table[rows, annotators])
        for places in occurrence_groups(rows):
            queried = rows[places]
            annotators[places] = chosen = self.whom(state, queried, rng)
            state = state.tell(queried, self.table[queried, chosen], chosen)
        return Answers(rows, annotators, self.table[rows, annotators])

    def whom(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        """(b,) the annotator to ask about each of these distinct rows, checked."""
        assert self.annotator_pool is not None
        if self.annotator_selection is None or not self.annotator_pool.identified:
            return np.asarray(np.argmax(state.available[rows], axis=1))
        who = np.asarray(self.annotator_selection.assign(state, rows, rng), dtype=np.int64)
        name = type(self.annotator_selection).__name__
        if who.shape != rows.shape:
            raise ValueError(f"{name} named {who.shape} annotators for {len(rows)} rows")
        if np.any((who < 0) | (who >= len(self.annotator_pool))):
            raise ValueError(f"{name} named an annotator outside 0..{len(self.annotator_pool) - 1}")
        wrong = np.flatnonzero(~state.available[rows, who])
        if len(wrong):
            one = int(wrong[0])
            raise ValueError(
                f"{name} named {self.annotator_pool.names[who[one]]} for row {rows[one]}, who "
                "cannot be asked about it, or was already"
            )
        return who


def occurrence_groups(rows: Ints) -> list[Ints]:
    """Positions in `rows` where a row occurs for the first time, for the second time, ..."""
    if len(np.unique(rows)) == len(rows):
        return [np.arange(len(rows))]
    order = np.argsort(rows, kind="stable")
    _, first, counts = np.unique(rows[order], return_index=True, return_counts=True)
    time = np.empty(len(rows), dtype=np.int64)
    time[order] = np.arange(len(rows)) - np.repeat(first, counts)
    return [np.flatnonzero(time == number) for number in range(int(counts.max()))]
