"""The certificate of a session's labels: planned once, its check drawn, then held to what people
answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np

from al_bench.core.rng import rng
from al_bench.core.state import Bools, Ints
from al_bench.labelling.audit.certify import Certificate, Part, most_errors, planned, slips
from al_bench.labelling.diagnostics import calibration_of
from al_bench.labelling.evaluation import TWICE
from al_bench.labelling.export import labels_of_rows
from al_bench.labelling.ledger import by_row
from al_bench.labelling.model_service import ModelService, Snapshot
from al_bench.labelling.pool import array, save_array
from al_bench.labelling.store import CHECK, GIVEN
from al_bench.labelling.suggestions import append_batch

KIND = "certificate"  # of decisions
RISK, KEPT = 0.05, 0.8  # of all certificates of a session; each has this part of what is left
WHY = "its label is to be certified"
PORTION = 1000  # rows that wait at a time, so that pages stay fast


@dataclass(frozen=True)
class Told:
    """What people say of each row: label (n,); lead (n,) in answers; count (n,) of people asked;
    annotators, and pairs of rows and annotators."""

    label: Ints
    lead: Ints
    count: Ints
    annotators: tuple[str, ...]
    pairs: frozenset[tuple[int, str]]

    @classmethod
    def of(cls, now: Snapshot) -> Told:
        classes, answers = now.settings.classes, now.ledger.answers
        table = np.zeros((len(now.pool), len(classes) + 1), dtype=np.int64)  # the last: not sure
        for one in answers:
            table[one.row, -1 if one.answer is None else classes.index(one.answer)] += 1
        two, names = np.sort(table[:, :-1], axis=1)[:, -2:], {one.annotator for one in answers}
        return cls(
            table[:, :-1].argmax(axis=1),
            two[:, 1] - two[:, 0],
            table.sum(axis=1),
            tuple(sorted(names - {GIVEN})),
            frozenset((one.row, one.annotator) for one in answers),
        )

    @property
    def asked(self) -> Bools:
        return self.count > 0


def certify(
    service: ModelService, now: Snapshot, error: float, people: float | None
) -> Certificate:
    """Whether at most a fraction `error` of each class of labels is wrong; rows that people must
    answer for it are suggested.

    A new plan is made where error, people or rows have changed, or where no row of its check has an
    answer and the model has changed: so nothing is looked at twice within a plan, and plans share
    the risk. people: their error rate; None: estimated from rows with two answers, 0 where these
    are too few.
    """
    told, past = Told.of(now), service.store.decided(KIND)
    key = [now.pool.digest, error, people]
    last = past[-1] if past and past[-1]["of"] == key else None
    if last is not None and last["fit"] != now.key and not told.asked[last["drawn"]].any():
        last = None
    waiting = {one.row: one.number for one in now.ledger.open if one.kind == CHECK}
    if last is None:
        last = {"of": key, "fit": now.key} | new_plan(service, now, told, error, people, past)
        service.store.decide(KIND, last)
        service.store.decide("withdraw", list(waiting.values()))  # of the plan before
        waiting = {}
    found, missing = held(now, told, array(service.folder, last["array"]).astype(np.int64), last)
    rows = [row for row in missing[:PORTION] if row not in waiting]
    suggest(service, now, told, rows, found.labels)
    return found


def new_plan(
    service: ModelService,
    now: Snapshot,
    told: Told,
    error: float,
    people: float | None,
    past: list[Any],
) -> dict[str, Any]:
    """A plan for the labels of now, as it is stored. Only plans whose check somebody has answered
    spend a part of the risk."""
    classes, fit, n = now.settings.classes, service.fit(now), len(now.pool)
    spent = sum(bool(told.asked[one["drawn"]].any()) for one in past)
    risk = RISK * KEPT * (1 - KEPT) ** spent
    labels = fit.probs.argmax(axis=1)
    right = calibration_of(service, now)(fit.probs)[np.arange(n), labels]
    rows, chosen, known = labels_of_rows(now, fit.number)
    labels[rows], right[rows] = chosen, np.nan_to_num(known, nan=0.5)
    settled = told.lead > 0
    labels[settled] = told.label[settled]
    rate = errors_of(now, len(classes), risk / 4) if people is None else people
    draws = rng(now.settings.seed, "certificate", len(past))
    target = now.settings.target
    plan = planned(labels, right, told.lead, len(classes), error, risk, rate, draws, target)
    order = np.concatenate([part.rows for part in plan.parts])
    name = f"certificate-{uuid4().hex}"
    save_array(service.folder, name, np.stack([labels, np.resize([*order, -1], n)]))
    return {
        "array": name,
        "risk": risk,
        "people": rate,
        "lead": plan.lead,
        "slip": plan.slip,
        "rows": plan.rows,
        "answers": plan.answers,
        "drawn": np.concatenate([part.drawn for part in plan.parts]).tolist(),
        "parts": [[len(part.rows), part.left, part.tolerated] for part in plan.parts],
    }


def errors_of(now: Snapshot, k: int, risk: float) -> float:
    """People's error rate, an upper limit, by rows with two answers; 0 where these are few."""
    pairs = [each[:2] for each in by_row(now.ledger.answers).values() if len(each) > 1]
    if len(pairs) < TWICE:
        return 0.0
    return most_errors(sum(a.answer != b.answer for a, b in pairs), len(pairs), k, risk)


