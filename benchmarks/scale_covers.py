"""Covers by a sample of a large pool beside greedy covers of all of it: see benchmarks/scale.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
from selection import node

from al_bench.arithmetic import margin, softmax
from al_bench.configuration.config import build
from al_bench.state import Floats, Ints, State
from al_bench.strategies import herding, probcover, similar
from al_bench.strategies.balance import rare_classes
from al_bench.strategies.common import clusters
from al_bench.strategies.common.distances import blocks, squared_distances, unit_rows
from al_bench.strategies.common.greedy import lazy_greedy

Result = dict[str, Any]  # criterion; rule, exact, random: its values, the last one may be None
Kernel = Callable[[Ints], Floats]  # (m,) positions in the pool -> (m, n) likeness to all of it


def result(criterion: str, rule: float, exact: float, random: float | None = None) -> Result:
    return {"criterion": criterion, "rule": rule, "exact": exact, "random": random}


def strategy(name: str, **changes: Any) -> Any:
    """The rule of a config with some parameters changed."""
    made = node(name)
    made.update(changes)
    return build(made)


def choice(rule: Any, state: State, budget: int) -> Ints:
    """The rows that a rule queries, with the draws of one seed."""
    rows: Ints = rule.select(state, budget, np.random.default_rng(2))
    return rows


def at_random(state: State, budget: int) -> Ints:
    return choice(strategy("random"), state, budget)


def kept(found: list[Any], call: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which also appends what it returns."""

    def called(*arguments: Any, **named: Any) -> Any:
        found.append(call(*arguments, **named))
        return found[-1]

    return called


def coverage(
    criterion: str, state: State, chosen: Ints, kernel: Kernel, weights: Floats, reached: Floats
) -> Result:
    """Weighted mean over the unlabelled rows of their largest likeness to a chosen row or what
    reached them before, where all of them cover and are covered.

    kernel: by positions among the unlabelled rows; weights, reached: (u,).
    """
    budget, weights = len(chosen), weights / weights.sum()
    best = reached.copy()

    def gain(at: Ints) -> Floats:
        return np.maximum(kernel(at) - best, 0) @ weights

    def take(at: int) -> None:
        np.maximum(best, kernel(np.array([at]))[0], out=best)

    def value(rows: Ints) -> float:
        at = np.searchsorted(state.unlabelled, rows)
        near = [kernel(at[part]).max(axis=0) for part in blocks(len(at), 64)]
        return float(np.maximum(np.max(near, axis=0), reached) @ weights)

    exact = state.unlabelled[lazy_greedy(gain, take, len(reached), budget, herding.ROUNDING)]
    return result(criterion, value(chosen), value(exact), value(at_random(state, budget)))


def distances_to_all(state: State) -> Kernel:
    """Squared distances of unlabelled rows at unit length."""
    pool = unit_rows(state.rows.features, state.unlabelled)
    return lambda at: squared_distances(pool[at], pool)


def nearest_labelled(state: State) -> Floats:
    """(u,) squared distance to the nearest labelled row, both at unit length."""
    taught, out = unit_rows(state.rows.features, state.labelled), np.empty(len(state.unlabelled))
    for part in blocks(len(out)):
        here = unit_rows(state.rows.features, state.unlabelled[part])
        out[part] = squared_distances(here, taught).min(axis=1)
    return out.astype(state.rows.features.dtype)


def herded(name: str, state: State, budget: int) -> list[Result]:
    rule, free = strategy(name), state.unlabelled
    weights = np.ones(len(free), dtype=state.rows.features.dtype)
    if name == "uherding":
        logs = np.log(np.maximum(state.probs[free], 1e-30)) / rule.temperature
        weights = (1 - margin(softmax(logs))).astype(weights.dtype)
        width = herding.smallest_distance(unit_rows(state.rows.features, state.labelled))
    else:
        width = rule.width
    squared, scale = distances_to_all(state), np.float32(-1 / width**2)
    reached = np.exp(nearest_labelled(state) * scale)
    chosen = choice(rule, state, budget)
    kernel: Kernel = lambda at: np.exp(squared(at) * scale)  # noqa: E731
    return [coverage("mean kernel coverage", state, chosen, kernel, weights, reached)]


def covered(name: str, state: State, budget: int) -> list[Result]:
    found: list[float] = []
    with patch.object(probcover, "pure_radius", kept(found, probcover.pure_radius)):
        chosen = choice(strategy(name), state, budget)
    squared, reach = distances_to_all(state), found[0]
    reached = (nearest_labelled(state) < reach).astype(np.float32)
    kernel: Kernel = lambda at: (squared(at) < reach).astype(np.float32)  # noqa: E731
    what = f"rows within the sample's radius {reach**0.5:.3f}"
    lines = [coverage(what, state, chosen, kernel, np.ones_like(reached), reached)]
    pool = unit_rows(state.rows.features, state.unlabelled)
    assigned = clusters.kmeans(pool, state.n_classes, np.random.default_rng(2))[0]
    nearest = np.empty(len(pool))
    for part in blocks(len(pool), 256):
        own = assigned[part, None] == assigned
        near = squared(np.arange(len(pool))[part])
        nearest[part] = np.where(own, np.inf, near).min(axis=1)
    exact = np.sort(nearest)[int((1 - strategy(name).purity) * len(nearest) + 1e-9)]
    return [*lines, result("radius with that purity", reach**0.5, exact**0.5)]


def conditional(name: str, state: State, budget: int) -> list[Result]:
    rule, free = strategy(name), state.unlabelled
    known = np.empty(len(free), dtype=np.float32)
    for part in blocks(len(free)):
        near = similar.gradient_similarity(state, free[part], state.labelled).max(axis=1)
        known[part] = rule.nu * near
    residual, features = similar._directions(state, free)  # as gradient_similarity, for all at once
    kernel: Kernel = lambda at: (  # noqa: E731
        (residual[at] @ residual.T * (features[at] @ features.T) + 1) / 2
    )
    chosen = choice(rule, state, budget)
    return [coverage("mean coverage", state, chosen, kernel, np.ones_like(known), known)]


def queried(name: str, state: State, budget: int) -> list[Result]:
    """Mutual information with all rows answered as rare, beside a rule that reads all of them."""
    rule = strategy(name)
    rare = rare_classes(state, rule.rare)
    asked = state.labelled[rare[state.labels[state.labelled]]]

    def value(rows: Ints) -> float:
        alike = similar.gradient_similarity(state, rows, asked)
        return float(alike.max(axis=0).sum() + rule.eta * alike.max(axis=1).sum())

    exact = choice(strategy(name, queries=max(len(asked), 1)), state, budget)
    rows = choice(rule, state, budget), exact, at_random(state, budget)
    return [result(f"information on {len(asked)} rare answers", *map(value, rows))]
