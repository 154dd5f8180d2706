"""Training rules whose answers also say how sure a model may be, and how far to hear a belief."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from al_bench.belief.opinion_pool import RATES
from al_bench.core.arrays import at_least, require, softmax
from al_bench.core.predictor import Delivered, logs, pooled
from al_bench.core.state import Foreseen, Ints, State, Supervision, TrainingSet

DEVIATIONS = np.linspace(-2.5, 2.5, 21)  # of the power of a belief, that are averaged over


@dataclass(frozen=True)
class Calibrated:
    """Another training rule, whose annotated rows judge how sure its model's probabilities may be.

    Free labels, taught as if they were certain, say nothing of it; the targets of annotated rows,
    doubtful as they are where the rule vets answers, do. Where it teaches annotated rows alone they
    are hardly judges: the model has seen them. ValueError where the rule believes nothing that is
    to be joined.

        >>> taught = Calibrated(FadingPool(), beside=0.5).training_set(state, rng)

    Parameters
    ----------
    rule : the training rule
    beside : power at which what the rule believes of a row is joined with the model, whose own is
        one; a model taught by a belief errs elsewhere than the belief does (ours; a log-linear
        pool: Genest and Zidek, 1986)
    doubt : standard deviations of the binary logarithm of this power, which answers about rows of
        which both had spoken before may change (`learned_power`); above 0 only where `beside` is
    """

    rule: Supervision
    beside: float = 0.0
    doubt: float = 0.0

    def __post_init__(self) -> None:
        at_least(self, 0, beside=self.beside, doubt=self.doubt)
        known = not self.doubt or self.beside > 0
        require(known, self, "beside above 0", doubt=self.doubt, beside=self.beside)

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        taught = self.rule.training_set(state, rng)
        if self.beside and taught.says is None:
            raise ValueError(
                f"Calibrated got beside={self.beside} for {type(self.rule).__name__}, which "
                "believes nothing of a row; wanted a rule with a belief, or 0"
            )
        judges = state.labels[taught.rows] >= 0
        taught = replace(taught, judges=judges, beside=self.beside)
        known = foresight(state) if self.doubt else None
        if known is None:
            return taught
        power = learned_power(known, state.labels[known.rows], self.beside, self.doubt)
        return replace(taught, beside=power, foreseen=known)


def foresight(state: State) -> Foreseen | None:
    """What the models of all rounds until now said of rows before they were answered; None where
    there was no round before.

    State: after new answers, with the model and the training set of the round before. A row that
    is answered again stays what it was. O(h k) for h new rows, and what it takes to predict.
    """
    before = state.training
    if before is None or before.judges is None or before.says is None:
        return None
    past = before.foreseen
    known = before.rows[before.judges]
    if past is not None:
        known = np.concatenate([known, past.rows])
    rows = np.setdiff1d(state.labelled, known)
    new, given = state.rows.take(rows), Delivered(state)
    own = given.own(state.model.predict_proba(new))
    believed = logs(before.says(new))
    if past is None:
        return Foreseen(rows, own, believed)
    return Foreseen(
        np.concatenate([past.rows, rows]),
        np.concatenate([past.own, own]),
        np.concatenate([past.believed, believed]),
    )


def learned_power(foreseen: Foreseen, answers: Ints, beside: float, doubt: float) -> float:
    """The power of the belief beside the model: the posterior mean of its binary logarithm.

    answers: (h,) to the rows of `foreseen`; of several annotators, what they come to, which is no
    independent judge where the label model is itself the belief. Before any of them the power
    is normal around `beside` with the standard deviation `doubt`. An answer is as likely as both
    joined made it before it was known (prequential: Dawid, 1984), times the classes' frequencies
    among these answers; it is wrong, and any other class alike, at a rate of which nothing is
    known. O(h k) for each power.
    """
    own, believed = foreseen.own, foreseen.believed
    k, index = own.shape[1], np.arange(len(answers))
    counts = np.bincount(answers, minlength=k) + 0.5
    frequencies = np.log(counts / counts.sum())
    powers = np.log2(beside) + doubt * DEVIATIONS
    found = np.empty(len(powers))
    for place, power in enumerate(2**powers):
        hit = softmax(pooled(own, believed, power) + frequencies)[index, answers]
        chances = np.outer(1 - RATES, hit) + np.outer(RATES / (k - 1), 1 - hit)
        found[place] = np.logaddexp.reduce(np.log(chances).sum(axis=1))
    weights = softmax((found - DEVIATIONS**2 / 2)[None])[0]
    return float(2 ** (weights @ powers))
