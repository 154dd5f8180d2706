"""A plan: what labels will bring to a pool, how many reach a target, and what to do, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from al_bench.labelling.audit.design import weights
from al_bench.labelling.audit.estimate import Interval
from al_bench.labelling.evaluation import audit_of, truths_of
from al_bench.labelling.forecast.law import (
    ALONE,
    MOST_OF_POOL,
    MOST_PER_CLASS,
    STARTS,
    Facts,
    Forecast,
    Law,
    facts_of,
    law,
    most_labels,
)
from al_bench.labelling.ledger import consensus
from al_bench.labelling.session import Session

WORTH = 0.01  # gain in balanced accuracy that all labels must bring to be worth it
TOP = 0.97  # the highest target, as scores above are cut in the law
OURS = "codecision"
POINTS = 9  # of a curve
WAYS = {OURS: "with codecision", "random": "at random", "margin": "by margin"}
NAMES = {
    "rows": "the number of rows",
    "classes": "the number of classes",
    "noise": "the fraction of wrong answers",
    "confidence": "the foundation model's confidence",
    "recall": "its balanced accuracy",
}


@dataclass(frozen=True)
class Plan:
    """What labels will bring; intervals hold 80 %.

    advice: what to do, in one sentence; alone: balanced accuracy of the foundation model; curves: a
    data frame with columns arm, labels, value, low, high; needed: labels at which an arm reaches
    the target, inf where it does not within the budget (empty without a target); gain: of the best
    arm over the foundation model at the end; price: of an answer, or None; labelled: rows that the
    forecast was made from; notes: caveats, in sentences."""

    advice: str
    alone: Interval
    curves: pd.DataFrame
    needed: Mapping[str, Interval]
    gain: Interval
    price: float | None
    labelled: int
    notes: tuple[str, ...]


def plan_of(
    facts: Facts,
    law: Law,
    target: float | None = None,
    price: float | None = None,
    budget: int | None = None,
) -> Plan:
    """The plan of a pool by its facts. target: wanted balanced accuracy; price: of an answer, in
    any currency; budget: the most labels (None: as many as the law knows). ValueError, in one
    sentence, for a target, price or budget that says nothing."""
    k, known = facts.classes, most_labels(facts)
    if target is not None and not 1 / k < target <= TOP:
        raise ValueError(f"the target is {target}; wanted a balanced accuracy above {1 / k:.3g}, "
                         f"which is chance, and at most {TOP}, where forecasts end")  # fmt: skip
    if price is not None and not 0 < price < np.inf:
        raise ValueError(f"an answer costs {price}; wanted more than 0, or no price")
    if budget is not None and not 1 <= budget <= facts.rows:
        raise ValueError(f"the budget is {budget} labels; wanted 1 to {facts.rows}, the rows")
    most = min(budget or known, known)
    labels = np.unique(np.geomspace(min(k, most), most, POINTS).round())
    course = law.forecast(facts, labels)
    shown = {ALONE: np.tile(course.alone[:, None], len(labels)), **course.curves}
    lines = [(arm, int(n), *band) for arm, curves in shown.items()
             for n, band in zip(labels, course.band(curves).T, strict=True)]  # fmt: skip
    best = max(course.curves, key=lambda arm: float(course.mean(course.curves[arm])[-1]))
    return Plan(
        advice(course, target, price),
        Interval(*course.band(course.alone)),
        pd.DataFrame(lines, columns=["arm", "labels", "value", "low", "high"]),
        {} if target is None else {arm: reached(course, arm, target) for arm in course.curves},
        Interval(*course.band(course.curves[best][:, -1] - course.alone)),
        price,
        facts.labels,
        tuple(notes(facts, law, budget)),
    )


def reached(course: Forecast, arm: str, target: float) -> Interval:
    """The labels at which an arm reaches a target; inf where it does not."""
    there = np.maximum.accumulate(course.curves[arm], axis=1) >= target
    first = np.where(there.any(axis=1), course.labels[there.argmax(axis=1)], np.inf)
    return Interval(*course.band(first))


def choice(course: Forecast, worth: float = WORTH) -> str:
    """The arm with the highest expected score with all labels; the foundation model alone where no
    arm is expected to gain `worth`, and a label-only one where codecision's lead is less."""
    ends = {arm: float(course.mean(curves)[-1]) for arm, curves in course.curves.items()}
    plain = max((arm for arm in ends if arm != OURS), key=ends.__getitem__)
    best = OURS if ends[OURS] - ends[plain] >= worth else plain
    return best if ends[best] - float(course.mean(course.alone)) >= worth else ALONE


def advice(course: Forecast, target: float | None, price: float | None) -> str:
    arm, most = choice(course), int(course.labels[-1])
    if target is not None:
        met = {a: np.asarray(c >= target).any(axis=1) for a, c in course.curves.items()}
        chances = {a: float(course.mean(np.asarray(one))) for a, one in met.items()}
        there = float(course.mean(np.asarray(course.alone >= target)))
        if there >= 0.5:
            return (f"use the foundation model as it is: the probability that it has {target:.0%} "
                    f"already is {there:.0%}")  # fmt: skip
        arm = max(chances, key=chances.__getitem__)
        if chances[arm] < 0.5:
            return (f"{target:.0%} is out of reach: {most:,} labels get there with a "
                    f"probability of {chances[arm]:.0%}")  # fmt: skip
        count = reached(course, arm, target).value
        how = f"{count:,.0f} rows{money(count, price)} {WAYS[arm]}"
        return f"label about {how} to reach {target:.0%}"
    alone, start = float(course.mean(course.alone)), course.band(course.alone)[0]
    if arm == ALONE:
        most_gain = max(float(course.mean(c)[-1] - alone) for c in course.curves.values())
        return (f"use the foundation model as it is: {most:,} labels are expected to change its "
                f"{start:.0%} by {100 * most_gain:+.1f} points")  # fmt: skip
    mean = course.mean(course.curves[arm])
    at = int((mean >= mean[-1] - WORTH).argmax())
    count, ahead = course.labels[at], 100 * float(mean[at] - alone)
    as_good = "" if arm == OURS else ", which is as good as codecision here"
    how = f"{count:,.0f} rows{money(count, price)} {WAYS[arm]}{as_good}"
    gain = f"{ahead:.0f} points to the foundation model's {start:.0%}"
    return f"label about {how}: they are expected to add {gain}"


def money(count: float, price: float | None) -> str:
    return "" if price is None else f" (for {count * price:,.2f})"


def notes(facts: Facts, law: Law, budget: int | None) -> Iterator[str]:
    least, known = STARTS[1], most_labels(facts)
    if facts.labels < least:
        yield (
            f"made as without labels; from {least} labels of rows drawn at random on, these count"
        )
    if budget is not None and budget > known:
        yield (f"the forecast ends at {known:,} labels: committed runs have at most "
               f"{MOST_PER_CLASS} a class and {MOST_OF_POOL:.0%} of the rows")  # fmt: skip
    for name, (low, high) in law.ranges.items():
        value = float(getattr(facts, name))
        if not low <= value <= high:
            yield (f"extrapolated: {NAMES[name]} is {value:.3g}; the runs that the law is made of "
                   f"have {low:.3g} to {high:.3g}")  # fmt: skip


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
    invalid input."""
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
