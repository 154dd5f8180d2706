"""What to believe of every pool row: a foundation model and a task model, weighed by answers.

The arithmetic that the training rules and ``codecision`` share. Two experts give class
probabilities: the foundation model its prior q, a logistic regression p on the frozen features,
seen only out of fold. They are pooled log-linearly, ``f_k ~ p_k^b q_k^a``; the exponents, the
annotator's noise rate and the posterior of every labelled row's true class are fitted together
(`fit_pool`), from the answers alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from al_bench.arithmetic import one_hot, softmax, unit
from al_bench.label_models.consensus import consensus_of
from al_bench.label_models.crossfit import cross_fit, fold_numbers, log_floor
from al_bench.label_models.several import Votes, learned_skills, said_targets
from al_bench.state import Consensus, Floats, Ints, State

ROUNDS = 4  # of fitting the frequencies: they hardly move after
MOST_NOISE = 0.6


@dataclass(frozen=True)
class Fit:
    """exponents: (e,) of the experts; noise: the annotator's error rate, of several the mean over
    their answers; posterior: (m, k) of the true class of each labelled row."""

    exponents: Floats
    noise: float
    posterior: Floats


@dataclass(frozen=True)
class Belief:
    """pool: (n, k) class probabilities, as if classes were equally frequent; the posterior where an
    answer is known. fit: None before any label. trust: in the foundation model, 0..1."""

    pool: Floats
    fit: Fit | None
    trust: float


def pooled(experts: Floats, exponents: Floats, frequencies: Floats | None = None) -> Floats:
    """(n, k) log-linear pool of (e, n, k) log-probabilities, times class frequencies if given."""
    scores = np.tensordot(exponents, experts, axes=1)
    return softmax(scores if frequencies is None else scores + np.log(frequencies))


def true_class(belief: Floats, answers: Ints, noise: float) -> Floats:
    """(m, k) posterior of the true class given answers that are wrong at rate `noise`, the wrong
    ones spread evenly over the other classes: Bayes' rule."""
    index = np.arange(len(answers))
    joint = belief * (noise / (belief.shape[1] - 1))
    joint[index, answers] = belief[index, answers] * (1 - noise)
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def pool_loss(
    exponents: Floats, noise: float, experts: Floats, answers: Ints, frequencies: Floats
) -> tuple[float, Floats, float]:
    """Minus the log-likelihood of noisy answers under the pool of experts, and its slopes: (e,) by
    exponent, and by the noise rate."""
    index = np.arange(len(answers))
    belief = pooled(experts, exponents, frequencies)
    hit = belief[index, answers]
    other = 1 / (belief.shape[1] - 1)
    chance = (1 - noise) * hit + noise * other * (1 - hit)
    expected = (belief * experts).sum(axis=2)
    by_hit = (1 - noise - noise * other) / chance
    slope = (experts[:, index, answers] - expected) @ (by_hit * hit)
    by_noise = ((1 - hit) * other - hit) / chance
    return float(-np.log(chance).sum()), -slope, float(-by_noise.sum())


def fit_pool(
    experts: Floats, answers: Ints, before: Floats, precision: Floats, noise: tuple[float, float]
) -> Fit:
    """Exponents, noise rate and true-class posteriors that explain the answers.

    experts: (e, m, k) out-of-fold log-probabilities as if classes were equally frequent; before and
    precision: (e,) of a normal prior of the exponents; noise: (wrong, right) pseudo-counts of a
    beta prior of the noise rate. Maximises the likelihood of the answers times the priors, in
    which the pool is multiplied by the classes' frequencies among the labelled rows, so that a
    rare answer in a sea of a likely class is doubted as Bayes would; the frequencies are those of
    the posterior, found again after each fit. O(iterations e m k).
    """
    from scipy.optimize import minimize

    point = np.append(before, noise[0] / sum(noise))
    counts = np.bincount(answers, minlength=experts.shape[2]) + 0.5
    bounds = [(0.0, 3.0)] * len(before) + [(1e-3, MOST_NOISE)]
    for _ in range(ROUNDS):
        frequencies = counts / counts.sum()

        def loss(point: Floats, frequencies: Floats = frequencies) -> tuple[float, Floats]:
            exponents, rate = point[:-1], point[-1]
            surprise, slope, by_rate = pool_loss(exponents, rate, experts, answers, frequencies)
            pull = precision * (exponents - before)
            unlikely = 0.5 * pull @ (exponents - before)
            unlikely -= noise[0] * np.log(rate) + noise[1] * np.log(1 - rate)
            by_rate -= noise[0] / rate - noise[1] / (1 - rate)
            return surprise + float(unlikely), np.append(slope + pull, by_rate)

        point = minimize(loss, point, jac=True, method="L-BFGS-B", bounds=bounds).x
        belief = pooled(experts, point[:-1], frequencies)
        posterior = true_class(belief, answers, point[-1])
        counts = np.maximum(posterior.sum(axis=0), 0.3)
    return Fit(point[:-1], float(point[-1]), posterior)


