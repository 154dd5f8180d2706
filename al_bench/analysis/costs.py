"""What money buys: the cost at which each way of labelling first reaches a level.

Ways differ in protocol and in who is asked, so their curves have no common grid: each is put at its
own mean cost, and a level is looked for on its isotonic mean curve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from al_bench.analysis import stats
from al_bench.analysis.curves import Floats
from al_bench.analysis.keys import SETTING, Method, Place
from al_bench.analysis.names import Names
from al_bench.analysis.savings import isotonic, labels_needed, last_level
from al_bench.analysis.selection import NoMatchError, Selection, chosen, matches
from al_bench.analysis.spec import Cost, ReportSpec
from al_bench.rng import rng

TERMS = ("annotators", "protocol")  # of a setting: who there is to ask, and how much is bought
DATA = tuple(group for group in SETTING if group not in TERMS)
Ends: TypeAlias = tuple[float, float, float]  # a value and the ends of its interval
Key: TypeAlias = tuple[Method, Place]


@dataclass(frozen=True)
class Way:
    """One way of labelling a data set: a method with its terms, the annotators and the protocol.

    curves: (s, p) of the metric; people: (s, p) cost of people's answers so far, the price of an
    answer being 1; models: (s, p) foundation models' answers so far, those of a prior included;
    end: mean of the curves over the last tenth of the money that the runs spent.
    """

    method: Method
    terms: Place
    curves: Floats
    people: Floats
    models: Floats
    end: float

    @property
    def key(self) -> Key:
        return self.method, self.terms

    def cost(self, price: float) -> Floats:
        """(s, p) money spent where a model's answer costs `price`."""
        return np.asarray(self.people + price * self.models)


@dataclass(frozen=True)
class Costed:
    """The ways of one data set and the level that they are to reach, the best end of those in
    `aims`; by way the money this takes at each price, inf where it is not reached."""

    place: Place
    level: float
    ways: tuple[Way, ...]
    aims: frozenset[Key]
    needed: dict[Key, tuple[Ends, ...]]

    def relative(self, key: Key) -> Floats:
        """(prices,) money of a way as a multiple of the least that one of `aims` needs."""
        money = {k: np.array([value for value, *_ in ends]) for k, ends in self.needed.items()}
        return np.asarray(money[key] / np.min([money[k] for k in self.aims], axis=0))


@dataclass(frozen=True)
class Costs:
    """What a level costs, data set by data set; names: of all ways; missing: in sentences, what has
    not been run yet."""

    prices: tuple[float, ...]
    sets: tuple[Costed, ...]
    names: Names
    missing: tuple[str, ...]

    @property
    def keys(self) -> list[Key]:
        """All ways, in order."""
        return sorted({way.key for costed in self.sets for way in costed.ways})

    def called(self, key: Key) -> str:
        """A method, with its terms where they are not those of most ways."""
        method, terms = key
        text, usual = self.names.method(method), Counter(terms for _, terms in self.keys)
        if terms == max(sorted(usual), key=lambda one: usual[one]):
            return text
        return f"{text}; {self.names.all(terms.part(tuple(self.names.varying)))}"


def costs_of(frame: pd.DataFrame, cost: Cost, spec: ReportSpec, partial: bool) -> Costs:
    """What each way costs, data set by data set; frame: keyed; partial: runs are missing, and so
    may be those of a selection, or those whose level is the aim in a data set.

    ValueError where a selection is of no run, or a run does not say what its answers cost.
    """
    missing = list(absent(frame, cost))
    sets = []
    for place, part in sorted(by_data(frame).items()):
        ways = tuple(ways_of(place, part, cost, spec.metric))
        aims = {way.key: way.end for way in ways if is_one(way.method, cost.level_of)}
        if not aims:
            missing.append(f"report.cost level_of selects no run in {place}")
            continue
        level = max(aims.values())
        needed = {way.key: money(place, way, cost.prices, level, spec) for way in ways}
        sets.append(Costed(place, level, ways, frozenset(aims), needed))
    if missing and not (partial and sets):
        raise ValueError(missing[0])
    return Costs(cost.prices, tuple(sets), Names.of(frame), tuple(missing))


