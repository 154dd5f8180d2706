"""Whether labels will pay on somebody's rows, asked before most of them are bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from al_bench.labelling.audit.design import weights
from al_bench.labelling.evaluation import audit_of, truths_of
from al_bench.labelling.forecast.facts import facts_of
from al_bench.labelling.forecast.law import law
from al_bench.labelling.forecast.plan import Plan, plan_of
from al_bench.labelling.ledger import consensus
from al_bench.labelling.session import Session


def plan(
    data: Any,
    classes: Sequence[str] | None = None,
    *,
    target: float | None = None,
    price: float | None = None,
    budget: int | None = None,
    noise: float | None = None,
    **rows: Any,
) -> Plan:
    """Forecast what labels will bring: the balanced accuracy of the foundation model alone, of
    random rows and of codecision by the number of labels, with bands of 80 %.

    data: a session, whose answered audit rows are used, or rows as `Session.new` takes them with
    `classes` and further arguments (text="body", label="answer", overrides=["prior=bge"]), whose
    labelled rows must have been drawn at random; target: wanted balanced accuracy; price: of an
    answer; budget: the most labels; noise: fraction of answers that are wrong (None: as people who
    answered the same rows disagree, and without such rows 0). ValueError, in one sentence, for
    invalid input.
    """
    if isinstance(data, Session):
        return plan_of_session(data, True, target, price, budget, noise)
    with (
        TemporaryDirectory() as folder,
        Session.new(Path(folder) / "plan", data, classes, audit=0.0, **rows) as session,
    ):
        return plan_of_session(session, False, target, price, budget, noise)


def plan_of_session(
    session: Session,
    audited: bool,
    target: float | None,
    price: float | None,
    budget: int | None,
    noise: float | None,
) -> Plan:
    """The plan by the audit of a session, or by all its labels."""
    now = session.service.snapshot()
    if now.settings.rare is not None:
        raise ValueError(
            "the audit of a session with a rare class is drawn by the model's score; a forecast "
            "needs rows drawn evenly, as of a session without one"
        )
    k, audit = len(now.settings.classes), audit_of(now)
    rows, answers = audit.rows, audit.answers
    worth = weights(audit.strata, rows) if audited and len(rows) else None
    if not audited:
        labels = consensus(now.ledger.answers)
        rows = np.array(list(labels), dtype=np.int64)
        answers = np.array([*map(now.settings.classes.index, labels.values())], dtype=np.int64)
    elif noise is None and len(rows):
        noise = truths_of(now.ledger.audit_answers, audit, now.settings.classes)[1]
    if not 0 <= (noise or 0.0) < 1 - 1 / k:
        raise ValueError(
            f"a fraction of {noise} of the answers is wrong; wanted at least 0 and less than "
            f"{1 - 1 / k:.3g}, where they say nothing"
        )
    pool = now.pool.rows
    facts = facts_of(pool.features, pool.prior, rows, answers, noise or 0.0, worth)
    found = plan_of(facts, law(facts.labels), target, price, budget)
    more = [] if session.has_prior else ["the embeddings came without class probabilities"]
    unseen = [name for c, name in enumerate(now.settings.classes) if not (answers == c).any()]
    if facts.labels and unseen:
        some = ", ".join(unseen[:3]) + f" and {len(unseen) - 3} more" * (len(unseen) > 3)
        more.append(f"no label is of {some}: of it only the foundation model's word is known")
    return replace(found, notes=(*found.notes, *more))
