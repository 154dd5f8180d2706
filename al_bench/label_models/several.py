"""A belief out of several answers a row, by annotators who are more or less competent.

Whoever answers knows the row's class, as often as he is competent, or says something by a habit of
his own (MACE: Hovy et al., 2013). So somebody who always says the largest class is no authority.
The row's classes are weighed beforehand by the pool of experts (`belief`), so an annotator is known
by his agreement with it and with the others, even where every row has one answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from al_bench.arithmetic import softmax
from al_bench.label_models.consensus import places_of
from al_bench.state import Floats, Ints, State

SWEEPS = 50  # of expectation and maximisation, at most
OWN = 2.5  # answers: by so many one's competence is drawn to the common one
HABIT = 2.0  # answers, spread over all classes, that everybody's habit is taken to have given
MOST = 0.999  # competence


@dataclass(frozen=True)
class Votes:
    """Answers by place: rows (m,) that have one, ascending; place, who, said (v,) of each answer:
    which of these rows, whose, and which class; k classes, and `annotators` of them."""

    rows: Ints
    place: Ints
    who: Ints
    said: Ints
    k: int
    annotators: int

    @classmethod
    def of(cls, state: State) -> Votes:
        """Those bought so far; answers by places that are no persons are all of one annotator."""
        assert state.panel is not None
        answers, persons = state.answers, state.panel.persons
        rows, place = places_of(answers)
        who = answers.annotators if persons else np.zeros_like(answers.annotators)
        count = len(state.panel) if persons else 1
        return cls(rows, place, who, answers.classes, state.n_classes, count)

    @cached_property
    def habits(self) -> Ints:
        """(v,) number of each answer's annotator and class among all pairs of them."""
        return self.who * self.k + self.said

    @cached_property
    def cells(self) -> Ints:
        """(v,) number of each answer's row and class among all pairs of them."""
        return self.place * self.k + self.said

    def by_row(self, weights: Floats) -> Floats:
        """(m, k) sums of (v,) weights by row and class said."""
        m, k = len(self.rows), self.k
        sums = np.bincount(self.cells, weights, minlength=m * k)
        return np.asarray(sums.reshape(m, k), dtype=float)

    def tally(self, weights: Floats) -> Floats:
        """(a, k) sums of (v,) weights by annotator and class said."""
        a, k = self.annotators, self.k
        sums = np.bincount(self.habits, weights, minlength=a * k)
        return np.asarray(sums.reshape(a, k), dtype=float)


@dataclass(frozen=True)
class Skills:
    """competence: (a,) how often one knows; habit: (a, k) what is said otherwise."""

    competence: Floats
    habit: Floats

    def gain(self, votes: Votes) -> Floats:
        """(v,) by which factor less one an answer makes its class likelier than any other."""
        knows = self.competence[votes.who]
        return np.asarray(knows / ((1 - knows) * self.habit.take(votes.habits)))

    def evidence(self, votes: Votes) -> Floats:
        """(m, k) log-likelihood of each row's answers by true class, up to a constant a row."""
        return votes.by_row(np.log1p(self.gain(votes)))

    def by_habit(self, votes: Votes) -> float:
        """Log-likelihood of all answers if nobody knew a class: what `evidence` is on top of."""
        chance = (1 - self.competence[votes.who]) * self.habit[votes.who, votes.said]
        return float(np.log(chance).sum())


def learned_skills(votes: Votes, log_prior: Floats, noise: tuple[float, float]) -> Skills:
    """Each annotator's competence and habit, by expectation and maximisation.

    log_prior: (m, k) of the row's class before its answers; noise: (wrong, right) pseudo-counts of
    the competence that all have in common, to which each one's own is drawn by `OWN`.
    O(sweeps (v + m k)).
    """
    count = np.bincount(votes.who, minlength=votes.annotators)
    competence = np.full(votes.annotators, 0.5)
    spread = HABIT / votes.k
    habit = votes.tally(np.ones(len(votes.said))) + spread
    habit /= habit.sum(axis=1, keepdims=True)
    for _ in range(SWEEPS):
        skills = Skills(competence, habit)
        gain = skills.gain(votes)
        posterior = softmax(log_prior + votes.by_row(np.log1p(gain)))
        knew = posterior.take(votes.cells) * gain / (1 + gain)
        known = np.bincount(votes.who, weights=knew, minlength=votes.annotators)
        common = (noise[1] + known.sum()) / (sum(noise) + count.sum())
        competence = np.minimum((OWN * common + known) / (OWN + count), MOST)
        habit = votes.tally(1 - knew) + spread
        habit /= habit.sum(axis=1, keepdims=True)
        if np.max(abs(competence - skills.competence)) < 1e-4:
            break
    return Skills(competence, habit)


def said_targets(votes: Votes, skills: Skills) -> tuple[Floats, Floats]:
    """(m, k) what a row's answers alone say of its class, and (m,) how much, in 0..1.

    The probabilities above chance, summing to one: of a single answer its class, of two that
    differ both. A spammer's word says nothing.
    """
    probs = softmax(skills.evidence(votes))
    above = np.maximum(probs - 1 / votes.k, 1e-12)
    mass = above.sum(axis=1)
    return above / mass[:, None], mass * votes.k / (votes.k - 1)
