"""What methods and settings of the results explorer are told apart by, to filter them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from al_bench.analysis.curves import Setting
from al_bench.analysis.keys import METHOD, SETTING, Choice, Key, in_method
from al_bench.analysis.names import Names

WHOLE = (*METHOD, "learner")  # what makes up a method: its loss is a part of it
TITLES = {
    "modality": "Modality", "dataset": "Data set", "imbalance": "Imbalance", "noise": "Noise",
    "annotators": "Annotators", "prior": "Prior", "quality": "Prior alone", "protocol": "Budget",
    "strategy": "Query rule", "init": "Start", "supervision": "Training rule",
    "learner": "Learner", "loss": "Loss", "proxy_selection": "Rows of", "label_model": "Labels by",
    "assignment": "Whom to ask",
}  # fmt: skip


def facet(key: str, of: str, shown: Sequence[str], order: Sequence[str]) -> dict[str, Any]:
    """One thing to filter by: its values in order, and the one of each setting or method."""
    values = list(dict.fromkeys(order))
    return {
        "key": key,
        "title": TITLES[key],
        "of": of,
        "values": values,
        "at": [values.index(text) for text in shown],
    }


def place_facets(
    places: Sequence[Setting], names: Names, modality: Callable[[Choice], str]
) -> list[dict[str, Any]]:
    """What settings are told apart by: their choices, modality, and what the prior is worth."""
    groups = [group for group in SETTING if group not in in_method(WHOLE)]
    kinds = [modality(setting.place.choice("dataset")) for setting in places]
    thirds, order = in_thirds([setting.prior for setting in places])
    made = [by_choice(group, "setting", [s.place for s in places], names) for group in groups]
    kind = facet("modality", "setting", kinds, sorted(kinds))
    return [kind, *made, facet("quality", "setting", thirds, order)]


def method_facets(names: Names) -> list[dict[str, Any]]:
    """What methods are told apart by: their choices, and of the learner its loss."""
    losses = [str(m.choice("learner").parameters.get("balance", "its own")) for m in names.methods]
    groups = [group for group in in_method(WHOLE) if group != "learner"]
    made = [by_choice(group, "method", names.methods, names) for group in groups]
    options = [method.choice("learner").option for method in names.methods]
    return [
        *made,
        facet("learner", "method", options, sorted(options)),
        facet("loss", "method", losses, sorted(losses)),
    ]


def by_choice(group: str, of: str, keys: Sequence[Key], names: Names) -> dict[str, Any]:
    """A facet of one group, in the order of its choices."""
    order = [names.choice(choice) for choice in sorted({key.choice(group) for key in keys})]
    return facet(group, of, [names.choice(key.choice(group)) for key in keys], order)


def in_thirds(levels: Sequence[float]) -> tuple[list[str], list[str]]:
    """Each level as one of three ranges, of about as many different levels each, and the ranges in
    order; what is not known (NaN) last."""
    known = sorted({level for level in levels if not np.isnan(level)})
    parts = [part for part in np.array_split(np.array(known), 3) if len(part)]
    ranges = [f"{100 * part[0]:.0f}–{100 * part[-1]:.0f} %" for part in parts]
    ends = [float(part[-1]) for part in parts]
    found = [
        "unknown" if np.isnan(level) else ranges[int(np.searchsorted(ends, level))]
        for level in levels
    ]
    return found, [*ranges, *(["unknown"] if "unknown" in found else [])]
