"""What to believe of every pool row: a foundation model and a small model, weighed by answers.

The arithmetic that the training rules and ``codecision`` share. Two experts give class
probabilities: the foundation model its prior q, a logistic regression p on the frozen features,
seen only out of fold. They are pooled log-linearly, ``f_k ~ p_k^b q_k^a``; the exponents, the
annotator's noise rate and the posterior of every labelled row's true class are fitted together
(`fit_pool`), from the answers alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.state import Floats, Ints, State

FLOOR = 1e-6  # of a probability before its logarithm: a foundation model's zero is no veto


@dataclass(frozen=True)
class Fit:
    """exponents: (e,) of the experts; noise: the annotator's error rate; posterior: (m, k) of the
    true class of each labelled row."""

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


def normalise(scores: Floats) -> Floats:
    """(n, k) probabilities: the softmax of each row of log scores."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def log_floor(probs: Floats) -> Floats:
    """(n, k) logarithms of probabilities, none under FLOOR."""
    return np.asarray(np.log(np.maximum(probs, FLOOR)))


def pooled(experts: Floats, exponents: Floats, frequencies: Floats | None = None) -> Floats:
    """(n, k) log-linear pool of (e, n, k) log-probabilities, times class frequencies if given."""
    scores = np.tensordot(exponents, experts, axes=1)
    return normalise(scores if frequencies is None else scores + np.log(frequencies))


def true_class(belief: Floats, answers: Ints, noise: float) -> tuple[Floats, Floats]:
    """(m, k) posterior of the true class given an answer that is wrong at rate `noise`, the wrong
    answers spread evenly; and the (m,) probability of the answers."""
    index = np.arange(len(answers))
    joint = belief * (noise / (belief.shape[1] - 1))
    joint[index, answers] = belief[index, answers] * (1 - noise)
    evidence = joint.sum(axis=1)
    return joint / evidence[:, None], evidence


def fold_numbers(answers: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """(m,) fold of each labelled row, stratified by answer, drawn at random."""
    order = rng.permutation(len(answers))
    order = order[np.argsort(answers[order], kind="stable")]
    numbers = np.empty(len(answers), dtype=np.int64)
    numbers[order] = np.arange(len(answers)) % folds
    return numbers


def logistic(features: Floats, targets: Floats, l2: float) -> Floats:
    """(d + 1, k) class-balanced multinomial logistic regression, the last row the intercept.

    Minimises ``sum_i w_i CE(target_i) + l2/2 |W|^2`` by L-BFGS; w_i has mean one and makes every
    class that has targets weigh the same. O(m d k) an iteration.
    """
    from scipy.optimize import minimize

    mass = targets.sum(axis=0)
    weights = targets @ np.where(mass > 1e-8, 1 / np.maximum(mass, 1e-8), 0.0)
    weights = (weights / weights.sum()).astype(np.float32)[:, None]
    design = np.column_stack([features, np.ones(len(features))]).astype(np.float32)
    shape, ridge = (design.shape[1], targets.shape[1]), l2 / len(targets)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight = flat.reshape(shape).astype(np.float32)
        probs = normalise(design @ weight)
        gradient = design.T @ (weights * (probs - targets))
        gradient[:-1] += ridge * weight[:-1]
        surprise = -np.sum(weights * targets * np.log(np.maximum(probs, 1e-30)))
        penalty = 0.5 * ridge * np.sum(weight[:-1] ** 2)
        return float(surprise + penalty), gradient.ravel().astype(np.float64)

    start = np.zeros(shape[0] * shape[1])
    options = {"maxiter": 100, "ftol": 1e-7, "gtol": 1e-6}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x.reshape(shape), dtype=np.float32)


def cross_fit(
    features: Floats, rows: Ints, targets: Floats, folds: Ints, l2: float
) -> tuple[Floats, Floats]:
    """Log-probabilities by models that did not see the row: (m, k) of `rows`, (n, k) of all.

    One `logistic` a fold on the other folds; a row outside `rows` gets the folds' mean.
    """
    numbers = np.unique(folds)
    everywhere = np.zeros((len(features), targets.shape[1]), dtype=np.float32)
    held_out = np.zeros_like(targets)
    for fold in numbers:
        others = folds != fold
        weight = logistic(features[rows[others]], targets[others], l2)
        scores = log_floor(normalise(features @ weight[:-1] + weight[-1]))
        held_out[~others] = scores[rows[~others]]
        everywhere += scores / len(numbers)
    return held_out, everywhere


