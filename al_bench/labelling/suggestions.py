"""Which rows to label next: by the strategy, for the audit, and as second opinions."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from time import time
from typing import TextIO, TypeAlias

import numpy as np

from al_bench.core.loop import query
from al_bench.core.oracle import Oracle
from al_bench.core.rng import rng
from al_bench.core.state import UNLABELLED, Floats, Ints, State
from al_bench.core.threads import one_thread
from al_bench.labelling.audit.design import next_audited
from al_bench.labelling.audit.rare import next_drawn
from al_bench.labelling.evaluation import CHANCES, chances_of
from al_bench.labelling.ledger import answered_once
from al_bench.labelling.model_service import ModelService, Snapshot
from al_bench.labelling.store import AUDIT, QUERY, Store, Suggestion

COLUMNS = ("batch", "row", "kind", "guess", "confidence", "why", "annotator", "time")
BY_CHANCE = "drawn at random, to measure the model"
TWICE = "second opinion: somebody else answered it, to measure how often people err"

Chances: TypeAlias = dict[int, float]  # by place in the reserve
Line: TypeAlias = tuple[int, int, str, str, float, str, str | None]  # COLUMNS without the time


def next_batch(
    service: ModelService, now: Snapshot, budget: int, annotator: str | None, audit: bool = False
) -> tuple[list[Line], Chances | None]:
    """A batch that is not written yet, empty where no row is left, with audit rows and second
    opinions at random places; and the probabilities of being audited by then, None where the design
    is fixed. audit: whether all are audit rows, as far as the reserve goes."""
    settings, state, batch = now.settings, service.state(now), now.ledger.batches + 1
    again = [] if annotator is None else second_opinions(now, budget, annotator)
    fresh = budget - len(again)
    suggested, audited = len(now.ledger.suggested), len(now.ledger.audited)
    share = round(settings.audit * (suggested + fresh)) - audited  # so that it keeps its share
    scores = service.fit(now).probs
    audits, chances = next_audits(now, scores, fresh if audit else int(np.clip(share, 0, fresh)))
    wanted = 0 if audit else fresh - len(audits)
    with one_thread():
        rows, who = queried(state, now, wanted, batch)
    if len(rows) < wanted:  # the strategy has nothing left
        audits, chances = next_audits(now, scores, fresh - len(rows))
    if not len(rows) and not len(audits):
        return [], None
    learned = len(state.labelled) > 0

    def line(row: int, kind: str, why: str | None = None, whom: str | None = None) -> Line:
        probs, prior = state.probs[row], state.rows.prior[row]
        guess = int(probs.argmax())
        why = why or reason(settings.classes, probs, prior, learned)
        sure = float(probs[guess])
        return batch, row, kind, settings.classes[guess], sure, why, annotator or whom

    own = iter([line(row, QUERY, None, whom) for row, whom in zip(rows.tolist(), who, strict=True)])
    others = [line(row, AUDIT, BY_CHANCE) for row in audits.tolist()]
    others += [line(row, AUDIT if row in now.ledger.audited else QUERY, TWICE) for row in again]
    draws = rng(settings.seed, "places", batch)
    places = draws.permutation(len(rows) + len(others))[: len(others)]
    places[: len(audits)].sort()
    there = dict(zip(places.tolist(), others, strict=True))
    return [there.get(place) or next(own) for place in range(len(rows) + len(others))], chances


def queried(state: State, now: Snapshot, budget: int, batch: int) -> tuple[Ints, list[str | None]]:
    """The rows that the strategy queries, and the annotator of each (None: anybody). Waiting and
    "not sure" rows are hidden; answers come later, so the oracle has none."""
    busy = np.array([one.row for one in now.ledger.open], dtype=np.int64)
    state = state.hide(np.concatenate([busy, now.labels.unsure]))
    budget = min(budget, len(state.unlabelled))
    if budget == 0:
        return np.empty(0, dtype=np.int64), []
    parts = now.parts
    shape = (len(state.labels), 1 if state.annotator_pool is None else len(state.annotator_pool))
    oracle = Oracle(
        np.broadcast_to(np.int64(UNLABELLED), shape),
        state.annotator_pool,
        parts.annotator_selection,
    )
    rule = parts.strategy if len(state.labelled) else parts.init
    found, _ = query(rule, state, budget, oracle, "after_batch", now.settings.seed, batch)
    if state.annotator_pool is None or parts.annotator_selection is None:
        return found.rows, [None] * len(found)
    return found.rows, [state.annotator_pool.names[who] for who in found.annotators]


def next_audits(now: Snapshot, probs: Floats, budget: int) -> tuple[Ints, Chances | None]:
    """The audit rows of a batch; where a rare class is searched for, they are drawn by the model's
    score, and the second value has the probabilities of being audited by then, of audited rows by
    their place in the reserve: those of others were below their numbers, and are not needed.

    probs: (n, k) the model's."""
    asked = np.array(sorted(now.ledger.audited), dtype=np.int64)
    target, reserved = now.settings.target, now.pool.reserved
    if target is None:
        return next_audited(now.pool.strata, now.pool.places, asked, budget), None
    numbers = rng(now.settings.seed, "audit numbers").random(len(now.pool))[reserved]
    known = np.searchsorted(reserved, asked)
    scores, before = probs[reserved, target], chances_of(now)
    drawn, chances = next_drawn(scores, numbers, before, known, budget)
    needed = np.union1d(np.flatnonzero(before), drawn).tolist()
    return reserved[drawn], {place: float(chances[place]) for place in needed} if budget else None


