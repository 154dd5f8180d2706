"""What the audit says of a model besides its quality: calibration, confusion, errors, curve."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from al_bench.core.state import Floats, Ints
from al_bench.labelling.audit.design import Audit, Beta
from al_bench.labelling.audit.estimate import ChanceError, Interval
from al_bench.labelling.calibration import Calibration, calibrated
from al_bench.labelling.evaluation import audit_of, stands_for, truths_of
from al_bench.labelling.model_service import ModelService, Snapshot

EXAMPLES, POINTS = 20, 15  # of errors and of the learning curve


def calibration_of(service: ModelService, now: Snapshot) -> Calibration:
    """The calibration of a session's model by its audit, else at the model's own shares."""
    audit, truths = audited(now)
    return calibrated(service.fit(now).probs, audit.rows, truths, stands_for(now, audit))


def audited(now: Snapshot) -> tuple[Audit, Floats]:
    """The audit with its (a, k) true classes; without rows where people agree by chance alone."""
    audit, classes = audit_of(now), now.settings.classes
    nothing: Floats = np.empty((0, len(classes)))
    with suppress(ChanceError):
        if len(audit.rows):
            return audit, truths_of(now.ledger.audit_answers, audit, classes)[0]
    none = np.empty(0, dtype=np.int64)
    return Audit(none, audit.strata, none), nothing


@dataclass(frozen=True)
class AuditCheck:
    """What the audit says of a model.

    confusion: (k, k) estimated fractions of the rows by true and by predicted class; precisions: by
    class, with 95 % intervals, None where nothing of it was predicted; errors: some wrong rows:
    text or id, people's class, the model's, its probability; curve: number of labels, accuracy of
    the fit on all audited rows."""

    confusion: Floats
    precisions: list[Interval | None]
    errors: list[tuple[str, str, str, float]]
    curve: list[tuple[int, float]]


def audit_check(service: ModelService, now: Snapshot) -> AuditCheck | None:
    """The confusion matrix, precisions, errors and curve by the audit; None before an answer."""
    classes, probs = now.settings.classes, service.fit(now).probs
    audit, truths = audited(now)
    if not len(audit.rows):
        return None
    each, guesses = stands_for(now, audit), probs[audit.rows].argmax(axis=1)
    confusion = np.stack(
        [each[guesses == c] @ truths[guesses == c] for c in range(len(classes))], axis=1
    )
    texts, names = service.store.texts(audit.rows.tolist()), now.pool.names
    errors = [
        (texts[n] or names[row], classes[audit.answers[n]], classes[guesses[n]],
         float(probs[row, guesses[n]]))
        for n, row in enumerate(audit.rows.tolist())
        if audit.answers[n] != guesses[n]
    ]  # fmt: skip
    errors.sort(key=lambda one: -one[-1])
    place = np.searchsorted(now.pool.reserved, audit.rows)
    points: dict[int, float] = {}
    for _, count, kept in service.store.guesses(now.pool.digest):
        past = np.frombuffer(kept, dtype=np.int32)[place]
        points[count] = float(each @ truths[np.arange(len(past)), past])
    thinned = sorted(points.items())[:: max(1, len(points) // POINTS)]
    precisions = [precision_of(c, each, truths, guesses) for c in range(len(classes))]
    return AuditCheck(confusion, precisions, errors[:EXAMPLES], thinned)


def precision_of(c: int, each: Floats, truths: Floats, guesses: Ints) -> Interval | None:
    """The precision of class c with a Jeffreys interval, by Kish's (1965) number of rows."""
    own = each[guesses == c]
    if not len(own):
        return None
    value, n = float(own @ truths[guesses == c, c] / own.sum()), own.sum() ** 2 / (own @ own)
    known = Beta(value * n + 0.5, (1 - value) * n + 0.5)
    return Interval(value, known.quantile(0.025), known.quantile(0.975))