def fit_several(
    experts: Floats, votes: Votes, before: Floats, precision: Floats, noise: tuple[float, float]
) -> Fit:
    """The same of several answers a row, by annotators each with skills of his own.

    experts: (e, m, k) for the rows of `votes`; the rest as in `fit_pool`. Exponents and skills are
    found in turn, the others held. O(iterations e m k + sweeps v).
    """
    from scipy.optimize import minimize

    exponents: Floats = before
    counts = np.bincount(votes.said, minlength=votes.k) + 0.5
    posterior: Floats = np.empty(0)
    for _ in range(ROUNDS):
        frequencies = counts / counts.sum()
        log_prior = np.log(np.maximum(pooled(experts, exponents, frequencies), 1e-30))
        skills = learned_skills(votes, log_prior, noise)
        evidence = skills.evidence(votes)
        likelihood = np.exp(evidence - evidence.max(axis=1, keepdims=True))

        def loss(
            exponents: Floats, frequencies: Floats = frequencies, likelihood: Floats = likelihood
        ) -> tuple[float, Floats]:
            belief = pooled(experts, exponents, frequencies)
            joint = belief * likelihood
            total = joint.sum(axis=1)
            moved = joint / total[:, None] - belief
            slope = -np.einsum("mk,emk->e", moved, experts)
            pull = precision * (exponents - before)
            return float(-np.log(total).sum() + 0.5 * pull @ (exponents - before)), slope + pull

        bounds = [(0.0, 3.0)] * len(before)
        exponents = minimize(loss, exponents, jac=True, method="L-BFGS-B", bounds=bounds).x
        joint = pooled(experts, exponents, frequencies) * likelihood
        posterior = joint / joint.sum(axis=1, keepdims=True)
        counts = np.maximum(posterior.sum(axis=0), 0.3)
    wrong = 1 - posterior[votes.place, votes.said]
    return Fit(exponents, float(wrong.mean()), posterior)


def even_weights(answers: Ints, doubt: float = 0.0) -> Floats:
    """(m,) weights under which every class that was answered weighs the same, one in all; a class
    of n rows weighs n / (n + doubt) of that."""
    counts = np.bincount(answers)
    return np.asarray(1.0 / (int((counts > 0).sum()) * (counts[answers] + doubt)))


def trust(prior: Floats, answers: Ints) -> float:
    """How far the prior may be listened to, in 0..1: it may, unless the answers contradict it.

    The class-balanced agreement of ``argmax prior`` with the answers against what the product of
    the two marginals gives: 1 down to one standard error below it, 0 from two and a half on. A
    prior that says nothing agrees by chance and keeps its trust: the exponents leave it out.
    """
    index = np.arange(len(answers))
    best = prior == prior.max(axis=1, keepdims=True)
    guesses = best / best.sum(axis=1, keepdims=True)
    weights = even_weights(answers)
    agreement = weights @ guesses[index, answers]
    chance = guesses.mean(axis=0)[answers]
    spread = np.sqrt(np.sum(weights**2 * chance * (1 - chance)))
    if spread == 0:
        return 1.0
    return float(np.clip(((agreement - weights @ chance) / spread + 2.5) / 1.5, 0.0, 1.0))


def class_bias(held_out: Floats, answers: Ints, doubt: float) -> Floats:
    """(k,) by how much the task model favours each class whatever the row, in log-probability.

    The mean of (m, k) held-out log-probabilities over rows, every answer's class weighing the
    same, less its own mean over classes: zero for an expert that favours none. With few rows of
    a class the regression's intercept favours the others by far; with few rows that mean is
    uncertain too, so a class of n rows counts n / (n + doubt). Zeros without a row.
    """
    mean = even_weights(answers, doubt).astype(held_out.dtype) @ held_out
    return np.asarray(mean - mean.mean())


