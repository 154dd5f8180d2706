"""What money buys: the cost at which each way of labelling first reaches a level.

Ways differ in protocol and in who is asked, so their curves have no common grid: each is put at its
own mean cost, and a level is looked for on its isotonic mean curve.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from al_bench.analysis import stats
from al_bench.analysis.curves import Floats
from al_bench.analysis.keys import Choice, Method, Place
from al_bench.analysis.savings import isotonic, labels_needed, last_level
from al_bench.analysis.selection import Selection, matches
from al_bench.analysis.spec import Cost, ReportSpec
from al_bench.rng import rng

Ends = tuple[float, float, float]  # a value and the ends of its interval


@dataclass(frozen=True)
class Way:
    """One way of labelling a data set: a method under a protocol.

    curves: (s, p) of the metric; people: (s, p) cost of people's answers so far, the price of an
    answer being 1; models: (s, p) foundation models' answers so far, those of a prior included.
    """

    method: Method
    protocol: Choice
    curves: Floats
    people: Floats
    models: Floats

    @property
    def key(self) -> tuple[Method, Choice]:
        return self.method, self.protocol

    def cost(self, price: float) -> Floats:
        """(s, p) money spent where a model's answer costs `price`."""
        return np.asarray(self.people + price * self.models)

    @property
    def end(self) -> float:
        return float(last_level(self.curves.mean(axis=0, keepdims=True), self.people[0])[0])


@dataclass(frozen=True)
class Costed:
    """The ways of one data set, and the level that they are to reach; by way and price the money
    this takes, with its interval over seeds: inf where it is not reached."""

    place: Place
    level: float
    ways: tuple[Way, ...]
    needed: dict[tuple[tuple[Method, Choice], float], Ends]


def costed(frame: pd.DataFrame, spec: ReportSpec) -> list[Costed]:
    """What each way costs, data set by data set; frame: keyed. ValueError where no run is of those
    whose level is the aim."""
    assert spec.costs is not None
    found = []
    for place, part in sorted(by_data(frame).items()):
        ways = tuple(ways_of(part, spec.costs, spec.metric))
        aims = [way.end for way in ways if chosen(way.method, spec.costs.level_of)]
        if not aims:
            raise ValueError(f"report.cost level_of selects no run in {place}")
        level = max(aims)
        needed = {
            (way.key, price): money(way, price, level, spec)
            for way in ways
            for price in spec.costs.prices
        }
        found.append(Costed(place, level, ways, needed))
    return found


def by_data(frame: pd.DataFrame) -> dict[Place, pd.DataFrame]:
    """The rows by all of the setting but its protocol and annotators."""
    groups = ("dataset", "imbalance", "noise", "prior", "learner")
    places = frame["setting"].map(lambda place: place.part(groups))
    return dict(iter(frame.groupby(places)))


def ways_of(part: pd.DataFrame, cost: Cost, metric: str) -> Iterator[Way]:
    """The ways of one data set, each over its own seeds and rounds."""
    some = part[part["n_labels"] > 0]
    protocols = some["setting"].map(lambda place: place.choice("protocol"))
    parts: Any = some.groupby([some["method"], protocols], sort=True)
    for (method, protocol), runs in parts:
        wide = {
            column: runs.pivot(index="seed", columns="round", values=column).to_numpy(dtype=float)
            for column in (metric, "cost", "model_answers")
        }
        price = json.loads(protocol.config).get("model", 1.0)
        models = wide["model_answers"]
        people = wide["cost"] - price * models
        if chosen(method, cost.ask_prior):
            models = models + float(runs["n_pool"].iloc[0])
        yield Way(method, protocol, wide[metric], people, models)


def chosen(method: Method, selections: Sequence[Selection]) -> bool:
    return any(matches(method, selection) for selection in selections)


def money(way: Way, price: float, level: float, spec: ReportSpec) -> Ends:
    """What a level costs, with a bootstrap interval over seeds; inf where it is not reached."""
    cost = way.cost(price)

    def statistic(weights: Floats) -> Floats:
        curves, spent = weights @ way.curves, weights @ cost
        aims = np.full((1, 1), level)
        needed = [
            labels_needed(isotonic(curve[None]), grid, aims)[0]
            for curve, grid in zip(curves, spent, strict=True)
        ]
        return -np.asarray(needed)  # what cannot be counts as the worst, which is least

    draws = rng(spec.seed, f"cost {way.method.text} {way.protocol.config} {price}")
    found = stats.interval(statistic, len(cost), spec.bootstrap, draws)
    return -float(found.value[0]), -float(found.high[0]), -float(found.low[0])
