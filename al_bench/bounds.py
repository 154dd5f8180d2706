"""What a parameter of a component may be; anything else is refused in one form of words."""

from __future__ import annotations

from collections.abc import Iterable


def require(fine: bool, who: object, wanted: str, **got: object) -> None:
    """ValueError that says who got what and what was wanted, unless that is fine.

    who: the component, or what a user calls it.
    """
    if not fine:
        name = who if isinstance(who, str) else type(who).__name__
        said = ", ".join(f"{parameter}={value!r}" for parameter, value in got.items())
        raise ValueError(f"{name} got {said}; wanted {wanted}")


def at_least(who: object, least: float, **got: float) -> None:
    """ValueError unless each of these numbers is this one or more."""
    require(all(value >= least for value in got.values()), who, f"{least} or more", **got)


def above(who: object, bar: float, **got: float) -> None:
    """ValueError unless each of these numbers is larger than this one."""
    require(all(value > bar for value in got.values()), who, f"more than {bar}", **got)


def fraction(who: object, **got: float) -> None:
    """ValueError unless each of these numbers is in 0..1, both included."""
    require(all(0 <= value <= 1 for value in got.values()), who, "0 to 1", **got)


def one_of(who: object, words: Iterable[str], **got: object) -> None:
    """ValueError unless each of these is one of some words."""
    known = tuple(words)
    wanted = f"one of {', '.join(known)}"
    require(all(value in known for value in got.values()), who, wanted, **got)
