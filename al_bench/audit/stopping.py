"""When to stop asking: rules over the rounds so far, each with what it promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from al_bench.audit.design import Audit
from al_bench.audit.estimate import Estimate
from al_bench.audit.sample import deviations, joined, weights
from al_bench.state import Floats, Ints

FEW = 20  # audited rows below which an estimate is not looked at


@dataclass(frozen=True)
class Facts:
    """One round, as stopping rules may see it: no truth in it.

    labels: bought so far, the audit's too; guesses: (n,) classes by the round's model, of the rows
    the audit is of. uncertainty: mean entropy of unlabelled rows over its largest value; doubt: the
    largest such entropy of the rows last queried, by the model they were chosen with; right: how
    often that model had guessed what was then answered about them. audit, truths: the rows audited
    so far and (a, k) what is said of their true class; estimate: what they say of the model; None
    before the first.
    """

    labels: int
    guesses: Ints
    uncertainty: float
    doubt: float
    right: float
    audit: Audit | None = None
    truths: Floats | None = None
    estimate: Estimate | None = None


@dataclass(frozen=True)
class Advice:
    """Whether to stop, and why or why not, in one sentence."""

    stop: bool
    why: str


class StoppingRule(Protocol):
    """A rule over the rounds so far; the same rounds give the same advice."""

    @property
    def promise(self) -> str:
        """What holds where it says stop, in one sentence."""

    def advice(self, history: Sequence[Facts]) -> Advice:
        """Whether to stop after the last of these rounds."""


def looks(history: Sequence[Facts], growth: float) -> list[int]:
    """The rounds after which the audit is looked at: when it has grown by this factor since the
    last look, from `FEW` rows on."""
    found, last = [], 0
    for number, facts in enumerate(history):
        rows = 0 if facts.audit is None else len(facts.audit.rows)
        if rows >= max(FEW, growth * last):
            found.append(number)
            last = rows
    return found


def spent(error: float, look: int) -> float:
    """The part of an error that the look of this number (from 1) may make: error / (look (look +
    1)), so that all looks together make no more than `error`, however many there are and however
    they depend on each other (a union bound, as in alpha spending: Lan and DeMets, 1983)."""
    return error / (look * (look + 1))


@dataclass(frozen=True)
class Target:
    """Stop once balanced accuracy is over `target`, but for a probability `error` of being wrong.

    The interval of one round holds for one look; whoever looks every round sees a lucky one sooner
    or later. So the error is spent over looks, and one is taken only when the audit has grown by a
    factor `growth` since the last. A confidence sequence would not do, as each round's model is
    another one. plain: accuracy in place of balanced accuracy.
    """

    target: float
    error: float = 0.05
    growth: float = 1.5
    plain: bool = False

    @property
    def name(self) -> str:
        return "accuracy" if self.plain else "balanced accuracy"

    @property
    def promise(self) -> str:
        return (
            f"with {1 - self.error:.0%} confidence, over all looks together, {self.name} is over "
            f"{self.target:.1%}"
        )

    def advice(self, history: Sequence[Facts]) -> Advice:
        taken = looks(history, self.growth)
        if not taken or taken[-1] != len(history) - 1:
            return Advice(False, waiting(history, taken, self.growth))
        found = history[-1].estimate
        assert found is not None
        known = found.right if self.plain else found.balanced
        floor = known.quantile(spent(self.error, len(taken)))
        over = "over" if floor > self.target else "not over"
        return Advice(
            floor > self.target,
            f"look {len(taken)}: {self.name} is surely above {floor:.1%}, {over} the target of "
            f"{self.target:.1%}",
        )


def waiting(history: Sequence[Facts], taken: Sequence[int], growth: float) -> str:
    """When the next look is taken."""
    last = history[taken[-1]].audit if taken else None
    rows = max(FEW, 0 if last is None else int(np.ceil(growth * len(last.rows))))
    return f"the audit is looked at next when it has {rows} rows"


@dataclass(frozen=True)
class Gain:
    """Stop once the next `step` labels are expected to gain less than `gain` of balanced accuracy.

    The learning curve is a + b log(labels), fitted to all models so far on the rows audited by now:
    none of them was taught these, and as it is the same rows, models are compared in pairs. What
    counts is the upper end of the expected gain, with errors spent over looks as by `Target`. The
    curve is an assumption on the safe side: unlike a power law it never levels off.
    """

    gain: float
    step: int = 100
    error: float = 0.05
    growth: float = 1.5

    @property
    def promise(self) -> str:
        return (
            f"with {1 - self.error:.0%} confidence the next {self.step} labels are expected to "
            f"gain less than {self.gain:.1%} of balanced accuracy, if it goes on to rise with the "
            "logarithm of their number"
        )

    def advice(self, history: Sequence[Facts]) -> Advice:
        from scipy.special import ndtri

        taken = looks(history, self.growth)
        if not taken or taken[-1] != len(history) - 1:
            return Advice(False, waiting(history, taken, self.growth))
        if len({facts.labels for facts in history}) < 3:
            return Advice(False, "a curve needs models of three different numbers of labels")
        slope, deviation = rise(history)
        now = history[-1].labels
        step = float(np.log1p(self.step / max(now, 1)))
        most = (slope + ndtri(1 - spent(self.error, len(taken))) * deviation) * step
        return Advice(
            bool(most < self.gain),
            f"look {len(taken)}: the next {self.step} labels are expected to gain "
            f"{max(slope * step, 0.0):.1%} and surely less than {max(most, 0.0):.1%}",
        )


def rise(history: Sequence[Facts]) -> tuple[float, float]:
    """b of the curve a + b log(labels) of balanced accuracy, and its standard deviation.

    The least-squares slope is a sum over audited rows, each with the slope of its own marks, so its
    variance is that of a total of the design; half a row that is learnt on the way is added, as by
    `jeffreys`. Classes that were not audited are taken to rise as the others do. O(r a).
    """
    audit, truths = history[-1].audit, history[-1].truths
    assert audit is not None
    assert truths is not None
    shares = weights(audit.strata, audit.rows)
    weight, sizes = float((shares**2).sum()), shares @ truths
    known = sizes >= weight / 2
    each_class = known / np.where(known, sizes, 1) / max(int(np.count_nonzero(known)), 1)
    guesses = np.stack([facts.guesses[audit.rows] for facts in history])
    marks = truths[np.arange(len(audit.rows)), guesses] * each_class[guesses]
    x = np.log(np.array([max(facts.labels, 1) for facts in history], dtype=float))
    pull = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    each = shares * (pull @ marks)
    spread = (deviations(each[:, None], joined(audit.strata[audit.rows])) ** 2).sum()
    learnt = weight * np.maximum(pull, 0).sum()
    return float(each.sum()), float(np.sqrt(spread + learnt**2 / 2))
