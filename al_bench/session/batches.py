"""Batches: which rows to label next, some by the strategy and some by the design of the audit."""

from __future__ import annotations

from collections.abc import Sequence
from time import time

import numpy as np

from al_bench.audit.design import next_audited
from al_bench.rng import rng
from al_bench.session.bench import Bench, Moment
from al_bench.session.engine import audit_share, drawn, reason
from al_bench.session.schema import Suggested
from al_bench.session.store import Store, insert_many
from al_bench.session.threads import one_thread
from al_bench.session.values import AUDIT, QUERY, Suggestion
from al_bench.state import Ints, State

COLUMNS = ("batch", "row", "kind", "guess", "confidence", "why", "annotator", "time")
BY_CHANCE = "audit: drawn at random, to measure the model"


def next_batch(bench: Bench, moment: Moment, budget: int, annotator: str | None) -> list[Suggested]:
    """A batch at a moment, not written yet: audit rows at random places among the strategy's."""
    settings, state = moment.settings, bench.fit(moment).state
    parts, batch = bench.parts(settings), moment.ledger.batches + 1
    audits = next_audits(moment, budget)
    busy = np.array([one.row for one in moment.ledger.open], dtype=np.int64)
    wanted = budget - len(audits)
    with one_thread():
        rows, who = drawn(state, moment.told, parts, busy, wanted, settings.seed, batch)
    if len(rows) < wanted:  # the strategy has nothing left
        audits = next_audits(moment, budget, budget - len(rows))
    slots = rng(settings.seed, "places", batch).permutation(len(rows) + len(audits))[: len(audits)]
    chosen = np.empty(len(rows) + len(audits), dtype=np.int64)
    is_audit = np.zeros(len(chosen), dtype=bool)
    is_audit[slots] = True
    chosen[is_audit], chosen[~is_audit] = audits, rows
    by = settings.options["strategy" if len(state.labelled) else "init"]
    asked = iter(who)
    lines = []
    for row, audit in zip(chosen.tolist(), is_audit, strict=True):
        whom = annotator or (None if audit else next(asked))
        lines.append(line(state, settings.classes, row, batch, None if audit else by, whom))
    return lines


def next_audits(moment: Moment, budget: int, wanted: int | None = None) -> Ints:
    """Audit rows of a batch: their share of all suggestions so far, or as many as wanted."""
    counts, pool = moment.ledger, moment.pool
    audited = np.array(sorted(counts.audited), dtype=np.int64)
    share = audit_share(moment.settings.audit, len(counts.suggested), len(audited), budget)
    return next_audited(pool.strata, pool.places, audited, share if wanted is None else wanted)


def line(
    state: State,
    classes: Sequence[str],
    row: int,
    batch: int,
    by: str | None,
    annotator: str | None,
) -> Suggested:
    """A suggestion of a row by a strategy, or by chance where that is None."""
    probs, prior = state.probs[row], state.rows.prior[row]
    guess = int(probs.argmax())
    why = BY_CHANCE
    if by is not None:
        why = reason(by, classes, probs, prior, learned=len(state.labelled) > 0)
    kind = AUDIT if by is None else QUERY
    return Suggested(0, batch, row, kind, classes[guess], float(probs[guess]), why, annotator)


def put(store: Store, lines: Sequence[Suggested], seen: int) -> list[Suggested] | None:
    """Write a batch and number it; None where another one was written since suggestion `seen`, so
    that no row is suggested twice."""
    with store.writing() as connection:
        if store.count("suggestions") != seen:
            return None
        now = time()
        values = [
            (s.batch, s.row, s.kind, s.guess, s.confidence, s.why, s.annotator, now) for s in lines
        ]
        insert_many(connection, "suggestions", COLUMNS, values)
        return store.suggestions(seen)


def shown(one: Suggested, moment: Moment) -> Suggestion:
    """A suggestion as people see it."""
    row = moment.pool.known[one.row]
    return Suggestion(one.number, row.name, one.kind, row.text, row.path, one.guess,
                      one.confidence, one.why, one.batch, one.annotator)  # fmt: skip
