"""Display names of methods and settings in one report; they are shown and never read back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Self

import pandas as pd

from al_bench.report.keys import LATER, METHOD, Choice, Key, Method, Setting
from al_bench.report.spec import Selection, groups_in, matches
from al_bench.runs.display import changes, differing, display_name, parts_of

# the plain option of each group, left out of a method's name
PLAIN = {
    "supervision": "labels", "init": "random", "learner": "linear", "proxy_selection": "none",
    "label_model": "none", "annotator_selection": "none",
}  # fmt: skip
PREFIX = {
    "supervision": " + ", "init": ", ", "label_model": ", labels by ",
    "annotator_selection": ", annotators: ", "learner": ", ", "proxy_selection": ", rows of ",
}  # fmt: skip

TITLES = {
    "modality": "Modality", "dataset": "Data set", "imbalance": "Imbalance", "noise": "Noise",
    "annotators": "Annotators", "prior": "Prior", "quality": "Prior alone", "protocol": "Budget",
    "strategy": "Query rule", "init": "Start", "supervision": "Training rule",
    "learner": "Learner", "loss": "Loss", "proxy_selection": "Rows of", "label_model": "Labels by",
    "annotator_selection": "Whom to ask",
}  # fmt: skip


def plainest(methods: Iterable[Method]) -> list[Method]:
    """Methods sorted by how many of their parts are not the plain ones, fewest first."""
    return sorted(
        methods, key=lambda m: (sum(c.option != PLAIN.get(c.group, c.option) for c in m.choices), m)
    )


class Names:
    """Display names, made of what varies among the methods and settings of a report. An option is
    shown by the title of its class, with the parameters that vary among its configs; for a part of
    a method, the most common config is shown without them. given: selections of options, or of
    methods by several groups, by the name that they have instead."""

    def __init__(
        self,
        methods: Iterable[Method],
        settings: Iterable[Setting],
        given: Mapping[str, Selection] = MappingProxyType({}),
    ) -> None:
        self.methods, self.settings = sorted(set(methods)), sorted(set(settings))
        self.given = [(name, groups_in(one), one) for name, one in given.items()]
        self.texts: dict[Choice, str] = {}

    @classmethod
    def of(cls, frame: pd.DataFrame, given: Mapping[str, Selection] = MappingProxyType({})) -> Self:
        return cls(frame["method"].unique(), frame["setting"].unique(), given)

    @cached_property
    def choices(self) -> Counter[Choice]:
        return Counter(choice for key in (*self.methods, *self.settings) for choice in key.choices)

    @cached_property
    def varying(self) -> frozenset[str]:
        groups = Counter(choice.group for choice in self.choices)
        return frozenset(group for group, number in groups.items() if number > 1)

    def shared(self) -> dict[str, str]:
        """The choices that all methods and settings share, by group, if worth showing."""
        hidden = {"noise"} if all(map(has_annotators, self.settings)) else set()
        shared = Key(tuple(c for c in self.choices if c.group not in self.varying | hidden))
        told = telling(shared, ("proxy_selection", *LATER))
        return {TITLES[c.group].lower(): self.choice(c) for c in told}

    def changed(self, choice: Choice) -> list[str]:
        """The parameters of a choice that differ among the configs of its option."""
        same = [c for c in {*self.choices, choice}
                if (c.group, c.option) == (choice.group, choice.option)]  # fmt: skip
        if choice.group in METHOD or choice.group in PLAIN:
            (most, *others) = sorted((self.choices[c] for c in same), reverse=True)
            if self.choices[choice] == most and most not in others:
                return []
        return differing(choice.node, [c.node for c in same])

    def choice(self, choice: Choice) -> str:
        """An option in words; its own name is added if two would get the same words."""
        if choice not in self.texts:
            text = self.plain(choice)
            same = {c.option for c in self.choices if c.group == choice.group
                    and c != choice and self.plain(c) == text}  # fmt: skip
            self.texts[choice] = f"{text} [{choice.option}]" if same - {choice.option} else text
        return self.texts[choice]

    def plain(self, choice: Choice) -> str:
        for name, groups, selection in self.given:
            if groups == {choice.group} and matches(Key((choice,)), selection):
                return name
        return display_name(choice.group, choice.option, choice.node, self.changed(choice))

    def method(self, method: Method) -> str:
        """A method: its strategy, and its other parts if they vary and are not the plain ones."""
        return self.parts(method, [choice.group for choice in method.choices])

    def parts(self, method: Method, groups: Sequence[str]) -> str:
        name, covered = self.whole(method) if "strategy" in groups else ("", set())
        text = name
        for choice in method.part(groups).choices:
            plain = choice.option == PLAIN.get(choice.group) or choice.group in covered
            if choice.group == "strategy" or (plain and choice.group not in self.varying):
                continue
            shown = changes(choice.node, self.changed(choice)) if plain else self.choice(choice)
            if choice.group in self.varying and choice.group in PREFIX and shown not in text:
                text += PREFIX[choice.group if not plain else "learner"] + shown
        return text

    def whole(self, method: Method) -> tuple[str, set[str]]:
        """The name of a method, or of its query rule, and the groups that go without saying."""
        covered = {g for c in method.choices for g in parts_of(c.node) if is_whole(method, c)}
        for name, groups, selection in self.given:
            if len(groups) > 1 and matches(method, selection):
                return name, groups | covered
        rule = method.choice("strategy")
        alone = parts_of(rule.node) and not is_whole(method, rule)
        others = (m for m in self.methods if m.choice("strategy") == rule and is_whole(m, rule))
        return self.choice(rule) + "'s queries" * bool(alone and any(others)), covered

    def setting(self, setting: Setting) -> str:
        return self.all(setting.part(("dataset", *self.varying)))

    def all(self, key: Key, between: str = " · ") -> str:
        """Every choice of a key in words; no proxy selection is left out."""
        rows = {"proxy_selection": "rows of "}
        shown = telling(key, ("proxy_selection", *LATER))
        return between.join(rows.get(c.group, "") + self.choice(c) for c in shown)


def is_whole(method: Method, part: Choice) -> bool:
    """Whether a method has all that belongs to one of its parts; without annotators none votes."""
    there = {choice.group: choice.option for choice in method.choices}
    return all(there.get(g, o) in (o, "none") for g, o in parts_of(part.node).items())


def telling(key: Key, absent: Collection[str]) -> list[Choice]:
    """The choices of a key worth showing; `absent` groups if chosen, no noise beside annotators."""
    there = [c for c in key.choices if (c.group in absent, c.option) != (True, "none")]
    return [c for c in there if c.group != "noise"] if has_annotators(key) else there


def has_annotators(key: Key) -> bool:
    return any(c.group == "annotators" and c.option != "none" for c in key.choices)
