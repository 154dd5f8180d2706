"""Display names of methods and settings in one report; they are shown and never read back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

import pandas as pd

from al_bench.report.keys import LATER, METHOD, Choice, Key, Method, Setting
from al_bench.runs.display import changes, differing, display_name

# the plain option of each group, left out of a method's name
PLAIN = {
    "supervision": "labels", "init": "random", "learner": "linear", "proxy_selection": "none",
    "label_model": "none", "annotator_selection": "none",
}  # fmt: skip
PREFIX = {
    "supervision": " + ", "init": ", ", "label_model": ", labels by ",
    "annotator_selection": ", whom by ", "learner": ", ", "proxy_selection": ", rows of ",
}  # fmt: skip


# what people call an option
WORDS = {
    "strategy": {
        "activelab": "ActiveLab", "alfamix": "AlfaMix", "badge": "BADGE", "bait": "BAIT",
        "base": "BASE", "batchbald": "BatchBALD", "class_balanced": "class-balanced",
        "cluster_margin": "cluster margin", "confidence": "least confidence",
        "coreset": "CoreSet", "direct": "DIRECT", "dropquery": "DropQuery",
        "fm_stratified": "stratified by the prior", "galaxy": "GALAXY",
        "maxherding": "MaxHerding", "pcb": "PCB", "pcoreset": "PCoreSet", "prioral": "PriorAL",
        "probcover": "ProbCover", "tail_first": "tail first",
        "tail_first_product": "tail first by the product", "typiclust": "TypiClust",
        "uherding": "UHerding",
    },
    "supervision": {
        "all_pseudo": "pseudo-labels",
        "confident_learning": "confident learning", "distill": "distillation",
        "posterior_labels": "posterior labels",
        "posterior_labels_pool": "codecision's training", "prioral_split": "PriorAL's training",
        "self_training": "self-training", "smoothed": "label smoothing",
    },
    "init": {"fm_balanced": "balanced start"},
    "learner": {"linear_residual": "residual head", "linear_on_prior": "head on the prior"},
}  # fmt: skip


OWN = {  # names of methods that are a whole of several parts
    "codecision": {
        "strategy": "codecision", "supervision": "posterior_labels_pool",
        "init": "fm_balanced", "learner": "linear_on_prior",
    },
}  # fmt: skip


def plainest(methods: Iterable[Method]) -> list[Method]:
    """Methods sorted by how many of their parts are not the plain ones, fewest first."""
    return sorted(
        methods, key=lambda m: (sum(c.option != PLAIN.get(c.group, c.option) for c in m.choices), m)
    )


class Names:
    """Display names, made of what varies among the methods and settings of a report. An option is
    shown with the parameters that vary among its configs; for a part of a method, the most common
    config is shown without them."""

    def __init__(self, methods: Iterable[Method], settings: Iterable[Setting]) -> None:
        self.methods, self.settings = sorted(set(methods)), sorted(set(settings))
        self.texts: dict[Choice, str] = {}

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Names:
        return cls(frame["method"].unique(), frame["setting"].unique())

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
        return {c.group: self.choice(c) for c in telling(shared, LATER)}

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
        option = WORDS.get(choice.group, {}).get(choice.option, choice.option)
        option += " start" * (choice.group == "init" and "start" not in option)
        return display_name(choice.group, option, choice.node, self.changed(choice))

    def method(self, method: Method) -> str:
        """A method: its strategy, and its other parts if they vary and are not the plain ones."""
        return self.parts(method, [choice.group for choice in method.choices])

    def parts(self, method: Method, groups: Sequence[str]) -> str:
        text = self.choice(method.choice("strategy")) if "strategy" in groups else ""
        name = whole(method) if "strategy" in groups else None
        own = OWN.get(name or "", {})
        if name and not self.changed(method.choice("strategy")):
            text = name
        elif text == "codecision" and any(map(whole, self.methods)):
            text = "codecision's queries"
        for choice in method.part(groups).choices:
            if choice.group in own and not self.changed(choice):
                continue
            if choice.group in self.varying and choice.group in PREFIX:
                plain = choice.option == PLAIN[choice.group]
                shown = changes(choice.node, self.changed(choice)) if plain else self.choice(choice)
                text += PREFIX[choice.group] + shown if shown else ""
        return text

    def setting(self, setting: Setting) -> str:
        return self.all(setting.part(("dataset", *self.varying)))

    def all(self, key: Key) -> str:
        """Every choice of a key in words; no proxy selection is left out."""
        rows = {"proxy_selection": "rows of "}
        shown = telling(key, ("proxy_selection", *LATER))
        return " · ".join(rows.get(c.group, "") + self.choice(c) for c in shown)


def whole(method: Method) -> str | None:
    """The name of a method that is a whole of its own, whose parts then go without saying."""
    there = {choice.group: choice.option for choice in method.choices}
    found = (n for n, parts in OWN.items() if all(there.get(g, o) == o for g, o in parts.items()))
    return next(found, None)


def telling(key: Key, absent: Collection[str]) -> list[Choice]:
    """The choices of a key worth showing; `absent` groups if chosen, no noise beside annotators."""
    there = [c for c in key.choices if (c.group in absent, c.option) != (True, "none")]
    return [c for c in there if c.group != "noise"] if has_annotators(key) else there


def has_annotators(key: Key) -> bool:
    return any(c.group == "annotators" and c.option != "none" for c in key.choices)