class OutOfFoldBelief:
    """The belief of `fit_pool` with the prior and an out-of-fold logistic regression as experts.

    folds, l2: of the regression on unit-norm features; exponents, precision: the normal prior of
    the exponents of (task model, foundation model); noise: pseudo-counts (wrong, right); gate:
    the prior counts as far as `trust` goes; doubt: of the `class_bias` that is taken away.
    """

    version: ClassVar = 2  # 1: folds were fitted in the features' own coordinates

    def __init__(
        self,
        folds: int,
        l2: float,
        exponents: tuple[float, float],
        precision: tuple[float, float],
        noise: tuple[float, float],
        gate: bool,
        doubt: float,
    ) -> None:
        self.folds, self.l2, self.gate, self.doubt = folds, l2, gate, doubt
        self.exponents, self.precision = np.array(exponents), np.array(precision)
        self.noise = (float(noise[0]), float(noise[1]))
        self.settings = (folds, l2, *exponents, *precision, *noise, gate, doubt)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OutOfFoldBelief) and self.settings == other.settings

    def __hash__(self) -> int:
        return hash(self.settings)

    def believe(self, state: State, rng: np.random.Generator) -> Belief:
        """O(folds iterations m d k + folds n d k) time, O(n k) memory."""
        prior = log_floor(state.rows.prior)
        if len(state.labelled) == 0:
            return Belief(softmax(prior), None, 1.0)
        rows, answers = state.labelled, state.labels[state.labelled]
        votes, targets, sureness = None, one_hot(answers, state.n_classes), None
        if state.panel is not None:  # several answers a row, and some annotators know better
            votes = Votes.of(state)
            skills = learned_skills(votes, self.exponents[1] * prior[rows], self.noise)
            targets, sureness = said_targets(votes, skills)
            answers = targets.argmax(axis=1)
        held_out, everywhere = cross_fit(
            unit(state.rows.features),
            rows,
            targets,
            fold_numbers(answers, self.folds, rng),
            self.l2,
            sureness,
        )
        # held out, a class of one or two rows can hardly be predicted: no evidence on the model
        few = np.bincount(answers, minlength=state.n_classes)[answers] < 3
        shift = class_bias(held_out[~few], answers[~few], self.doubt)
        held_out, everywhere = held_out - shift, everywhere - shift
        held_out[few] = -np.log(state.n_classes)
        faith = trust(state.rows.prior[rows], answers) if self.gate else 1.0
        experts = np.stack([held_out, faith * prior[rows]])
        settings = (self.exponents, self.precision, self.noise)
        if votes is None:
            fit = fit_pool(experts, answers, *settings)
        else:
            fit = fit_several(experts, votes, *settings)
        pool = pooled(np.stack([everywhere, faith * prior]), fit.exponents)
        pool[rows] = fit.posterior
        return Belief(pool, fit, faith)


def confident_rows(
    beliefs: Floats, rows: Ints, fraction: float, most: int, rng: np.random.Generator
) -> Ints:
    """Of each predicted class the `fraction` of `rows` it is surest of, at most `most` a class.

    Ascending; ties fall at random. O(r k + r log r) for r rows.
    """
    order = rng.permutation(rows)
    guesses, sureness = beliefs[order].argmax(axis=1), beliefs[order].max(axis=1)
    by_class = np.lexsort((-sureness, guesses))
    size = np.bincount(guesses, minlength=beliefs.shape[1])
    place = np.arange(len(order)) - (np.cumsum(size) - size)[guesses[by_class]]
    taken = np.minimum(np.ceil(fraction * size), most)[guesses[by_class]]
    return np.sort(order[by_class[place < taken]])


class Believed:
    """The belief as a label model: several answers, weighed by each annotator's skill, on top of
    what foundation model and task model say of the row (ours)."""

    def __init__(self, belief: OutOfFoldBelief) -> None:
        self.belief = belief

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        belief = self.belief.believe(state, rng)
        assert belief.fit is not None
        made = consensus_of(state, state.labelled, belief.fit.posterior)
        return replace(made, beliefs=belief.pool, believer=self.belief)


def beliefs_of(belief: OutOfFoldBelief, state: State, rng: np.random.Generator) -> Floats:
    """(n, k) what a belief says of the pool, read off the consensus where an equal one made it."""
    made = state.consensus
    if made is not None and made.beliefs is not None and made.believer == belief:
        return made.beliefs
    return belief.believe(state, rng).pool