def fit_pool(
    experts: Floats, answers: Ints, before: Floats, precision: Floats, noise: tuple[float, float]
) -> Fit:
    """Exponents, noise rate and true-class posteriors that explain the answers, by EM.

    experts: (e, m, k) out-of-fold log-probabilities as if classes were equally frequent; before and
    precision: (e,) of a normal prior of the exponents; noise: (wrong, right) pseudo-counts of a
    beta prior of the noise rate. In the likelihood the pool is multiplied by the classes' soft
    frequencies among the labelled rows, so that a rare answer in a sea of a likely class is
    doubted as Bayes would. O(iterations e m k).
    """
    from scipy.optimize import minimize

    n_rows, k = len(answers), experts.shape[2]
    index = np.arange(n_rows)
    exponents, rate = before.astype(float), noise[0] / sum(noise)
    counts = np.bincount(answers, minlength=k) + 0.5
    posterior = np.empty((n_rows, k))
    for _ in range(6):
        frequencies = counts / counts.sum()

        def loss(point: Floats) -> tuple[float, Floats]:
            belief = pooled(experts, point, frequencies)
            hit = belief[index, answers]
            chance = (1 - rate) * hit + rate / (k - 1) * (1 - hit)
            slope = (1 - rate - rate / (k - 1)) * hit / chance
            expected = (belief * experts).sum(axis=2)
            gradient = -((experts[:, index, answers] - expected) * slope).sum(axis=1)
            pull = precision * (point - before)
            return float(-np.log(chance).sum() + 0.5 * pull @ (point - before)), gradient + pull

        bounds = [(0.0, 3.0)] * len(exponents)
        exponents = minimize(loss, exponents, jac=True, method="L-BFGS-B", bounds=bounds).x
        posterior, _ = true_class(pooled(experts, exponents, frequencies), answers, rate)
        wrong = n_rows - posterior[index, answers].sum()
        rate = min((noise[0] + wrong) / (sum(noise) + n_rows), 0.6)
        counts = np.maximum(posterior.sum(axis=0), 0.3)
    return Fit(exponents, rate, posterior)


def trust(prior: Floats, answers: Ints) -> float:
    """How far the prior's guesses beat chance on the answers, in 0..1.

    The class-balanced agreement of ``argmax prior`` with the answers against what the product of
    the two marginals gives: 0 up to one standard error above it, 1 from two and a half on. A flat
    prior agrees by chance alone.
    """
    k = prior.shape[1]
    index = np.arange(len(answers))
    best = prior == prior.max(axis=1, keepdims=True)
    guesses = best / best.sum(axis=1, keepdims=True)
    counts = np.bincount(answers, minlength=k)
    weights = 1.0 / (counts[answers] * np.count_nonzero(counts))
    agreement = weights @ guesses[index, answers]
    chance = guesses.mean(axis=0)[answers]
    spread = np.sqrt(np.sum(weights**2 * chance * (1 - chance)))
    if spread == 0:
        return 0.0
    return float(np.clip(((agreement - weights @ chance) / spread - 1) / 1.5, 0.0, 1.0))


class OutOfFoldBelief:
    """The belief of `fit_pool` with the prior and an out-of-fold logistic regression as experts.

    folds, l2: of the regression on unit-norm features; exponents, precision: the normal prior of
    the exponents of (small model, foundation model); noise: pseudo-counts (wrong, right).
    """

    def __init__(
        self,
        folds: int,
        l2: float,
        exponents: tuple[float, float],
        precision: tuple[float, float],
        noise: tuple[float, float],
        gate: bool,
    ) -> None:
        self.folds, self.l2, self.gate = folds, l2, gate
        self.exponents, self.precision = np.array(exponents), np.array(precision)
        self.noise = (float(noise[0]), float(noise[1]))

    def believe(self, state: State, rng: np.random.Generator) -> Belief:
        """O(folds iterations m d k + folds n d k) time, O(n k) memory."""
        prior = log_floor(state.rows.prior)
        rows, answers = state.labelled, state.labels[state.labelled]
        if len(rows) == 0:
            return Belief(normalise(prior), None, 1.0)
        held_out, everywhere = cross_fit(
            unit(state.rows.features),
            rows,
            np.eye(state.n_classes, dtype=np.float32)[answers],
            fold_numbers(answers, self.folds, rng),
            self.l2,
        )
        # held out, a class of one or two rows can hardly be predicted: no evidence on the model
        held_out[state.counts[answers] < 3] = -np.log(state.n_classes)
        faith = trust(state.rows.prior[rows], answers) if self.gate else 1.0
        experts = np.stack([held_out, faith * prior[rows]])
        fit = fit_pool(experts, answers, self.exponents, self.precision, self.noise)
        pool = pooled(np.stack([everywhere, faith * prior]), fit.exponents)
        pool[rows] = fit.posterior
        return Belief(pool, fit, faith)


def unit(features: Floats) -> Floats:
    """(n, d) float32 features, each row of length one."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12), dtype=np.float32)


def confident_rows(beliefs: Floats, rows: Ints, share: float, most: int) -> Ints:
    """Of each predicted class the `share` of `rows` it is surest of, at most `most` a class."""
    guesses, sureness = beliefs[rows].argmax(axis=1), beliefs[rows].max(axis=1)
    chosen = []
    for one in np.unique(guesses):
        members = np.flatnonzero(guesses == one)
        size = min(int(np.ceil(share * len(members))), most)
        chosen.append(members[np.argsort(-sureness[members], kind="stable")[:size]])
    return np.sort(rows[np.concatenate(chosen)]) if chosen else rows[:0]
