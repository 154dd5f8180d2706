"""What several annotators, who err more or less often, say of a row's class.

An answer is right, or another class alike, at a rate that all have in common, from which each one's
own departs as far as his answers show; or somebody answers by habit, whatever the row is (MACE:
Hovy et al., 2013), so that who always says the largest class is no authority. How far people differ
is learned too (hierarchical: Carpenter, 2008; Paun et al., 2018): they are taken to be alike until
answers say otherwise, and count for less where a row has one answer, since then it is held against
foundation model and task model alone, which err too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gammaln

from al_bench.core.arrays import softmax
from al_bench.core.state import Floats, Ints, State
from al_bench.crowd.consensus import places_of

SHIFTS = np.linspace(-4, 4, 17)  # of the logit of one's error rate against the common one
SPREADS = np.array([1e-3, 0.5, 1, 2])  # of these as standard deviations; the first is none
DEPARTURES = softmax(-0.5 * (SHIFTS / SPREADS[:, None]) ** 2)  # (t, s) how likely they make shifts
BEFORE = np.array([0.0, -1, -2, -3])  # log-weights of the spreads before any answer
ALONE = 0.5  # weight of an answer beside which its row has no other, as evidence on who gave it
IDLE = 0.02  # people who answer by habit, before any answer
HABIT = 2.0  # answers, spread over all classes, that everybody's habit is taken to have given
CERTAIN, LEAST = 30.0, 1e-300  # of log-odds that nothing exceeds; of a mean before its logarithm
LEAST_GAIN = 1e-3  # of an answer by whom a regression is taught


@dataclass(frozen=True)
class AnswerTable:
    """Answers by place: rows (m,) that have one, ascending; place, who, said (v,) of each answer:
    which of these rows, whose, and which class; k classes, and `annotators` of them."""

    rows: Ints
    place: Ints
    who: Ints
    said: Ints
    k: int
    annotators: int

    @classmethod
    def of(cls, state: State) -> AnswerTable:
        """Those bought so far; answers by places that are no persons are all of one annotator."""
        assert state.annotator_pool is not None
        answers, identified = state.answers, state.annotator_pool.identified
        rows, place = places_of(answers)
        who = answers.annotators if identified else np.zeros_like(answers.annotators)
        count = len(state.annotator_pool) if identified else 1
        return cls(rows, place, who, answers.classes, state.n_classes, count)

    @cached_property
    def cells(self) -> Ints:
        """(v,) number of each answer's row and class among all pairs of them."""
        return self.place * self.k + self.said

    @cached_property
    def groups(self) -> tuple[Ints, Ints, Ints, Ints]:
        """(u,) distinct `cells`; (v,) the answers in their order; where each of these cells begins
        among them; and each row among the cells."""
        order = np.argsort(self.cells, kind="stable")
        cells, begin = np.unique(self.cells[order], return_index=True)
        return cells, order, begin, np.unique(cells // self.k, return_index=True)[1]

    @cached_property
    def alone(self) -> Floats:
        """(v,) whether an answer is its row's only one."""
        return np.asarray(np.bincount(self.place)[self.place] == 1)

    def by_row(self, weights: Floats) -> Floats:
        """(m, k) sums of (v,) weights by row and class said."""
        m, k = len(self.rows), self.k
        sums = np.bincount(self.cells, weights, minlength=m * k)
        return np.asarray(sums.reshape(m, k), dtype=float)

    def by_person(self, values: Floats) -> Floats:
        """(a, s) sums of (v, s) values by annotator."""
        columns = [np.bincount(self.who, column, minlength=self.annotators) for column in values.T]
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Skills:
    """Of whoever gave an answer, by his other ones: shifts: (v, s) weights of the `SHIFTS` of his
    error rate; idle: (v,) probability that he answers by habit; habit: (v,) that of what he said if
    so."""

    shifts: Floats
    idle: Floats
    habit: Floats

    @classmethod
    def alike(cls, votes: AnswerTable) -> Skills:
        """Of people who all err alike."""
        count = len(votes.said)
        shifts = np.tile((SHIFTS == 0).astype(float), (count, 1))
        return cls(shifts, np.zeros(count), np.full(count, 1 / votes.k))

    def chances(self, votes: AnswerTable, rates: Floats) -> tuple[Floats, Floats]:
        """(v, r) chance of each answer where it is the row's class, and where another is, by the
        (r,) rates that may be common."""
        errs = self.shifts @ shifted_rates(rates, votes.k).T
        knows, by_habit = 1 - self.idle[:, None], (self.idle * self.habit)[:, None]
        return knows * (1 - errs) + by_habit, knows * errs / (votes.k - 1) + by_habit


def shifted_rates(rates: Floats, k: int) -> Floats:
    """(r, s) error rates by `SHIFTS` of the logits of some rates; by these nobody gets worse than
    chance."""
    moved = np.outer(rates / (1 - rates), np.exp(SHIFTS))
    errs = np.minimum(moved / (1 + moved), np.maximum(rates, 1 - 1 / k)[:, None])
    return np.asarray(errs)


def learned_skills(votes: AnswerTable, posterior: Floats, gain: Floats, rate: float) -> Skills:
    """What each one's other answers say of him, held against all else that is known of the rows.

    posterior: (m, k) of the rows' classes, from which each answer's own `gain` (v,) is taken away
    again; rate: the common one. O(v (s + k)).
    """
    sure = np.clip(posterior.take(votes.cells), 1e-12, 1 - 1e-12)
    others = np.clip(np.log(sure / (1 - sure)) - gain, -CERTAIN, CERTAIN)
    right = 1 / (1 + np.exp(-others))[:, None]
    weight = np.where(votes.alone, ALONE, 1.0)[:, None]
    errs = shifted_rates(np.array([rate]), votes.k)
    told = weight * np.log((1 - errs) * right + errs / (votes.k - 1) * (1 - right))
    said = weight * np.eye(votes.k)[votes.said]
    of_all, counts = votes.by_person(told), votes.by_person(said)
    spreads = softmax(BEFORE + weighed(of_all, counts)[2].sum(axis=0))
    rest, counts = of_all[votes.who] - told, counts[votes.who] - said  # of his other answers
    odds, share, total, idle = weighed(rest, counts)
    shifts = odds * ((spreads / share) @ DEPARTURES)
    habit = (counts[np.arange(len(said)), votes.said] + HABIT / votes.k) / (
        counts.sum(axis=1) + HABIT
    )
    return Skills(shifts, np.exp(idle[:, None] - total) @ spreads, habit)


def weighed(told: Floats, counts: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """How likely (x,) people's answers are: (x, s) by `SHIFTS`, the likeliest one's being 1; (x, t)
    their means by `SPREADS`; and as logarithms (x, t) with habits too; (x,) by habit, whatever it
    is (a Dirichlet multinomial).

    told: (x, s) log-likelihoods by shift; counts: (x, k) of classes said.
    """
    most, k = told.max(axis=1, keepdims=True), counts.shape[1]
    odds = np.exp(told - most)
    share = np.maximum(odds @ DEPARTURES.T, LEAST)
    habit = gammaln(counts + HABIT / k).sum(axis=1) - k * gammaln(HABIT / k)
    habit += gammaln(HABIT) - gammaln(counts.sum(axis=1) + HABIT) + np.log(IDLE)
    total = np.logaddexp(np.log((1 - IDLE) * share) + most, habit[:, None])
    return odds, share, total, habit


def vote_targets(votes: AnswerTable, gain: Floats) -> tuple[Floats, Floats]:
    """(m, k) what a row's answers alone say of its class, and (m,) how much, in 0..1.

    The probabilities above chance, summing to one: of a single answer its class, of two that
    differ both. A spammer's word says nothing.
    """
    probs = softmax(votes.by_row(np.maximum(gain, LEAST_GAIN)))
    above = np.maximum(probs - 1 / votes.k, 0)
    mass = above.sum(axis=1, keepdims=True)
    shares = votes.by_row(1 / np.bincount(votes.place)[votes.place])  # of two classes, a tie
    targets = np.where(mass > 0, above / np.maximum(mass, 1e-12), shares)
    return targets, mass[:, 0] * votes.k / (votes.k - 1)
