"""A session's tables, followed in memory, so that a key press reads only what is new."""

from __future__ import annotations

from al_bench.session.engine import Ledger, ledger
from al_bench.session.schema import Answered, Decision, Suggested
from al_bench.session.store import Store


class Followed:
    """Suggestions, answers and decisions of all processes, as far as they were read.

    The tables are only appended to, so each reading goes on from where the last one ended.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.suggestions: list[Suggested] = []
        self.answers: list[Answered] = []
        self.decisions: list[Decision] = []
        self._ledger = ledger((), (), ())

    def ledger(self) -> Ledger:
        """What counts now. O(1) where nothing is new, else linear in all there is."""
        with self.store.reading():
            suggestions = self.store.suggestions(len(self.suggestions))
            answers = self.store.answers(len(self.answers))
            decisions = self.store.decisions(len(self.decisions))
        if suggestions or answers or decisions:
            self.suggestions += suggestions
            self.answers += answers
            self.decisions += decisions
            self._ledger = ledger(self.suggestions, self.answers, self.decisions)
        return self._ledger
