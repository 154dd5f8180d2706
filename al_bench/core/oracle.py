"""The oracle: it holds the answers that were not bought yet, and sells them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.state import AnnotatorPool, AnnotatorSelection, Answers, Ints, State


@dataclass(frozen=True)
class Oracle:
    """All answers, and the rule that chooses whom to ask.

    table: (n, a) answers; annotator_pool: None for a single annotator; annotator_selection: not
    needed where there is no choice, as with one annotator or with unidentified ones.
    """

    table: Ints
    annotator_pool: AnnotatorPool | None = None
    annotator_selection: AnnotatorSelection | None = None

    def ask(self, state: State, rows: Ints, rng: np.random.Generator) -> Answers:
        """The answers about some rows, in their order; a row that comes again is asked of another.

        Whom the rule names the second time a row comes depends on all first answers.
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
    """The places in `rows` where a row occurs for the first time, for the second, ..."""
    if len(np.unique(rows)) == len(rows):
        return [np.arange(len(rows))]
    order = np.argsort(rows, kind="stable")
    _, first, counts = np.unique(rows[order], return_index=True, return_counts=True)
    time = np.empty(len(rows), dtype=np.int64)
    time[order] = np.arange(len(rows)) - np.repeat(first, counts)
    return [np.flatnonzero(time == number) for number in range(int(counts.max()))]
