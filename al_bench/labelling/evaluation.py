"""How good a session's model is by its audit, and whether to stop labelling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from al_bench.core.arrays import one_hot
from al_bench.core.state import ABSENT, Floats, Ints
from al_bench.labelling.audit.design import Audit, sums, weights
from al_bench.labelling.audit.estimate import ERROR, Interval, agreement, estimate
from al_bench.labelling.audit.estimate import AuditEstimate as AuditEstimate
from al_bench.labelling.audit.rare import RareEstimate, estimate_rare
from al_bench.labelling.audit.stopping import Look, advice, due, look_at, spent
from al_bench.labelling.ledger import consensus
from al_bench.labelling.model_service import LabelArrays, ModelService, Snapshot
from al_bench.labelling.store import Answer

TWICE = 10  # audited rows with two answers that an estimate of people's error rate needs
LOOK, CHANCES = "look", "chances"  # kinds of decisions
ENOUGH = 10  # audited rows a class, by which one can be called rare
SELDOM = 0.2  # of an equal share of the rows: a class with fewer is called rare


@dataclass(frozen=True)
class SessionEstimate:
    """How good the model is on the rows of a session, estimated from its audit.

    recalls: by class; labels: rows labelled so far; audited: audit rows among them; advice: whether
    to stop, in words; answer_error: people's error rate, for which the estimates are corrected,
    None where too few rows have two answers, so that answers count as the truth; notes: caveats, in
    sentences; rare: of the class that is searched for, where there is one.
    """

    accuracy: Interval
    balanced_accuracy: Interval
    recalls: Mapping[str, Interval]
    labels: int
    audited: int
    advice: str = ""
    answer_error: float | None = None
    notes: tuple[str, ...] = ()
    rare: RareEstimate | None = None


def evaluate_session(service: ModelService, now: Snapshot, target: float | None) -> SessionEstimate:
    """Accuracy, balanced accuracy and recalls with 95 % intervals, and advice.

    target: wanted balanced accuracy; None: stop once more labels gain little. Every call looks at
    the audit, and the session records the look where one is due. ValueError, in one sentence, where
    no audit row has a label yet.
    """
    answers, classes = now.ledger.audit_answers, now.settings.classes
    audit = audit_of(now)
    unsure = len({answer.row for answer in answers}) - len(audit.rows)
    if not len(audit.rows):
        why = "no row drawn at random has an answer yet"
        if unsure:
            why = f'of all {unsure} rows drawn at random with an answer people were "not sure"'
        raise ValueError(f"{why}, so nothing is known of the model; answer some of them")
    truths, error, twice = truths_of(answers, audit, classes)
    probs, rare = service.fit(now).probs, None
    found: AuditEstimate | RareEstimate
    if now.settings.target is None:
        found = estimate(probs, audit, truths, now.pool.reserved)
        recalls = found.recalls
    else:
        found = rare = estimate_of_rare(now, audit, probs)
        pair = rare.recall, rare.other_recall
        recalls = pair if now.settings.target == 0 else pair[::-1]
    counts = np.bincount(audit.answers, minlength=len(classes))
    look = last_look(service, now, found, audit, truths, probs)
    verdict = advice(look, found, dict(zip(classes, counts.tolist(), strict=True)), target)
    return SessionEstimate(
        found.accuracy,
        found.balanced_accuracy,
        dict(zip(classes, recalls, strict=True)),
        len(consensus(now.ledger.answers)),
        len(audit.rows),
        f"{'stop' if verdict.stop else 'go on'}: {verdict.why}",
        error,
        tuple(notes(now, audit, counts, unsure, error, twice)),
        rare,
    )


def estimate_of_rare(
    now: Snapshot, audit: Audit, probs: Floats, error: float = ERROR
) -> RareEstimate:
    """The estimate of the rare class; error: on either side of an interval."""
    reserved, target, name = now.pool.reserved, now.settings.target, now.settings.rare
    assert target is not None
    labels = consensus(now.ledger.answers)
    return estimate_rare(
        probs[reserved, target],
        probs[reserved].argmax(axis=1) == target,
        chances_of(now),
        np.searchsorted(reserved, audit.rows),
        (audit.answers == target).astype(np.float64),
        len(now.pool),
        sum(label == name for label in labels.values()),
        error,
    )


def chances_of(now: Snapshot) -> Floats:
    """(m,) the probabilities with which rows of the reserve are audited by now; 0 for rows that
    were never audited."""
    chances = np.zeros(len(now.pool.reserved))
    for one in [d.value for d in now.ledger.decisions if d.kind == CHANCES][-1:]:
        for place, chance in one.items():
            chances[int(place)] = chance
    return chances


def notes(
    now: Snapshot, audit: Audit, counts: Ints, unsure: int, error: float | None, twice: int
) -> Iterator[str]:
    """Caveats of an estimate, in sentences. counts: (k,) audited rows by class; twice: audited rows
    with two answers."""
    classes, settings = now.settings.classes, now.settings
    if unsure:
        yield f'{unsure} of the rows drawn for the audit were answered "not sure" and are left out'
    unseen = [name for name, count in zip(classes, counts, strict=True) if not count]
    if unseen:
        yield f"no audited row is of class {', '.join(unseen)}, so nothing is known of its recall"
    shares = sums(audit.answers, stands_for(now, audit), len(classes))
    k, few = len(classes), int(shares.argmin())
    if settings.rare is None and len(audit.rows) >= ENOUGH * k and shares[few] < SELDOM / k:
        name = classes[few]
        how = "made" if k == 2 else f"of two classes, {name} and other,"
        yield (
            f"about {shares[few]:.1%} of the rows are of class {name}: a session {how} with "
            f'--rare "{name}" finds more of them'
        )
    if error is not None and settings.rare is not None:
        yield f"people err in {error:.0%} of answers, for which nothing is corrected"
    elif error is not None:
        yield f"corrected for people, who err in {error:.0%} of answers"
    elif twice:
        yield (
            f"answers are taken for the truth: {twice} audited rows have two people's answers, and "
            f"{TWICE} tell how often they err"
        )


def audit_of(now: Snapshot) -> Audit:
    """The audit rows that have a label, with the majority's class for each."""
    labels = consensus(now.ledger.audit_answers)
    rows = np.array(list(labels), dtype=np.int64)
    classes = [now.settings.classes.index(name) for name in labels.values()]
    return Audit(rows, now.pool.strata, np.array(classes, dtype=np.int64))


