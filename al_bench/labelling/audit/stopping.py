"""When to stop asking: what looks at an audit tell of a target and of what more labels bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.core.state import Floats, Ints
from al_bench.labelling.audit.design import Audit, deviations, merged_strata, weights
from al_bench.labelling.audit.estimate import AuditEstimate

FEW = 20  # audited rows below which nothing is concluded
GROWTH = 1.5  # of the audit from one look to the next
ERROR = 0.05  # the probability that a floor, or a most, of any look is wrong
GAIN, STEP = 0.01, 100  # less balanced accuracy by so many more labels is not worth them


@dataclass(frozen=True)
class Look:
    """What one look at an audit found.

    number: of the look, from 1; rows: audited then; labels: of the model; floor: what its balanced
    accuracy is surely above; gain, most: what `STEP` more labels are expected to gain of it, and
    surely gain no more than: None before there are models of three numbers of labels.
    """

    number: int
    rows: int
    labels: int
    floor: float
    gain: float | None
    most: float | None

    @property
    def name(self) -> str:
        return f"look {self.number} ({self.rows} audited rows, model of {self.labels} labels)"


@dataclass(frozen=True)
class Advice:
    """Whether to stop, and why or why not, in one sentence."""

    stop: bool
    why: str


def due(last: Look | None) -> int:
    """How many audited rows the look after this one needs."""
    return FEW if last is None else int(np.ceil(GROWTH * last.rows))


def spent(look: int) -> float:
    """The part of `ERROR` that the look of this number (from 1) may make: all looks together make
    no more than the whole, however many there are and however they depend on each other (a union
    bound, as in alpha spending: Lan and DeMets, 1983)."""
    return ERROR / (look * (look + 1))


def look_at(
    number: int, found: AuditEstimate, audit: Audit, truths: Floats, labels: Ints, guesses: Ints
) -> Look:
    """The look of this number, which this estimate is.

    The interval of one estimate holds for one look; whoever estimates again and again sees a lucky
    one sooner or later. So every estimate that anybody is shown is a look, whatever for, where one
    is due: then its error is spent, and until the next one is due its numbers stay what is said. A
    confidence sequence would not do, as each model is another one.

    truths: (a, k) what is said of the audited rows' classes; of the models so far, the present one
    last: labels: (r,) they were made with, the audit's too; guesses: (r, a) of the audited rows.
    """
    from scipy.special import ndtri

    now = int(labels[-1])
    floor = found.balanced.quantile(spent(number))
    gain = most = None
    if len(np.unique(labels)) > 2:
        slope, deviation = rise(audit, truths, labels, guesses)
        step = float(np.log1p(STEP / max(now, 1)))
        gain, most = slope * step, float(slope + ndtri(1 - spent(number)) * deviation) * step
    return Look(number, len(audit.rows), now, floor, gain, most)


def advice(
    look: Look | None, found: AuditEstimate, unseen: Sequence[str], target: float | None
) -> Advice:
    """Whether to stop, by the last look and the estimate of now.

    target: balanced accuracy that is wanted, which holds at a stop but for a probability `ERROR`
    over all looks together, whatever targets are asked about; None: stop where `STEP` more labels
    surely gain less than `GAIN`, if it goes on to rise with the logarithm of their number. unseen:
    classes that no audited row has, without which nobody is told to stop.
    """
    if look is None:
        return Advice(False, f"nothing is concluded from fewer than {FEW} audited rows")
    said = gains(look) if target is None else reaches(look, target, found)
    if said.stop and (missing := lacks(found, unseen)):
        return Advice(False, missing)
    return said


def reaches(look: Look, target: float, found: AuditEstimate) -> Advice:
    """Whether balanced accuracy is surely over a target, and did not fall below it since."""
    now, over = found.balanced_accuracy.value, look.floor > target
    surely = f"{look.name}: balanced accuracy is surely above {look.floor:.1%}"
    if over and now < target:
        return Advice(False, f"{surely} then, but it fell: it is estimated at {now:.1%} now, and "
                      f"the target is {target:.1%}")  # fmt: skip
    if over:
        return Advice(True, f"{surely}, over the target of {target:.1%}")
    return Advice(False, f"{surely}, not over the target of {target:.1%}; next at {due(look)} rows")


def gains(look: Look) -> Advice:
    """Whether more labels surely gain little."""
    if look.gain is None or look.most is None:
        unknown = "a curve needs models of three different numbers of labels"
    elif round(look.gain, 3) < 0:  # as it is shown
        unknown = "balanced accuracy fell as labels came, so what more of them bring is not known"
    else:
        said = f"{max(look.gain, 0):.1%} and surely less than {max(look.most, 0):.1%}"
        return Advice(
            look.most < GAIN, f"{look.name}: {STEP} more labels are expected to gain {said}"
        )
    return Advice(False, f"{look.name}: {unknown}; next at {due(look)} rows")


def lacks(found: AuditEstimate, unseen: Sequence[str]) -> str | None:
    """What an audit must show before anybody is told to stop, in a sentence; None if it does."""
    if unseen:
        return f"no audited row is of class {', '.join(unseen)}, so nothing is known of its recall"
    low, chance = found.balanced_accuracy.low, 1 / len(found.recalls)
    if low > chance:
        return None
    return (f"balanced accuracy may be {low:.1%} and guessing has {chance:.1%}, so the audit does "
            "not show the model to be any better")  # fmt: skip


def rise(audit: Audit, truths: Floats, labels: Ints, guesses: Ints) -> tuple[float, float]:
    """b of the curve a + b log(labels) of balanced accuracy, and its standard deviation.

    The curve is fitted to all models on the rows audited by now: none of them was taught these, and
    as it is the same rows, models are compared in pairs. It is an assumption on the safe side:
    unlike a power law it never levels off. The least-squares slope is a sum over audited rows, each
    with the slope of its own marks, so its variance is that of a total of the design; half a row
    that is learnt on the way is added, as by `jeffreys`. Classes that were not audited are taken to
    rise as the others do. O(r a).
    """
    shares = weights(audit.strata, audit.rows)
    weight, sizes = float((shares**2).sum()), shares @ truths
    known = sizes >= weight / 2
    each_class = known / np.where(known, sizes, 1) / max(int(np.count_nonzero(known)), 1)
    marks = truths[np.arange(len(audit.rows)), guesses] * each_class[guesses]
    x = np.log(np.maximum(labels, 1).astype(np.float64))
    pull = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    each = shares * (pull @ marks)
    spread = (deviations(each[:, None], merged_strata(audit.strata[audit.rows])) ** 2).sum()
    learnt = weight * np.maximum(pull, 0).sum()
    return float(each.sum()), float(np.sqrt(spread + learnt**2 / 2))
