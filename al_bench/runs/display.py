"""Options in plain words, for tables, figures and the titles of runs; nothing reads them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from string import Formatter
from typing import Any

OURS = "al_bench."
CLASS = "._target_"  # end of the dotted name of a part's class
RIGHT = "no label noise"
INNER = "inner" + CLASS  # the class of an inner part, such as a wrapped strategy
SAID = {  # display names by class; a rate is given in per cent
    "Natural": "natural skew",
    "LongTail": "long tail {ratio}:1",
    "NaturalOrLongTail": "long tail {ratio}:1 unless skewed, {many_ratio}:1 above {many} classes",
    "Step": "step {ratio}:1",
    "Merge": "{classes} classes merged",
    "OneVsRest": "one class of {rate} %",
    "Clean": RIGHT,
    "Symmetric": "{rate} % label noise",
    "PairFlip": "{rate} % label noise, pair flips",
    "FeatureDependent": "{rate} % label noise, feature-dependent",
    "Human": "people's answers ({column})",
    "Votes": "one rater's answer",
    "Recorded": "{column} ({file})",
}


def display_name(
    group: str, option: str, node: Mapping[str, Any], changed: Collection[str] = ()
) -> str:
    """The display name of an option, with its `changed` parameters in brackets: ``ask_again of
    badge (by doubt)``. Imbalance and noise always show their numbers."""
    if "limit" in node and group == "dataset":  # a limited data set always says so
        changed = {*changed, "limit"}
    target = str(node.get("_target_", ""))
    template = SAID.get(target.rpartition(".")[2]) if target.startswith(OURS) else None
    fields = {name for _, name, _, _ in Formatter().parse(template or "") if name}
    if template is None or not fields <= node.keys():
        text, fields = option, set()
    elif group == "noise" and node.get("rate") == 0:
        text = RIGHT
    else:
        text = template.format_map({name: number(name, node[name]) for name in fields})
    if INNER in changed:
        text = f"{text} of {parameters(node)[INNER].rpartition('.')[2].lower()}"
    more = changes(node, [name for name in changed if name not in {*fields, INNER}])
    return f"{text} ({more})" if more else text


def erring(science: Mapping[str, Any]) -> str:
    """The group that decides a run's wrong answers: `annotators` if chosen, else `noise`."""
    return "annotators" if science.get("annotators") else "noise"


def changes(node: Mapping[str, Any], changed: Collection[str]) -> str:
    """Changed parameters of a node and their values: ``balance none, belief.by_classes false``."""
    own = parameters(node)
    shown = ((name.removesuffix(CLASS), own[name]) for name in sorted(changed) if name in own)
    return ", ".join(f"{name} {value(one)}" for name, one in shown)


def differing(node: Mapping[str, Any], others: Collection[Mapping[str, Any]]) -> list[str]:
    """The parameters of a node that differ among other nodes; parts only of their own class."""
    own, known = parameters(node), [parameters(other) for other in others]

    def peers(name: str) -> list[dict[str, Any]]:
        *above, _ = name.removesuffix(CLASS).split(".")
        parts = [".".join(above[: i + 1]) + CLASS for i in range(len(above))]
        return [one for one in known if all(one.get(p) == own.get(p) for p in parts)]

    return [name for name in own if any(one.get(name, known) != own[name] for one in peers(name))]


def parameters(node: Any, above: str = "") -> dict[str, Any]:
    """The plain values of a node by dotted name; a list is one value."""
    if not isinstance(node, Mapping) or not node:
        return {above: node} if above else {}
    found: dict[str, Any] = {}
    for key, inner in node.items():
        found |= parameters(inner, f"{above}.{key}" if above else str(key))
    return found


def number(name: str, one: Any) -> str:
    if name == "file":  # a file of answers, by path or hash
        short = str(one).removeprefix("answers/").removesuffix(".parquet").removesuffix("/answers")
        return short[:15] if short.startswith("sha256:") else short
    percent = name == "rate" and isinstance(one, int | float)
    return value(100 * one if percent else one)


def value(one: Any) -> str:
    """A value as written in yaml; a class by its name without modules."""
    if isinstance(one, bool) or one is None:
        return str(one).lower().replace("none", "null")
    if isinstance(one, list | tuple):
        return f"[{', '.join(map(value, one))}]"
    if isinstance(one, int | float):
        return f"{one:g}"
    text = str(one)
    return text.rpartition(".")[2] if text.startswith(OURS) else text
