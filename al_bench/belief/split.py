"""PriorAL's split of the pool (Zhang et al., 2026), shared by its query rule and training rule.

As in the paper: the imbalance-aware entropy of a row is ``H_b = w_yhat / max_k w_k * entropy(p q)``
with task model p and foundation model q; w_k is the number of unlabelled rows whose pseudo-label
``yhat = argmax q`` is k. The fraction rho of highest H_b is the noise set; other rows keep their
pseudo-labels. Details that the paper leaves open are options.
"""

from __future__ import annotations

import numpy as np

from al_bench.core.arrays import entropy
from al_bench.core.state import Floats, Ints, State

WEIGHTS = ("as_published", "none", "inverse", "precision")


def fm_guesses(prior: Floats, rng: np.random.Generator) -> Ints:
    """(n,) argmax class of each row's prior; ties at random."""
    best = prior == prior.max(axis=1, keepdims=True)
    return np.asarray(np.argmax(best * rng.uniform(1, 2, size=prior.shape), axis=1))


def class_weights(direction: str, state: State, guesses: Ints) -> Floats:
    """(k,) factor of the entropy by pseudo-label; the largest is 1.

    as_published: the class's fraction of the unlabelled rows' pseudo-labels, so that rows
    pseudo-labelled as a rare class look certain; inverse: one over that; none: 1; precision: the
    fraction of the class's pseudo-labels that answers contradict, with one pseudo-count each for
    right and wrong. ValueError for another word.
    """
    k = state.n_classes
    size = np.maximum(np.bincount(guesses[state.unlabelled], minlength=k), 1).astype(float)
    if direction == "none":
        return np.ones(k)
    if direction == "as_published":
        return np.asarray(size / size.max())
    if direction == "inverse":
        return np.asarray(size.min() / size)
    if direction == "precision":
        called, answers = guesses[state.labelled], state.labels[state.labelled]
        wrong = np.bincount(called[called != answers], minlength=k)
        doubt = (1 + wrong) / (2 + np.bincount(called, minlength=k))
        return np.asarray(doubt / doubt.max())
    raise ValueError(f"PriorAL got weight={direction!r}; wanted one of {', '.join(WEIGHTS)}")


def balanced_entropy(
    state: State, guesses: Ints, weight: str, product: bool, floor: float
) -> Floats:
    """(u,) imbalance-aware entropy of ``state.unlabelled``, in nats; O(u k)."""
    rows = state.unlabelled
    both = np.maximum(state.probs[rows], floor)
    if product:
        both = both * np.maximum(state.rows.prior[rows], floor)
    both = both / both.sum(axis=1, keepdims=True)
    return np.asarray(class_weights(weight, state, guesses)[guesses[rows]] * entropy(both))


def noise_set(scores: Floats, rho: float, least: int, rng: np.random.Generator) -> Ints:
    """Positions of the fraction `rho` of highest scores, at least `least`; ties at random.

    Raises ValueError unless 0 <= rho <= 1.
    """
    if not 0 <= rho <= 1:
        raise ValueError(f"PriorAL got rho={rho}; wanted a fraction in 0..1")
    size = min(max(round(rho * len(scores)), least), len(scores))
    order = rng.permutation(len(scores))
    return np.asarray(order[np.argsort(-scores[order], kind="stable")[:size]])
