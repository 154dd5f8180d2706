"""The belief in every pool row's class: foundation model and task model, pooled by the answers.

Training rules and ``codecision`` share this arithmetic. Two experts give class probabilities: the
foundation model its prior q, and a logistic regression p on the frozen features, predicted out of
fold. They are pooled log-linearly, ``f_k ~ p_k^b q_k^a``. The exponents, the annotator's noise rate
and the posterior of every labelled row's true class are estimated jointly from the answers alone
(`mean_pool`). Two forms of the prior are fitted; their pools are averaged, weighted by how well
each predicts held-out answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeAlias

import numpy as np

from al_bench.belief.experts import class_bias, divided_prior
from al_bench.belief.multi_annotator import AnswerTable, vote_targets
from al_bench.belief.opinion_pool import (
    PoolFit,
    mean_multi_annotator,
    mean_pool,
    pooled,
)
from al_bench.core.arrays import above, one_hot, require, softmax
from al_bench.core.logistic import curvature
from al_bench.core.state import Consensus, Floats, Ints, State
from al_bench.crowd.consensus import consensus_of
from al_bench.crowd.crossfit import cross_fit, fold_numbers, log_floor

DOUBT_OF_EVIDENCE = 2.0  # divides the evidence: rows are not drawn at random, nor independent
Beforehand: TypeAlias = tuple[Floats, Floats, tuple[float, float]]


@dataclass(frozen=True)
class Belief:
    """pool: (n, k) class probabilities under equal class frequencies; for labelled rows, their
    posterior. fit: None before any label."""

    pool: Floats
    fit: PoolFit | None


@dataclass(frozen=True)
class AnswerTargets:
    """Regression targets made from the answers.

    answers: (m,) class of each labelled row, argmax of its targets; targets: (m, k); sureness: (m,)
    sample weights, or None; votes: all answers, with several annotators only.
    """

    answers: Ints
    targets: Floats
    sureness: Floats | None = None
    votes: AnswerTable | None = None

    @classmethod
    def of(cls, state: State, log_prior: Floats, beforehand: Beforehand) -> AnswerTargets:
        """The targets of a state; log_prior: (m, k) of its labelled rows; beforehand: the priors of
        exponents and noise."""
        if state.annotator_pool is None:
            answers = state.labels[state.labelled]
            return cls(answers, one_hot(answers, state.n_classes))
        votes, (mean, precision, noise) = AnswerTable.of(state), beforehand
        _, gain = mean_multi_annotator(log_prior[None], votes, mean[1:], precision[1:], noise)
        targets, sureness = vote_targets(votes, gain)
        return cls(targets.argmax(axis=1), targets, sureness, votes)


@dataclass(frozen=True)
class AveragedBelief:
    """The pool of the prior and an out-of-fold logistic regression, fitted to the answers (ours).

    Exponents and noise rate are posterior means (`mean_pool`): the likeliest ones blame a good
    foundation model for a few noisy answers. Each shift makes one form of the prior, fitted on its
    own. The belief is the mean of all forms, weighted by ``exp(evidence / 2)`` (Bayesian model
    averaging: Hoeting et al., 1999).

        >>> belief = AveragedBelief(l2=1.0).believe(state, rng)

    Parameters
    ----------
    folds : cross-fitting folds of the regression on unit-norm features
    l2 : penalty of the regression in units of `curvature`, so that it is no stronger for many
        classes with few answers each than for two, above 0
    prior_exponents : shifts; the prior is divided by its class frequencies to these powers (Saerens
        et al., 2002)
    exponents, precision : mean and precision of the normal prior of the exponents of (task model,
        foundation model)
    noise : pseudo-counts of (wrong, right) answers; by default nearly any rate alike
    bias_pseudocount : answers of a class at which half of its `class_bias` is removed
    """

    folds: int = 4
    l2: float = 8.0
    prior_exponents: Sequence[float] = (0.0, 1.0)
    exponents: tuple[float, float] = (1.0, 1.0)
    precision: tuple[float, float] = (2.0, 2.0)
    noise: tuple[float, float] = (0.5, 2.0)
    bias_pseudocount: float = 10.0

    version: ClassVar = 3  # 2: several ridges, learned confusions; 1: a gate, raw frequencies
    several: ClassVar = 2  # 1: fitted each annotator's competence, which absorbed experts' errors

    def __post_init__(self) -> None:
        for name in ("prior_exponents", "exponents", "precision", "noise"):  # a config gives lists
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        above(self, 0, l2=self.l2)
        shifts = list(self.prior_exponents)
        fine = bool(shifts) and min(shifts) >= 0
        require(fine, self, "one at least, none below 0", prior_exponents=shifts)

    @property
    def beforehand(self) -> Beforehand:
        """The priors: mean and precision of the exponents, pseudo-counts of the noise rate."""
        return np.array(self.exponents), np.array(self.precision), self.noise

    def believe(self, state: State, rng: np.random.Generator) -> Belief:
        """The belief of a state. O(folds iterations m d k + folds n d k) time; O(n k) memory."""
        prior = log_floor(state.rows.prior)
        if len(state.labelled) == 0:
            return Belief(softmax(prior), None)
        rows, features = state.labelled, state.rows.directions
        means = np.log(np.maximum(state.rows.prior.mean(axis=0, dtype=np.float64), 1e-12))
        learned = AnswerTargets.of(state, prior[rows], self.beforehand)
        folds = fold_numbers(learned.answers, self.folds, rng)
        own, logs = self.regression(features, rows, learned, folds)
        fits, pools = [], []
        for shift in self.prior_exponents:
            divided = divided_prior(prior, means, shift)
            fits.append(self.fit(learned, own, divided[rows]))
            pools.append(pooled(np.stack([logs, divided]), fits[-1].exponents))
        weights = softmax(np.array([[fit.evidence for fit in fits]]) / DOUBT_OF_EVIDENCE)[0]
        fit, pool = PoolFit.mean(fits, weights), np.tensordot(weights, pools, axes=1)
        pool[rows] = fit.posterior
        return Belief(pool, fit)

    def regression(
        self, features: Floats, rows: Ints, learned: AnswerTargets, folds: Ints
    ) -> tuple[Floats, Floats]:
        """The regression's held-out log-probabilities (m, k) of the labelled rows, and those of
        every row, (n, k), without its class bias; features: (n, d)."""
        k = learned.targets.shape[1]
        # held-out rows of a class with one or two answers say nothing about the model: uniform
        few = np.bincount(learned.answers, minlength=k)[learned.answers] < 3
        l2 = self.l2 * curvature(k)
        own, logs = cross_fit(features, rows, learned.targets, folds, l2, learned.sureness)
        bias = class_bias(own[~few], learned.answers[~few], self.bias_pseudocount)
        own = own - bias
        own[few] = -np.log(k)
        return own, logs - bias

    def fit(self, learned: AnswerTargets, own: Floats, log_prior: Floats) -> PoolFit:
        """The fitted pool of one form: regression and prior, log-probabilities (m, k) each."""
        experts = np.stack([own, log_prior])
        if learned.votes is None:
            return mean_pool(experts, learned.answers, *self.beforehand)
        return mean_multi_annotator(experts, learned.votes, *self.beforehand)[0]


def confident_rows(
    beliefs: Floats, rows: Ints, fraction: float, most: int, rng: np.random.Generator
) -> Ints:
    """The `fraction` of `rows` of highest confidence in each predicted class, at most `most` each.

    Row numbers, ascending; ties at random. O(r k + r log r) for r rows.
    """
    order = rng.permutation(rows)
    guesses, sureness = beliefs[order].argmax(axis=1), beliefs[order].max(axis=1)
    by_class = np.lexsort((-sureness, guesses))
    size = np.bincount(guesses, minlength=beliefs.shape[1])
    place = np.arange(len(order)) - (np.cumsum(size) - size)[guesses[by_class]]
    taken = np.minimum(np.ceil(fraction * size), most)[guesses[by_class]]
    return np.sort(order[by_class[place < taken]])


@dataclass(frozen=True)
class BeliefModel:
    """The belief as a label model (ours): several answers, weighted by each annotator's skill, are
    combined with foundation model and task model. Both models weigh less while few answers, or few
    that look wrong, have come in. Annotators are scored against the belief's posterior.

        >>> consensus = BeliefModel().infer(asked, rng)

    Parameters
    ----------
    belief : the belief that is computed
    """

    version: ClassVar = 2  # 1: the first treatment of several annotators
    belief: AveragedBelief = field(default_factory=AveragedBelief)

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        belief = self.belief.believe(state, rng)
        fit = belief.fit
        assert fit is not None
        assert fit.judged is not None
        made = consensus_of(state, state.labelled, fit.posterior)
        return replace(made, probs=fit.judged, belief=belief, believer=self.belief)


def belief_of(belief: AveragedBelief, state: State, rng: np.random.Generator) -> Belief:
    """The belief of a state; reused from the consensus if an equal `belief` computed that."""
    made = state.consensus
    if made is not None and isinstance(made.belief, Belief) and made.believer == belief:
        return made.belief
    return belief.believe(state, rng)
