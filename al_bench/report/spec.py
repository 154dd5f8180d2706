"""What an experiment's report shall show, read from its config and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from al_bench.report.keys import GROUPS, METHOD, SETTING, Choice, K, Key, in_method
from al_bench.runs.display import value

Selection: TypeAlias = Mapping[str, Any]
FIGURES = ("budget", "claims", "curves", "ranks", "heat", "recall", "precision", "ladder")
LOWER_IS_BETTER = ("nll", "ece", "imbalance_l1", "labelled_noise")
VALUES = ("area", "end", "last")


class NoMatchError(ValueError):
    """A selection matches none of the runs."""


def selections(what: str, given: Any, groups: Sequence[str]) -> tuple[Selection, ...]:
    """One selection or several, checked as far as possible without runs."""
    found = [given] if isinstance(given, Mapping) else given
    if isinstance(found, str) or not isinstance(found, Sequence):
        found = [given]
    for one in found:
        if not isinstance(one, Mapping) or not one:
            raise ValueError(f"{what} has {one!r}; wanted columns and their values, such as "
                             f"{{{groups[0]}: ...}}, or a list of such")  # fmt: skip
        unknown = [key for key in one if str(key).partition(".")[0] not in groups]
        if unknown:
            raise ValueError(f"{what} has the key {unknown[0]!r}; wanted one of {list(groups)}, or "
                             "a parameter of one by its dotted name")  # fmt: skip
    return tuple(found)


def groups_in(selection: Selection) -> set[str]:
    return {str(name).partition(".")[0] for name in selection}


def matches(key: Key, selection: Selection) -> bool:
    return all(fits(own(key, name), wanted) for name, wanted in selection.items())


def own(key: Key, name: str) -> Any:
    """The value of a key in a column, or for a dotted name; None if it has none."""
    group, _, path = name.partition(".")
    choice: Choice | None = next((c for c in key.choices if c.group == group), None)
    if choice is None or not path:
        return choice and choice.option
    return choice.parameters.get(path)


def fits(found: Any, wanted: Any) -> bool:
    """Whether a value is the wanted one, one of a list, or none of ``{not: ...}``."""
    if isinstance(wanted, Mapping) and set(wanted) == {"not"}:
        return not fits(found, wanted["not"])
    return bool(found == wanted or (isinstance(wanted, Sequence) and not isinstance(wanted, str)
                                    and found in wanted))  # fmt: skip


def keys_of_selection(what: str, selection: Selection, keys: Sequence[K]) -> list[K]:
    """The keys that match a selection; NoMatchError, which lists the values there are, if none."""
    found = [key for key in keys if matches(key, selection)]
    if not found:
        there = (f"{name} {', '.join(values(name, keys)) or 'nowhere'}" for name in selection)
        raise NoMatchError(f"{what} has {as_text(selection)}, of which there is no run; there is "
                           f"{'; '.join(there)}")  # fmt: skip
    return found


def only(what: str, selection: Selection, keys: Sequence[K]) -> K:
    """The one key that matches a selection; ValueError, which says how they differ, if several."""
    found = keys_of_selection(what, selection, keys)
    if len(found) > 1:
        parts = [choice for key in found for choice in key.choices]
        names = {c.group for c in parts} | {f"{c.group}.{p}" for c in parts for p in c.parameters}
        several = {name: values(name, found) for name in sorted(names) if "_target_" not in name}
        apart = (f"{name} ({', '.join(ones)})" for name, ones in several.items() if len(ones) > 1)
        raise ValueError(
            f"{what} has {as_text(selection)}, which {len(found)} methods are: "
            f"{'; '.join(map(str, found))}; they differ in {'; '.join(apart)}"
        )
    return found[0]


def values(name: str, keys: Sequence[Key]) -> list[str]:
    found = {value(one) for key in keys if (one := own(key, name)) is not None}
    return sorted(found)


def as_text(selection: Selection) -> str:
    return "{" + ", ".join(f"{name}: {value(wanted)}" for name, wanted in selection.items()) + "}"


@dataclass(frozen=True)
class Claim:
    """One method compared with an opponent, set by set.

    name: the opponent in words, as a table shows it; baselines: the methods of which the best in
    each set is the opponent (none: the report's); prior_alone: the opponent is the prior itself, a
    method without labels; times_prior: whether each baseline competes as it is and, if the runs
    measured it, also with its model's probabilities multiplied by the prior's at test time."""

    name: str
    ours: Selection
    baselines: tuple[Selection, ...] = ()
    prior_alone: bool = False
    times_prior: bool = True


def checked_keys(what: str, given: Any, needed: Sequence[str], more: Sequence[str]) -> Any:
    """A config mapping, checked to have all `needed` keys and no others than those in `more`."""
    if not isinstance(given, Mapping) or not {*needed} <= given.keys() <= {*needed, *more}:
        has = sorted(map(str, given)) if isinstance(given, Mapping) else repr(given)
        raise ValueError(f"{what} has {has}; wanted {', '.join(needed)} and, if need be, "
                         f"{', '.join(more)}")  # fmt: skip
    return given


def claim_of(given: Any, inside: Sequence[str]) -> Claim:
    more = ("baselines", "prior_alone", "times_prior")
    checked_keys("a claim of report.claims", given, ("name", "ours"), more)
    name = given["name"]
    if not isinstance(name, str) or not name:
        raise ValueError(f"a claim of report.claims has name={name!r}; wanted a text")
    this = f"report.claims {name!r}"
    baselines = selections(f"{this} baselines", given.get("baselines", ()), inside)
    (ours, *several) = selections(f"{this} ours", given["ours"], inside) or ({},)
    if several or ("baselines" in given and not baselines):
        raise ValueError(f"{this} has {'several ours' if several else 'no baselines'}; wanted one")
    options = {key: given[key] for key in more[1:] if key in given}
    for key, said in options.items():
        if not isinstance(said, bool):
            raise ValueError(f"{this} has {key}={said!r}; wanted true or false")
    if options.get("prior_alone") and baselines:
        raise ValueError(f"{this} has baselines and prior_alone; wanted one of the two")
    return Claim(name, ours, baselines, **options)


@dataclass(frozen=True)
class Pivot:
    """A table of measured values, with any groups as rows and columns.

    rows, columns: groups such as `dataset` or `supervision`, or `method` and `setting` for all of
    their groups; metrics: several become columns; value: `area` under the curve, `end` (mean over
    the last tenth of the budget), `last` (after the last round), or a fraction of the pool at which
    a round ends; where: a selection of the runs that count; note: a remark for the reader."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    metrics: tuple[str, ...]
    value: str | float = "area"
    where: Selection | None = None
    note: str = ""


def pivot_of(given: Any, metric: str) -> Pivot:
    """A table from its config; metric: the report's, used if the table names none."""
    more = ("columns", "metrics", "value", "where", "note")
    checked_keys("report.tables", given, ("title", "rows"), more)
    this = f"report.tables {given['title']!r}"
    groups = ("method", "setting", *SETTING, *in_method((*METHOD, "learner")))
    rows, columns = (tuple(given.get(side, ())) for side in ("rows", "columns"))
    for group in (*rows, *columns):
        if group not in groups:
            raise ValueError(f"{this} has the group {group!r}; wanted some of {list(groups)}")
    value = given.get("value", "area")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value not in VALUES and not (number and 0 < value <= 1):
        raise ValueError(f"{this} has value={value!r}; wanted one of {list(VALUES)} or a fraction "
                         "of the pool")  # fmt: skip
    where = selections(f"{this} where", given.get("where", ()), groups)
    if len(where) > 1:
        raise ValueError(f"{this} has several selections in where; wanted one")
    metrics = tuple(given.get("metrics", (metric,)))
    selection = where[0] if where else None
    return Pivot(given["title"], rows, columns, metrics, value, selection, given.get("note", ""))


@dataclass(frozen=True)
class ReportSpec:
    """What an experiment's report shows; methods and settings are selected by their columns.

    metric: the main one, higher is better; ours: the proposed methods (none: all are treated
    alike); baselines: methods to compare them with (none: all other published ones); method: the
    groups that make up a method, with `learner` if it is not part of the setting; question: what
    the page answers; answer: the name of the claim that answers it (none: the first but that
    against the prior alone); names: selections of options, or of methods by several groups, by what
    people call them; claims: comparisons over sets, see `Claim`; rows: the groups that make up a
    row of their tables (none: noise or annotators, and priors if settings differ only there);
    glance: the names of up to three of them, of one method, for a page of their own; lines: the
    names of those whose curves the figure `budget` shows; tables: further tables, see `Pivot`."""

    metric: str = "balanced_accuracy"
    ours: Sequence[Selection] | Selection = ()
    baselines: Sequence[Selection] | Selection = ()
    figures: Sequence[str] = FIGURES[:-1]
    method: Sequence[str] = METHOD
    question: str = ""
    answer: str = ""
    names: Mapping[str, Selection] = field(default_factory=dict)
    claims: Sequence[Mapping[str, Any]] = ()
    rows: Sequence[str] = ()
    glance: Sequence[str] = ()
    lines: Sequence[str] = ()
    tables: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        if self.metric in LOWER_IS_BETTER:
            raise ValueError(f"report.metric is {self.metric!r}, where lower is better; shares "
                             "need a metric where higher is better")  # fmt: skip
        unknown = [name for name in self.figures if name not in FIGURES]
        if unknown:
            raise ValueError(f"report.figures has {unknown[0]!r}; wanted some of {list(FIGURES)}")
        if sorted(self.method) not in (sorted(METHOD), sorted((*METHOD, "learner"))):
            raise ValueError(
                f"report.method is {list(self.method)}; wanted {list(METHOD)}, and 'learner' "
                "besides where it is part of the method"
            )
        names = [claim.name for claim in self.claimed]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"report.claims has {name!r} twice; wanted a name for each claim")
        absent = [name for name in self.glance if name not in names]
        if absent or len(self.glance) > 3:
            raise ValueError(f"report.glance is {list(self.glance)}; wanted up to three names of "
                             "report.claims")  # fmt: skip
        unknown = [name for name in (*self.lines, self.answer) if name not in ("", *names)]
        if unknown:
            raise ValueError(f"report.lines or report.answer has {unknown[0]!r}; wanted names of "
                             "report.claims")  # fmt: skip
        for name, selection in self.names.items():
            selections(f"report.names {name!r}", selection, GROUPS)
        unknown = [group for group in self.rows if group not in SETTING]
        if unknown:
            raise ValueError(f"report.rows has {unknown[0]!r}; wanted some of {list(SETTING)}")
        for what in ("ours", "baselines"):
            self.selected(what)
        self.pivots  # noqa: B018 (they are checked where they are made)

    def selected(self, what: str) -> tuple[Selection, ...]:
        return selections(f"report.{what}", getattr(self, what), in_method(self.method))

    @cached_property
    def claimed(self) -> tuple[Claim, ...]:
        return tuple(claim_of(given, in_method(self.method)) for given in self.claims)

    @cached_property
    def pivots(self) -> tuple[Pivot, ...]:
        return tuple(pivot_of(given, self.metric) for given in self.tables)
