"""What an experiment wants its report to show, and the sentences where that cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from al_bench.analysis.frame import METHOD

FIGURES = ("claims", "curves", "savings", "ranks", "heat", "recall", "precision", "prior")
LOWER_IS_BETTER = ("nll", "ece", "imbalance_l1", "labelled_noise")
Target: TypeAlias = Mapping[str, float] | float | None


@dataclass(frozen=True)
class Claim:
    """One method against the best of some baselines, chosen set by set.

    ours: a method's exact name; baselines: patterns of method names, in which * and ? are the only
    wildcards (names have brackets of their own), or None: those of the report; mean, worst: the
    savings over all levels to reach, by group of settings (its noise), or one for every group.
    """

    name: str
    ours: str
    baselines: Sequence[str] | None = None
    mean: Target = None
    worst: Target = None

    def __post_init__(self) -> None:
        for what in ("name", "ours"):
            if not isinstance(text := getattr(self, what), str) or not text:
                raise ValueError(f"a claim of report.claims has {what}={text!r}; wanted a text")
        texts = [] if isinstance(self.baselines, str) else list(self.baselines or [])
        named = bool(texts) and all(isinstance(text, str) for text in texts)
        if self.baselines is not None and not named:
            raise ValueError(
                f"report.claims {self.name!r} has baselines={self.baselines!r}; wanted a list of "
                "method names or patterns"
            )
        for what, target in (("mean", self.mean), ("worst", self.worst)):
            fractions = target.values() if isinstance(target, Mapping) else [target]
            if target is not None and not all(a_fraction(fraction) for fraction in fractions):
                raise ValueError(
                    f"report.claims {self.name!r} has {what}={target!r}; wanted a fraction of at "
                    "most 1, or one for each group of settings"
                )

    def target(self, what: str, group: str) -> float | None:
        """The `mean` or `worst` saving to reach in a group, if there is one."""
        wanted: Target = getattr(self, what)
        return wanted.get(group) if isinstance(wanted, Mapping) else wanted


def a_fraction(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value <= 1


def claim_of(options: Any) -> Claim:
    """A claim from what a config says."""
    try:
        return Claim(**options)
    except TypeError:
        has = sorted(map(str, options)) if isinstance(options, Mapping) else repr(options)
        raise ValueError(
            f"a claim of report.claims has {has}; wanted name, ours and, if need "
            "be, baselines, mean and worst"
        ) from None


@dataclass(frozen=True)
class Printed:
    """Numbers that somebody else printed: of a method in a kind of setting, a value a fraction, in
    %.

    dataset, imbalance, noise: names of options; noise and metric as far as the source says.
    """

    dataset: str
    imbalance: str
    noise: str
    metric: str
    method: str
    values: Sequence[float]


def printed_of(options: Any, fractions: Sequence[float]) -> Printed:
    """Printed numbers from what a config says, one value for each fraction."""
    wanted = f"dataset, imbalance, noise, metric, method and {len(fractions)} values"
    try:
        found = Printed(**options)
    except TypeError:
        raise ValueError(f"report.printed has {options!r}; wanted {wanted}") from None
    if len(found.values) != len(fractions):
        raise ValueError(f"report.printed has {len(found.values)} values of {found.method!r} for "
                         f"{found.dataset!r}; wanted one for each of {list(fractions)}")  # fmt: skip
    return found


@dataclass(frozen=True)
class ReportSpec:
    """What an experiment's report shows.

    metric: the headline, higher is better; ours: methods put forward (none: all alike); baselines:
    those they are held against (none: all others); references: setting to the full-data level;
    targets: fractions of the gap from start to reference; bootstrap, seed: of the intervals;
    method: the groups that make up a method, `learner` too where it is not part of the setting;
    claims: named comparisons over sets, see `Claim`; fractions: of the pool, at which `metrics` are
    tabled and held beside what others `printed`; factorial: query rule x training rule tables of
    `metrics`; details: all forms of savings, tests and final metrics too, which many methods make
    very long.
    """

    metric: str = "balanced_accuracy"
    ours: Sequence[str] = ()
    baselines: Sequence[str] = ()
    references: Mapping[str, float] = field(default_factory=dict)
    targets: Sequence[float] = (0.5, 0.75, 0.9, 0.95)
    bootstrap: int = 2000
    seed: int = 0
    figures: Sequence[str] = FIGURES
    method: Sequence[str] = METHOD
    claims: Sequence[Mapping[str, Any]] = ()
    metrics: Sequence[str] = ("balanced_accuracy",)
    fractions: Sequence[float] = ()
    printed: Sequence[Mapping[str, Any]] = ()
    factorial: bool = False
    details: bool = True

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

    def candidate(self, method: str) -> bool:
        """Whether a method may be the best baseline."""
        return method in self.baselines if self.baselines else method not in self.ours

    @property
    def printed_numbers(self) -> tuple[Printed, ...]:
        """What others printed, checked as far as that goes without results."""
        return tuple(printed_of(options, self.fractions) for options in self.printed)

    @property
    def claimed(self) -> tuple[Claim, ...]:
        """The claims, checked as far as that goes without results."""
        return tuple(claim_of(options) for options in self.claims)
