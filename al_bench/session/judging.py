"""How good a session's model is, and whether to stop: its audit, as the estimates read it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from al_bench.arithmetic import one_hot
from al_bench.audit.design import Audit
from al_bench.audit.estimate import Estimate as Estimated
from al_bench.audit.estimate import estimate
from al_bench.audit.stopping import Advice, Facts, Gain, Target, looks
from al_bench.audit.truths import agreed
from al_bench.session.bench import Bench, Moment
from al_bench.session.engine import consensus
from al_bench.session.schema import Answered
from al_bench.session.values import Estimate
from al_bench.state import ABSENT, Floats, Ints

TWICE = 10  # audited rows with two answers from which on these say how often people err
GAIN = (
    0.01  # of balanced accuracy by 100 more labels: less is not worth them, unless told otherwise
)
UNREAD = float("nan")  # what only other stopping rules read


def judged(bench: Bench, moment: Moment, target: float | None) -> Estimate:
    """Accuracy, balanced accuracy and recalls with 95 % intervals, and advice.

    target: balanced accuracy that is wanted; None: stop once more labels gain little. ValueError
    where no audited row has an answer yet.
    """
    answers, classes = moment.ledger.audit_answers, moment.settings.classes
    audit = audited(answers, classes, moment.pool.strata)
    if not len(audit.rows):
        raise ValueError(
            "no row of the audit has an answer yet, so nothing is known of the model; answer some "
            "that were drawn at random"
        )
    truths, error = truths_of(answers, audit, classes)
    reserved = moment.pool.reserved
    found = estimate(bench.last(moment).probs, audit, truths=truths, reserve=reserved)
    said = advice(history(bench, moment, found), target)
    return Estimate(
        found.accuracy,
        found.balanced_accuracy,
        dict(zip(classes, found.recalls, strict=True)),
        len(consensus(moment.ledger.answers)),
        len(audit.rows),
        f"{'stop' if said.stop else 'go on'}: {said.why}",
        error,
    )


def audited(answers: Sequence[Answered], classes: Sequence[str], strata: Ints) -> Audit:
    """The audit that some answers are: what most people said of each row."""
    said, number = consensus(answers), {name: c for c, name in enumerate(classes)}
    rows = np.array(list(said), dtype=np.int64)
    return Audit(rows, strata, np.array([number[name] for name in said.values()], dtype=np.int64))


def truths_of(
    answers: Sequence[Answered], audit: Audit, classes: Sequence[str]
) -> tuple[Floats | None, float | None]:
    """(a, k) what several answers say of the true classes, corrected for how often people err, and
    how often that is; None where too few rows were answered twice to tell."""
    names = list(dict.fromkeys(answer.annotator for answer in answers))
    place = {row: line for line, row in enumerate(audit.rows.tolist())}
    table = np.full((len(audit.rows), max(len(names), 1)), ABSENT, dtype=np.int64)
    for answer in answers:
        if answer.answer is not None:
            column = names.index(answer.annotator)
            table[place[answer.row], column] = classes.index(answer.answer)
    if np.count_nonzero((table != ABSENT).sum(axis=1) > 1) < TWICE:
        return None, None
    return agreed(table, len(classes))


def history(bench: Bench, moment: Moment, found: Estimated) -> list[Facts]:
    """The fits so far as stopping rules see them, that of the moment last.

    Those before the last rows or classes came are left out: their models cannot be compared.
    """
    pool, classes = moment.pool, moment.settings.classes
    fits = {fit.key: fit for fit in bench.store.guesses() if fit.pool == pool.digest}
    last = fits.pop(moment.key, None)
    facts = []
    for fit in [*fits.values(), *([last] if last else [])]:
        then = moment.ledger.audit_answers
        if fit is not last:
            then = tuple(answer for answer in then if answer.number <= fit.answers)
        audit = audited(then, classes, pool.strata)
        truths = truths_of(then, audit, classes)[0]
        guesses = np.zeros(len(pool), dtype=np.int64)
        guesses[pool.reserved] = np.frombuffer(fit.classes, dtype=np.int32)
        facts.append(
            Facts(
                fit.labels,
                guesses,
                *(UNREAD, UNREAD, UNREAD),
                audit,
                one_hot(audit.answers, len(classes)) if truths is None else truths,
                found if fit is last else None,
            )
        )
    return facts


def advice(past: Sequence[Facts], target: float | None) -> Advice:
    """Whether to stop: by the last look at the audit that a rule has taken.

    A target is held against the model of the moment alone, so between looks it waits.
    """
    if target is not None:
        return Target(target).advice(past)
    rule = Gain(GAIN)
    taken = looks(past, rule.growth)
    return rule.advice(past[: taken[-1] + 1] if taken else past)