def held(
    now: Snapshot, told: Told, stored: Ints, plan: dict[str, Any]
) -> tuple[Certificate, list[int]]:
    """What a plan certifies by the answers of now, and the rows that must still be answered: those
    of its check first, since they say which others."""
    labels, order = stored[0].copy(), stored[1]
    classes, target, k = now.settings.classes, now.settings.target, len(now.settings.classes)
    error, lead = plan["of"][1], plan["lead"]
    settled, drawn = told.lead >= lead, np.array(plan["drawn"], dtype=np.int64)
    askable = told.count < max(2 * lead - 1, len(told.annotators))
    wrong = ~settled | (told.label != labels)
    wrong[np.setdiff1d(np.arange(len(labels)), drawn)] = False
    labels[settled] = told.label[settled]
    kept, lefts, start = np.zeros(len(labels), dtype=bool), [], 0
    for size, left, tolerated in plan["parts"]:
        part = Part(order[start : start + size], drawn, left, tolerated, 0.0)
        start += size
        rows = part.kept(wrong)
        kept[rows] = True
        lefts.append(min(left, int(np.count_nonzero(~settled[rows]))))
    waiting = drawn[~settled[drawn] & askable[drawn]]
    routed = np.flatnonzero(~settled & ~kept & askable)
    each = plan["answers"] / max(plan["rows"], 1)
    certified = settled | (kept & (len(waiting) == 0))
    if len(waiting) or len(routed):
        many = len(routed) if not len(waiting) else plan["rows"] - settled[drawn].sum()
        rows = waiting if len(waiting) else routed
        answers = round(many * each)
        return Certificate(labels, certified, answers, error, plan["people"], {}), rows.tolist()
    false = slips(int(settled.sum()), plan["slip"], plan["risk"] / 4)
    unknown = np.bincount(labels[~settled & ~kept], minlength=k)
    bad, all_ = np.array(lefts) + false + unknown, np.bincount(labels, minlength=k)
    limits = dict(zip(classes, np.minimum(bad / np.maximum(all_, 1), 1).tolist(), strict=True))
    missed = None
    if target is not None:
        lost = bad[1 - target]
        missed = float(lost / max(all_[target] - bad[target] + lost, 1))
    return Certificate(labels, certified, 0, error, plan["people"], limits, missed), []


def suggest(
    service: ModelService, now: Snapshot, told: Told, rows: list[int], labels: Ints
) -> None:
    """Suggest these rows where they do not wait as a query: to anybody, or where somebody answered,
    to an annotator who has not."""
    waiting = {one.row for one in now.ledger.open if one.kind != CHECK}
    classes, probs, batch = now.settings.classes, service.fit(now).probs, now.ledger.batches + 1
    lines = []
    for row in rows:
        others = [who for who in told.annotators if (row, who) not in told.pairs]
        if row in waiting or (told.asked[row] and not others):
            continue
        who = others[row % len(others)] if told.asked[row] else None
        sure = float(probs[row, labels[row]])
        lines.append((batch, row, CHECK, classes[labels[row]], sure, WHY, who))
    append_batch(service.store, lines, len(now.ledger.suggestions), None)
