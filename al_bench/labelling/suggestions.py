"""Batches: which rows to label next, some by the strategy, some by the design of the audit, some
that somebody else answered already."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from time import time
from typing import TextIO, TypeAlias

import numpy as np

from al_bench.labelling.audit.design import next_audited
from al_bench.labelling.ledger import answered_once, audit_share, drawn, reason
from al_bench.labelling.model_service import Bench, Moment
from al_bench.labelling.settings import AUDIT, QUERY, Suggestion
from al_bench.labelling.store import Store, insert_many
from al_bench.rng import rng
from al_bench.state import Ints
from al_bench.threads import one_thread

COLUMNS = ("batch", "row", "kind", "guess", "confidence", "why", "annotator", "time")
BY_CHANCE = "audit: drawn at random, to measure the model"
TWICE = "second opinion: somebody else answered it, to measure how often people err"

Line: TypeAlias = tuple[int, int, str, str, float, str, str | None]  # COLUMNS, but for the time


def next_batch(bench: Bench, moment: Moment, budget: int, annotator: str | None) -> list[Line]:
    """A batch at a moment, not written yet: the strategy's rows, with those of the audit and those
    asked a second time at random places among them; none where no row is new."""
    settings, state = moment.settings, bench.state(moment)
    batch = moment.ledger.batches + 1
    again = [] if annotator is None else second_opinions(moment, budget, annotator)
    fresh = budget - len(again)
    audits = next_audits(moment, fresh)
    busy = np.array([one.row for one in moment.ledger.open], dtype=np.int64)
    wanted = fresh - len(audits)
    with one_thread():
        rows, who = drawn(state, moment.told, moment.parts, busy, wanted, settings.seed, batch)
    if len(rows) < wanted:  # the strategy has nothing left
        audits = next_audits(moment, fresh, fresh - len(rows))
    if not len(rows) and not len(audits):
        return []
    by = settings.options["strategy" if len(state.labelled) else "init"]

    def line(row: int, kind: str, why: str | None = None, whom: str | None = None) -> Line:
        probs, prior = state.probs[row], state.rows.prior[row]
        guess = int(probs.argmax())
        if why is None:
            learned = len(state.labelled) > 0
            why = reason(str(by), settings.classes, probs, prior, learned)
        sure = float(probs[guess])
        return batch, row, kind, settings.classes[guess], sure, why, annotator or whom

    asked = zip(rows.tolist(), who, strict=True)
    queried = iter([line(row, QUERY, whom=whom) for row, whom in asked])
    others = [line(row, AUDIT, BY_CHANCE) for row in audits.tolist()]
    kinds = (AUDIT if row in moment.ledger.audited else QUERY for row in again)
    others += [line(row, kind, TWICE) for row, kind in zip(again, kinds, strict=True)]
    draws = rng(settings.seed, "places", batch)
    places = draws.permutation(len(rows) + len(others))[: len(others)]
    places[: len(audits)].sort()
    there = dict(zip(places.tolist(), others, strict=True))
    return [there.get(place) or next(queried) for place in range(len(rows) + len(others))]


def next_audits(moment: Moment, budget: int, wanted: int | None = None) -> Ints:
    """Audit rows of a batch: their share of all suggestions so far, or as many as wanted."""
    counts, pool = moment.ledger, moment.pool
    audited = np.array(sorted(counts.audited), dtype=np.int64)
    share = audit_share(moment.settings.audit, len(counts.suggested), len(audited), budget)
    return next_audited(pool.strata, pool.places, audited, share if wanted is None else wanted)


def second_opinions(moment: Moment, budget: int, annotator: str) -> list[int]:
    """Rows of a batch that one other annotator answered: a fraction of it, drawn at random, those
    of the audit first, as they tell how far its answers may be trusted."""
    settings, counts = moment.settings, moment.ledger
    draws = rng(settings.seed, "overlap", counts.batches + 1)
    count = int(settings.overlap * budget + draws.random())
    rows = draws.permutation(answered_once(counts, annotator)).tolist()
    return sorted(rows, key=lambda row: row not in counts.audited)[:count]


def put(store: Store, lines: Sequence[Line], seen: int) -> list[Suggestion] | None:
    """Write a batch and number it; None where another one was written since suggestion `seen`, so
    that no row is suggested twice."""
    with store.writing() as connection:
        if store.count("suggestions") != seen:
            return None
        now = time()
        insert_many(connection, "suggestions", COLUMNS, [(*line, now) for line in lines])
        return store.suggestions(seen)


def write_batch(batch: Sequence[Suggestion], modality: str, blind: bool, out: TextIO) -> None:
    """A csv that people fill in, and `tell` reads back: columns id, text or path, guess,
    confidence, why, and answer, which is empty; and annotator, where somebody in particular is
    asked, as whose the answer is read back.

    blind: leave out the guess of audit rows, which would pull their answers towards the model's.
    """
    look = {"text": ["text"], "image": ["path"]}.get(modality, [])
    writer = csv.writer(out, lineterminator="\n")
    who = ["annotator"] if any(one.annotator for one in batch) else []
    writer.writerow(["id", *look, "guess", "confidence", "why", *who, "answer"])
    for one in batch:
        shown = [one.guess, f"{one.confidence:.3f}"]
        if blind and one.kind == AUDIT:
            shown = ["", ""]
        content = [getattr(one, name) for name in look]
        whom = [getattr(one, name) or "" for name in who]
        writer.writerow([one.id, *content, *shown, one.why, *whom, ""])