def second_opinions(now: Snapshot, budget: int, annotator: str) -> list[int]:
    """A random fraction of rows that one other annotator answered, audit rows first."""
    draws = rng(now.settings.seed, "overlap", now.ledger.batches + 1)
    count = int(now.settings.overlap * budget + draws.random())
    rows = draws.permutation(answered_once(now.ledger, annotator)).tolist()
    return sorted(rows, key=lambda row: row not in now.ledger.audited)[:count]


def reason(classes: Sequence[str], probs: Floats, prior: Floats, learned: bool) -> str:
    """What the model makes of a row, (k,), in words, and the foundation model's guess."""
    first, second = np.argsort(-probs, kind="stable")[:2]
    guess = int(prior.argmax())
    fm = f"foundation model: {classes[guess]} {prior[guess]:.0%}"
    if not learned:
        return fm
    torn = f"{classes[first]} {probs[first]:.0%} or {classes[second]} {probs[second]:.0%}"
    return f"{torn}; {fm}"


def append_batch(
    store: Store, lines: Sequence[Line], seen: int, chances: Chances | None
) -> list[Suggestion] | None:
    """Write a batch and number it; None where another batch was written since suggestion `seen`, so
    that no row is suggested twice. chances: as `next_audits` gives them, if they changed."""
    with store.writing():
        if store.count("suggestions") != seen:
            return None
        if chances is not None:
            store.decide(CHANCES, chances)
        now = time()
        store.append_all("suggestions", COLUMNS, [(*line, now) for line in lines])
        return store.suggestions(seen)


def write_csv(batch: Sequence[Suggestion], modality: str, blind: bool, out: TextIO) -> None:
    """A csv that people fill in and `tell` reads back: columns id, text or path, guess, confidence,
    why, annotator where rows are for named annotators, and an empty answer. blind: leave out the
    guess of audit rows, because a guess biases the answer."""
    look = {"text": ["text"], "image": ["path"]}.get(modality, [])
    who = ["annotator"] if any(one.annotator for one in batch) else []
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", *look, "guess", "confidence", "why", *who, "answer"])
    for one in batch:
        hidden = blind and one.kind != QUERY
        guess = ["", ""] if hidden else [one.guess, f"{one.confidence:.3f}"]
        content, whom = ([getattr(one, name) or "" for name in names] for names in (look, who))
        writer.writerow([one.id, *content, *guess, one.why, *whom, ""])