def stands_for(now: Snapshot, audit: Audit) -> Floats:
    """(a,) the fraction of all rows that each audited one stands for, by the session's design."""
    if now.settings.target is None or not len(audit.rows):
        return weights(audit.strata, audit.rows) if len(audit.rows) else np.empty(0)
    each = 1 / chances_of(now)[np.searchsorted(now.pool.reserved, audit.rows)]
    return np.asarray(each / each.sum())


def truths_of(
    answers: Sequence[Answer], audit: Audit, classes: Sequence[str]
) -> tuple[Floats, float | None, int]:
    """(a, k) estimates of the true classes, people's error rate, and the number of rows with two
    answers. Where these are too few, the rate is None and answers are not corrected."""
    labels = LabelArrays.of(answers, classes)
    table = np.full((len(audit.rows), len(labels.annotators)), ABSENT, dtype=np.int64)
    given = labels.answers
    table[np.searchsorted(audit.rows, given.rows), given.annotators] = given.classes
    twice = int(np.count_nonzero((table != ABSENT).sum(axis=1) > 1))
    if twice < TWICE:
        return one_hot(audit.answers, len(classes)), None, twice
    return *agreement(table, len(classes)), twice


def last_look(
    service: ModelService,
    now: Snapshot,
    found: AuditEstimate | RareEstimate,
    audit: Audit,
    truths: Floats,
    probs: Floats,
) -> Look | None:
    """The last look at the audit. Where one is due, it is made now and recorded for good.

    Looks before the last rows or classes were added saw other models and rows: they have spent
    their share of the allowed error, so they are counted, and otherwise ignored.
    """
    pool, store = now.pool, service.store
    place = np.searchsorted(pool.reserved, audit.rows)
    with store.writing():
        past = store.decided(LOOK)
        own = [Look(**value["look"]) for value in past if value["pool"] == pool.digest]
        last = own[-1] if own else None
        if len(audit.rows) < due(last):
            return last
        fits = {key: (count, guess) for key, count, guess in store.guesses(pool.digest)}
        present, _ = fits.pop(now.key, (0, b""))
        labels = [*(count for count, _ in fits.values()), present]
        guesses = [np.frombuffer(guess, dtype=np.int32)[place] for _, guess in fits.values()]
        guesses.append(probs[audit.rows].argmax(axis=1))
        number = len(past) + 1
        if isinstance(found, AuditEstimate):
            look = look_at(number, found, audit, truths, np.array(labels), np.stack(guesses))
        else:
            sure = estimate_of_rare(now, audit, probs, spent(number))
            floor, part = sure.balanced_accuracy.low, sure.found.low
            look = Look(number, len(audit.rows), present, floor, None, None, part)
        store.decide(LOOK, {"pool": pool.digest, "look": asdict(look)})
        return look
