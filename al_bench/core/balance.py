"""Class balance of a loss, from soft targets: pure functions that every learner shares."""

from __future__ import annotations

import numpy as np

from al_bench.core.state import Floats

BALANCES = ("none", "weights", "class_weights", "logit_adjustment")
LEAST = 0.5  # rows that a class without mass counts as


def class_mass(targets: Floats, weights: Floats) -> Floats:
    """(k,) weight of each class in a training set."""
    return np.asarray(weights @ targets)


def balanced_weights(targets: Floats, weights: Floats) -> Floats:
    """(m,) weights that give every class with any mass the same total weight."""
    mass = class_mass(targets, weights)
    scale = np.where(mass > 1e-8, 1 / np.maximum(mass, 1e-8), 0.0)
    return np.asarray(weights * (targets @ scale))


def weighted_classes(targets: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(m, k) targets and (m,) weights of a cross-entropy in which every class has a weight,
    one over its mass: a row that is half of a rare class teaches that class. With hard targets the
    weights are `balanced_weights`."""
    parts = targets / np.maximum(class_mass(targets, weights), LEAST)
    total = parts.sum(axis=1)
    return parts / total[:, None], weights * total


def balance_loss(balance: str, targets: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """(m, k) targets, (m,) row weights, and (k,) an offset of the scores in training, for one of
    BALANCES."""
    shift: Floats = np.zeros(targets.shape[1])
    if balance == "weights":
        weights = balanced_weights(targets, weights)
    elif balance == "class_weights":
        targets, weights = weighted_classes(targets, weights)
    elif balance == "logit_adjustment":
        shift = adjustment(targets, weights)
    return targets, weights, shift


def adjustment(targets: Floats, weights: Floats) -> Floats:
    """(k,) log class frequencies to add to the scores in training (Menon et al., 2021); a class
    without mass counts as half a row."""
    mass = np.maximum(class_mass(targets, weights), LEAST)
    return np.asarray(np.log(mass / mass.sum()))