def absent(frame: pd.DataFrame, cost: Cost) -> Iterator[str]:
    """The selections that are of no run, in sentences."""
    methods = sorted(frame["method"].unique())
    for what, some in (("ask_prior", cost.ask_prior), ("level_of", cost.level_of)):
        for selection in some:
            try:
                chosen(f"report.cost {what}", selection, methods)
            except NoMatchError as why:
                yield str(why)


def by_data(frame: pd.DataFrame) -> dict[Place, pd.DataFrame]:
    """The rows by all of the setting but the terms of ways."""
    places = frame["setting"].map(lambda place: place.part(DATA))
    return dict(iter(frame.groupby(places)))


def ways_of(place: Place, part: pd.DataFrame, cost: Cost, metric: str) -> Iterator[Way]:
    """The ways of one data set, each over its own seeds and rounds; ValueError where a run does not
    say what its answers cost, or the runs of a way are not alike."""
    some = part[part["n_labels"] > 0]
    terms = some["setting"].map(lambda setting: setting.part(TERMS))
    parts: Any = some.groupby([some["method"], terms])
    for (method, term), runs in parts:
        who = f"{method} under {term} in {place}"
        if not {"cost", "model_answers"} <= set(runs) or runs["cost"].isna().any():
            raise ValueError(f"report.cost needs what answers cost, which {who} does not say; "
                             "wanted runs with annotators")  # fmt: skip
        curves, spent, models, pool = (
            by_round(who, runs, column) for column in (metric, "cost", "model_answers", "n_pool")
        )
        people = spent - term.choice("protocol").parameters.get("model", 1.0) * models
        end = float(last_level(curves.mean(axis=0, keepdims=True), spent.mean(axis=0))[0])
        if is_one(method, cost.ask_prior):
            models = models + pool
        yield Way(method, term, curves, people, models, end)


def by_round(who: str, runs: pd.DataFrame, column: str) -> Floats:
    """(s, p) a column by seed and round; ValueError where a seed has two runs, or other rounds than
    the others."""
    if runs.duplicated(["seed", "round"]).any():
        raise ValueError(f"report.cost has two runs of {who} with one seed; wanted one")
    wide = runs.pivot(index="seed", columns="round", values=column).to_numpy(dtype=float)
    if np.isnan(wide).any():
        raise ValueError(f"report.cost has runs of {who} with {column} in some rounds only; wanted "
                         "all seeds measured in the same rounds")  # fmt: skip
    return wide


def is_one(method: Method, selections: Sequence[Selection]) -> bool:
    """Whether a method is of one of some selections."""
    return any(matches(method, selection) for selection in selections)


def money(
    place: Place, way: Way, prices: Sequence[float], level: float, spec: ReportSpec
) -> tuple[Ends, ...]:
    """What a level costs at each price, with a bootstrap interval over seeds; inf where it is not
    reached. The level is fixed, and the resamples are the same at all prices."""
    spent = [way.cost(price) for price in prices]

    def statistic(weights: Floats) -> Floats:
        curves, aims = isotonic(weights @ way.curves), np.full((len(weights), 1), level)
        needed = [labels_needed(curves, weights @ one, aims)[:, 0] for one in spent]
        return -np.stack(needed, axis=1)  # what cannot be counts as the worst, which is least

    draws = rng(spec.seed, f"cost {place.text} {way.method.text} {way.terms.text}")
    found = stats.interval(statistic, len(way.curves), spec.bootstrap, draws)
    ends = zip(-found.value, -found.high, -found.low, strict=True)
    return tuple((float(value), float(low), float(high)) for value, low, high in ends)
