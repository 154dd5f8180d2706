"""Options in plain words, for tables, figures and the titles of runs; nothing reads them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from string import Formatter
from typing import Any

from al_bench.runs.declarations import OURS, bases, constants, option_name

CLASS = "._target_"  # end of the dotted name of a part's class
RIGHT = "no label noise"
INNER = "inner" + CLASS  # the class of an inner part, such as a wrapped strategy


def display_name(
    group: str, option: str, node: Mapping[str, Any], changed: Collection[str] = ()
) -> str:
    """The display name of an option, with its `changed` parameters in brackets: ``subsample of
    BADGE (size 500)``. Parameters that the title of its class names are always shown."""
    if "limit" in node and group == "dataset":  # a limited data set always says so
        changed = {*changed, "limit"}
    text = title(group, option, node)
    fields = {name for _, name, _, _ in Formatter().parse(text) if name}
    if not fields <= node.keys():
        text, fields = spaced(option), set()
    elif group == "noise" and node.get("rate") == 0:
        text = RIGHT
    else:
        text = text.format_map({name: number(name, node[name]) for name in fields})
    if INNER in changed and "inner" not in fields:
        text = f"{text} of {number('inner', node['inner'])}"
    more = changes(node, [name for name in changed if name not in {*fields, INNER}])
    return f"{text} ({more})" if more else text


def title(group: str, option: str, node: Mapping[str, Any]) -> str:
    """The title that the class of an option declares, with fields in braces, or else the option in
    words. An option of another name than its class has a title if that tells its parameters."""
    target = str(node.get("_target_", ""))
    if not target.startswith(OURS) or group == "dataset":
        return option.replace("{", "{{").replace("}", "}}")
    found = str(constants(target).get("title", ""))
    named = option_name(target).replace("_", "") == option.replace("_", "")  # BoSS is boss
    name = found if "{" in found or named else spaced(option)
    if group != "init":
        return name or spaced(option)
    return str(constants(target).get("start", f"{name or spaced(option)} start"))


def spaced(option: str) -> str:
    return option.replace("_", " ")


def parts_of(node: Mapping[str, Any]) -> dict[str, str]:
    """The options, by group, that with this component are a method or training rule of its name."""
    target = str(node.get("_target_", ""))
    while target.startswith(OURS) and "parts" not in constants(target):
        target = next(iter(bases(target)), "")
    return dict(constants(target)["parts"]) if target.startswith(OURS) else {}


def erring(science: Mapping[str, Any]) -> str:
    """The group that decides a run's wrong answers: `annotators` if chosen, else `noise`."""
    return "annotators" if science.get("annotators") else "noise"


def changes(node: Mapping[str, Any], changed: Collection[str]) -> str:
    """Changed parameters of a node and their values, or the words that its class has for them:
    ``logit adjustment, l2 10``."""
    own, target = parameters(node), str(node.get("_target_", ""))
    words = dict(constants(target).get("words", ())) if target.startswith(OURS) else {}
    shown = [name for name in sorted(changed) if name in own]
    texts = [f"{name.removesuffix(CLASS)} {value(own[name])}" for name in shown]
    return ", ".join(words.get(text, text) for text in texts)


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
    if name == "inner":
        return title("strategy", option_name(one["_target_"]), one)
    percent = name in ("rate", "fraction") and isinstance(one, int | float)
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
