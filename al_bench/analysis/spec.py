"""What an experiment wants its report to show, and the sentences where that cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from al_bench.analysis.keys import METHOD, SETTING, in_method
from al_bench.analysis.selection import Selection, selections

FIGURES = (
    *("claims", "curves", "savings", "ranks", "heat", "recall", "precision", "prior"),
    *("costs", "ladder"),
)
LOWER_IS_BETTER = ("nll", "ece", "imbalance_l1", "labelled_noise")


@dataclass(frozen=True)
class Target:
    """The savings over all levels to reach, mean and worst, in the rows of a selection.

    Rows are kinds of noise: ``{noise.rate: 0}``; ``{noise.rate: all}`` is the row over all rates.
    Where several annotators are asked rows are these: ``{annotators: mixed}``, or ``all``.
    """

    rows: Selection
    mean: float | None
    worst: float | None


@dataclass(frozen=True)
class Claim:
    """One method against the best of some baselines (none: the report's), chosen set by set.

    rival_metrics: by each of which a baseline is an opponent of its own (none: the report's metric
    alone); levels: metrics whose value without labels ours has to end above; by_set: whether every
    data set has opponents of its own, as a screening chose them, so that one which a data set has
    no run of is not missing there.
    """

    name: str
    ours: Selection
    baselines: tuple[Selection, ...] = ()
    targets: tuple[Target, ...] = ()
    rival_metrics: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    by_set: bool = False


def claim_of(given: Any, inside: Sequence[str]) -> Claim:
    """A claim from what a config says; inside: the groups that make up a method."""
    known = {"name", "ours", "baselines", "targets", "rival_metrics", "levels", "by_set"}
    if not isinstance(given, Mapping) or not {"name", "ours"} <= given.keys() <= known:
        has = sorted(map(str, given)) if isinstance(given, Mapping) else repr(given)
        raise ValueError(f"a claim of report.claims has {has}; wanted name, ours and, if need be, "
                         "baselines, targets, rival_metrics, levels and by_set")  # fmt: skip
    name = given["name"]
    if not isinstance(name, str) or not name:
        raise ValueError(f"a claim of report.claims has name={name!r}; wanted a text")
    this = f"report.claims {name!r}"
    baselines = selections(f"{this} baselines", given.get("baselines", ()), inside)
    (ours, *more) = selections(f"{this} ours", given["ours"], inside) or ({},)
    if more or ("baselines" in given and not baselines):
        raise ValueError(f"{this} has {'several ours' if more else 'no baselines'}; wanted one")
    targets = tuple(target_of(this, t) for t in given.get("targets", ()))
    rival_metrics, levels = (
        metrics_of(this, what, given.get(what, ())) for what in ("rival_metrics", "levels")
    )
    if not isinstance(by_set := given.get("by_set", False), bool):
        raise ValueError(f"{this} has by_set={by_set!r}; wanted true or false")
    return Claim(name, ours, baselines, targets, rival_metrics, levels, by_set)


def metrics_of(this: str, what: str, given: Any) -> tuple[str, ...]:
    """Metrics from what a config says: a list of names, of which higher is better."""
    if (
        isinstance(given, str)
        or not isinstance(given, Sequence)
        or not all(isinstance(name, str) and name not in LOWER_IS_BETTER for name in given)
    ):
        raise ValueError(f"{this} has {what}={given!r}; wanted a list of metrics where higher is "
                         "better")  # fmt: skip
    return tuple(given)


def target_of(this: str, given: Any) -> Target:
    """A target from what a config says: a mean, a worst saving or both, and the rows it is for."""
    goals = (
        {what: given.get(what) for what in ("mean", "worst")} if isinstance(given, Mapping) else {}
    )
    numbers = [goal for goal in goals.values() if goal is not None]
    if not numbers or not all(a_fraction(goal) for goal in numbers):
        raise ValueError(
            f"{this} has the target {given!r}; wanted a mean, a worst saving or both, each a "
            "fraction of at most 1, and the noise they are for if not for all"
        )
    rows = {key: wanted for key, wanted in given.items() if key not in goals}
    selections(f"{this} targets", rows or {"noise": None}, ("noise", "annotators", "prior"))
    return Target(rows, **goals)


def a_fraction(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value <= 1


@dataclass(frozen=True)
class Printed:
    """Numbers that somebody else printed: of a metric, of a method in a kind of setting, a value in
    % for each fraction of the pool."""

    place: Selection
    method: Selection
    metric: str
    values: Sequence[float]


def printed_of(given: Any, fractions: Sequence[float], inside: Sequence[str]) -> Printed:
    """Printed numbers from what a config says: columns, the metric and one value a fraction."""
    if (
        not isinstance(given, Mapping)
        or not {"dataset", "strategy", "metric", "values"} <= given.keys()
    ):
        raise ValueError(
            f"report.printed has {given!r}; wanted dataset, strategy and other columns, metric and "
            f"{len(fractions)} values"
        )
    columns = {k: wanted for k, wanted in given.items() if k not in ("metric", "values")}
    selections("report.printed", columns, (*SETTING, *inside))
    method = {k: wanted for k, wanted in columns.items() if k.partition(".")[0] in inside}
    place = {k: wanted for k, wanted in columns.items() if k not in method}
    if len(given["values"]) != len(fractions):
        raise ValueError(f"report.printed has {len(given['values'])} values of {method} for "
                         f"{place}; wanted one for each of {list(fractions)}")  # fmt: skip
    return Printed(place, method, given["metric"], given["values"])


@dataclass(frozen=True)
class Cost:
    """What money buys: prices of a foundation model's answer in those of a person; the methods that
    ask it about every row of the pool as a prior; those whose best one's final level is the aim."""

    prices: tuple[float, ...]
    ask_prior: tuple[Selection, ...]
    level_of: tuple[Selection, ...]


def cost_of(given: Any, inside: Sequence[str]) -> Cost:
    """The cost from what a config says."""
    known = {"prices", "ask_prior", "level_of"}
    if not isinstance(given, Mapping) or given.keys() != known:
        raise ValueError(f"report.cost is {given!r}; wanted {', '.join(sorted(known))}")
    prices = given["prices"]
    if not isinstance(prices, Sequence) or not prices or not all(map(a_price, prices)):
        raise ValueError(f"report.cost has the prices {prices!r}; wanted some above 0")
    ask, level = (
        selections(f"report.cost {k}", given[k], inside) for k in ("ask_prior", "level_of")
    )
    if not level:
        raise ValueError("report.cost level_of is empty; wanted the methods whose level is the aim")
    return Cost(tuple(map(float, prices)), ask, level)


def a_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


@dataclass(frozen=True)
class ReportSpec:
    """What an experiment's report shows; methods and settings are selected by their columns.

    metric: the headline, higher is better; ours: methods put forward (none: all alike); baselines:
    those they are held against (none: all others that are published); references: settings with
    their full-data `level`; targets: fractions of the gap from start to reference; bootstrap, seed:
    of the intervals; method: the groups that make up a method, `learner` too where it is not part
    of the setting; claims: named comparisons over sets, see `Claim`; fractions: of the pool, at
    which `metrics` are tabled and held beside what others `printed`; factorial: query rule x
    training rule tables of `metrics`; details: all forms of savings, tests and final metrics too,
    which many methods make very long; beside_prior: by which metrics every method is held against
    the prior alone; cost: what a level costs, see `Cost`.
    """

    metric: str = "balanced_accuracy"
    ours: Sequence[Selection] | Selection = ()
    baselines: Sequence[Selection] | Selection = ()
    references: Sequence[Mapping[str, Any]] = ()
    targets: Sequence[float] = (0.5, 0.75, 0.9, 0.95)
    bootstrap: int = 2000
    seed: int = 0
    figures: Sequence[str] = FIGURES[:-2]
    method: Sequence[str] = METHOD
    claims: Sequence[Mapping[str, Any]] = ()
    metrics: Sequence[str] = ("balanced_accuracy",)
    fractions: Sequence[float] = ()
    printed: Sequence[Mapping[str, Any]] = ()
    factorial: bool = False
    details: bool = True
    beside_prior: Sequence[str] = ()
    cost: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.metric in LOWER_IS_BETTER:
            raise ValueError(f"report.metric is {self.metric!r}, where lower is better; savings "
                             "need a metric where higher is better")  # fmt: skip
        unknown = [name for name in self.figures if name not in FIGURES]
        if unknown:
            raise ValueError(f"report.figures has {unknown[0]!r}; wanted some of {list(FIGURES)}")
        if self.bootstrap < 1 or not all(0 < gap <= 1 for gap in self.targets):
            raise ValueError(
                f"report has bootstrap={self.bootstrap}, targets={list(self.targets)}; wanted at "
                "least one resample and fractions in (0, 1]"
            )
        if sorted(self.method) not in (sorted(METHOD), sorted((*METHOD, "learner"))):
            raise ValueError(
                f"report.method is {list(self.method)}; wanted {list(METHOD)}, and 'learner' "
                "besides where it is part of the method"
            )
        names = [claim.name for claim in self.claimed]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"report.claims has {name!r} twice; wanted a name for each claim")
        if not all(0 < fraction <= 1 for fraction in self.fractions):
            raise ValueError(
                f"report.fractions is {list(self.fractions)}; wanted fractions in (0, 1]"
            )
        if self.printed_numbers and not self.fractions:
            raise ValueError(
                "report.printed needs report.fractions, the fractions its values are of"
            )
        worse = [name for name in self.beside_prior if name in LOWER_IS_BETTER]
        if worse:
            raise ValueError(f"report.beside_prior has {worse[0]!r}, where lower is better; wanted "
                             "metrics where higher is better")  # fmt: skip
        for what in ("ours", "baselines"):
            self.selected(what)
        self.levels, self.costs  # noqa: B018 (they are checked where they are made)

    def selected(self, what: str) -> tuple[Selection, ...]:
        """The selections of `ours` or of the `baselines`."""
        return selections(f"report.{what}", getattr(self, what), in_method(self.method))

    @cached_property
    def levels(self) -> tuple[tuple[Selection, float], ...]:
        """The declared references: settings and their levels."""
        found = []
        for given in self.references:
            place = {key: wanted for key, wanted in given.items() if key != "level"}
            if not a_fraction(given.get("level")):
                raise ValueError(f"report.references has {given!r}; wanted columns and a level")
            selections("report.references", place, SETTING)
            found.append((place, float(given["level"])))
        return tuple(found)

    @cached_property
    def costs(self) -> Cost | None:
        """What the cost of a level is made of, checked as far as that goes without results."""
        return None if self.cost is None else cost_of(self.cost, in_method(self.method))

    @cached_property
    def printed_numbers(self) -> tuple[Printed, ...]:
        """What others printed, checked as far as that goes without results."""
        inside = in_method(self.method)
        return tuple(printed_of(given, self.fractions, inside) for given in self.printed)

    @property
    def measured(self) -> tuple[str, ...]:
        """The report's metric, and the others that claims ask for."""
        others = (m for claim in self.claimed for m in (*claim.rival_metrics, *claim.levels))
        return tuple(dict.fromkeys((self.metric, *others)))

    @cached_property
    def claimed(self) -> tuple[Claim, ...]:
        """The claims, checked as far as that goes without results."""
        return tuple(claim_of(given, in_method(self.method)) for given in self.claims)
