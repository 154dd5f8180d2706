"""Choosing methods and settings by columns: ``{strategy: codecision, learner.balance: none}``.

A key is a column, or a parameter of its config by dotted name; a value is one value, a list of
alternatives, or ``{not: ...}`` these. A method or setting is selected if it matches every key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from al_bench.report.keys import Choice, K, Key
from al_bench.runs.display import value

Selection: TypeAlias = Mapping[str, Any]


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


def matches(key: Key, selection: Selection) -> bool:
    """Whether a method or setting has every value of a selection."""
    return all(fits(own(key, name), wanted) for name, wanted in selection.items())


def own(key: Key, name: str) -> Any:
    """The value of a key in a column, or for a dotted name; None if it has none."""
    group, _, path = name.partition(".")
    choice: Choice | None = next((c for c in key.choices if c.group == group), None)
    if choice is None or not path:
        return choice and choice.option
    return choice.parameters.get(path)


def fits(found: Any, wanted: Any) -> bool:
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
    """The distinct values of keys in a column or for a dotted name."""
    found = {value(one) for key in keys if (one := own(key, name)) is not None}
    return sorted(found)


def as_text(selection: Selection) -> str:
    return "{" + ", ".join(f"{name}: {value(wanted)}" for name, wanted in selection.items()) + "}"
