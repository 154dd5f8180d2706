"""When to stop labelling: looks at an audit, a target, and the gain of more labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from al_bench.core.state import Floats, Ints
from al_bench.labelling.audit.design import Audit, deviations, merged_strata, weights
from al_bench.labelling.audit.estimate import AuditEstimate, Interval
from al_bench.labelling.audit.rare import RareEstimate

FEW = 20  # audited rows below which nothing is concluded
NEEDED = 5  # audited rows of every class before anybody is told to stop without a target
PART = 0.95  # of the rows of a rare class that are to be found
GROWTH = 1.5  # of the audit from one look to the next
ERROR = 0.05  # probability that the `floor` of any look is wrong, and that a `most` is
GAIN, STEP = 0.01, 100  # STEP more labels that gain less than GAIN are not worth it


@dataclass(frozen=True)
class Look:
    """One look at an audit.

    number: of the look, from 1; rows: audited then; labels: of the model; floor: lower bound of its
    balanced accuracy; gain, most: the expected gain of `STEP` more labels and its upper bound, None
    before there are models of three numbers of labels; found: lower bound of the fraction of the
    rare class that has an answer, None in a session without one.
    """

    number: int
    rows: int
    labels: int
    floor: float
    gain: float | None
    most: float | None
    found: float | None = None

    @property
    def name(self) -> str:
        return f"{self.rows} rows drawn at random, model of {self.labels} labels"


@dataclass(frozen=True)
class Advice:
    """Whether to stop, and why or why not, in one sentence."""

    stop: bool
    why: str


def due(last: Look | None) -> int:
    """How many audited rows the look after this one needs."""
    return FEW if last is None else int(np.ceil(GROWTH * last.rows))


def spent(look: int) -> float:
    """The error allowed to the look of this number (from 1): all looks together spend `ERROR` at
    most, however many they are and however dependent (a union bound, as in alpha spending: Lan and
    DeMets, 1983)."""
    return ERROR / (look * (look + 1))


def look_at(
    number: int, found: AuditEstimate, audit: Audit, truths: Floats, labels: Ints, guesses: Ints
) -> Look:
    """The look of this number, made from this estimate.

    The interval of one estimate holds for one look; who looks again and again finds a lucky one. So
    every estimate that is shown is a look where one is due: its error is spent, and its bounds hold
    until the next look is due. A confidence sequence does not fit, as the model changes.

    truths: (a, k) estimates of the audited rows' classes; of the models so far, the present one
    last: labels: (r,) their numbers of labels, the audit's too; guesses: (r, a) of the audited
    rows.
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
    look: Look | None,
    found: AuditEstimate | RareEstimate,
    counts: Mapping[str, int],
    target: float | None,
) -> Advice:
    """Whether to stop, by the last look and the present estimate.

    counts: audited rows by class; target: wanted balanced accuracy; over all looks and targets, a
    stop is wrong with probability `ERROR` at most; None: stop where a rare class is found to a
    `PART`, with the same promise, or without one where `STEP` more labels gain less than `GAIN`, if
    balanced accuracy grows with the logarithm of labels.
    """
    if look is None:
        return Advice(False, f"nothing is concluded from fewer than {FEW} rows drawn at random")
    now = found.balanced_accuracy
    if target is not None:
        verdict = reaches(look, target, now.value)
    else:
        verdict = gains(look) if look.found is None else finds(look, look.found)
    needed = NEEDED if target is None else 1  # a floor allows for classes of which little is known
    if verdict.stop and (missing := lacks(look, now, counts, needed)):
        return Advice(False, missing)
    return verdict


def reaches(look: Look, target: float, now: float) -> Advice:
    """Whether balanced accuracy is over a target, and has not fallen below it since."""
    over = look.floor > target
    said = f"{look.name}: balanced accuracy is above {look.floor:.1%} with 95 % confidence"
    if over and now < target:
        return Advice(False, f"{said} then, but it fell: it is estimated at {now:.1%} now, and "
                      f"the target is {target:.1%}")  # fmt: skip
    if over:
        return Advice(True, f"{said}, over the target of {target:.1%}")
    return Advice(False, f"{said}, not over the target of {target:.1%}; next at {due(look)} rows")


def gains(look: Look) -> Advice:
    """Whether more labels gain little, if the curve goes on as it did."""
    if look.gain is None or look.most is None:
        unknown = "a curve needs models of three different numbers of labels"
    elif round(look.gain, 3) < 0:  # as it is shown
        unknown = "balanced accuracy fell as labels came, so what more of them bring is not known"
    else:
        said = f"{max(look.gain, 0):.1%}, less than {max(look.most, 0):.1%} if it goes on like this"
        return Advice(
            look.most < GAIN, f"{look.name}: {STEP} more labels are expected to gain {said}"
        )
    return Advice(False, f"{look.name}: {unknown}; next at {due(look)} rows")


def finds(look: Look, found: float) -> Advice:
    """Whether nearly all rows of a rare class are found."""
    said = f"{look.name}: at least {found:.0%} of the rare class are found, with 95 % confidence"
    if found >= PART:
        return Advice(True, said)
    return Advice(False, f"{said}, and {PART:.0%} are wanted; next at {due(look)} rows")


def lacks(look: Look, now: Interval, counts: Mapping[str, int], needed: int) -> str | None:
    """Why the audit does not allow to stop yet, in a sentence; None where it does."""
    few = [f"{n} of class {name}" for name, n in counts.items() if n < needed]
    if few:
        return f"rows drawn at random are {', '.join(few)}, and wanted are {needed} of each class"
    low, chance = now.low, 1 / len(counts)
    if low <= chance:
        return (f"balanced accuracy may be {low:.1%} and guessing has {chance:.1%}, so rows "
                "drawn at random do not show the model to be any better")  # fmt: skip
    if now.value < look.floor:
        return (f"balanced accuracy fell: it was above {look.floor:.1%} at {look.rows} rows "
                f"drawn at random and is estimated at {now.value:.1%} now")  # fmt: skip
    return None


def rise(audit: Audit, truths: Floats, labels: Ints, guesses: Ints) -> tuple[float, float]:
    """Slope b of the curve a + b log(labels) of balanced accuracy, and its standard deviation.

    The curve is fitted to all models on the rows audited by now: none was trained on them, and the
    rows are the same, so models are compared in pairs. The curve is a safe assumption: unlike a
    power law it never levels off. The least-squares slope is a sum over audited rows of each row's
    slope, so its variance is that of a total of the design; half a row learnt on the way is added,
    as in `jeffreys`. Classes without audited rows are taken to rise as the others do. O(r a).
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
