"""A session's tables, followed in memory, so that a key press reads only what is new."""

from __future__ import annotations

from al_bench.session.engine import Ledger, ledger
from al_bench.session.store import Answered, Decision, Store, Suggested


class Followed:
    """Suggestions, answers and decisions of all processes, as far as they were read.

    The tables are only appended to, so each reading goes on from where the last one ended.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.suggestions: list[Suggested] = []
        self.answers: list[Answered] = []
        self.decisions: list[Decision] = []

    def ledger(self) -> Ledger:
        """What counts now."""
        with self.store.reading():
            self.suggestions += self.store.suggestions(len(self.suggestions))
            self.answers += self.store.answers(len(self.answers))
            self.decisions += self.store.decisions(len(self.decisions))
        return ledger(self.suggestions, self.answers, self.decisions)
