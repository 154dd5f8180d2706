"""Answers that come from another tool, some of them again and again: each is told once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from al_bench.session.schema import Decision
from al_bench.session.session import Session
from al_bench.session.values import Answer

BROUGHT = "brought"  # kind of a decision: which answers came from another tool

Mark: TypeAlias = tuple[float | None, str | None]  # when an answer was changed last, and what it is


@dataclass(frozen=True)
class Brought:
    """An answer as another tool has it.

    key: of the answer there, the same whatever it is changed to; changed: when it was last, in
    seconds since 1970, None where the tool does not say.
    """

    key: str
    answer: Answer
    changed: float | None


@dataclass(frozen=True)
class Found:
    """What a tool has: answers, and how many of its annotations hold none yet."""

    answers: Sequence[Brought]
    empty: int


def bring(session: Session, found: Iterable[Brought], unasked: bool = False) -> int:
    """Tell a session those answers that it does not know, all or none, and return how many.

    What was brought once is not brought again, even where it was undone or answered anew in the
    session since, unless the tool has changed it. unasked: as of `Session.tell`, whose errors this
    raises.
    """
    store = session.bench.store
    with store.writing():  # so that two processes do not bring the same
        known = marks(store.decisions())
        news = []
        for one in sorted(found, key=lambda one: one.changed or 0.0):
            mark = one.changed, one.answer.answer
            if is_news(known.get(one.key), mark):
                news.append(one)
                known[one.key] = mark
        count = session.tell([one.answer for one in news], unasked=unasked)
        if news:
            store.decide(BROUGHT, [[one.key, one.changed, one.answer.answer] for one in news])
    return count


def marks(decisions: Sequence[Decision]) -> dict[str, Mark]:
    """What was brought last of each key."""
    lines = (line for d in decisions if d.kind == BROUGHT for line in d.value)
    return {key: (changed, answer) for key, changed, answer in lines}


def is_news(last: Mark | None, now: Mark) -> bool:
    """Whether an answer is not the one that was brought last, or an older one."""
    if last is None:
        return True
    if last[0] is None or now[0] is None:
        return last[1] != now[1]
    return now[0] > last[0]
