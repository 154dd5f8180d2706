"""What the results explorer is given: curves as whole numbers, and who is who by index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from al_bench.analysis.curves import Setting, settings
from al_bench.analysis.frame import Results
from al_bench.analysis.ground import ground, narrowed
from al_bench.analysis.keys import METHOD, SETTING, Choice, Key, in_method
from al_bench.analysis.names import Names
from al_bench.analysis.spec import LOWER_IS_BETTER, ReportSpec

WHOLE = (*METHOD, "learner")  # what makes up a method: its loss is a part of it
OTHERS = tuple(group for group in in_method(WHOLE) if group != "strategy")
UNIT = 10_000  # curves are stored in hundredths of a point
TITLES = {
    "modality": "Modality", "dataset": "Data set", "imbalance": "Imbalance", "noise": "Noise",
    "annotators": "Annotators", "prior": "Prior", "quality": "Prior alone", "protocol": "Budget",
    "strategy": "Query rule", "init": "Start", "supervision": "Training rule",
    "learner": "Learner", "loss": "Loss", "proxy_selection": "Rows of", "label_model": "Labels by",
    "assignment": "Whom to ask",
}  # fmt: skip

Arguments: TypeAlias = Callable[[Choice], Sequence[str] | None]


@dataclass(frozen=True)
class About:
    """What no table of results says of a choice. modality: of a data set; arguments: with which a
    choice is asked for on the command line, None where it is not ours."""

    modality: Callable[[Choice], str]
    arguments: Arguments


def joined(parts: Sequence[Results]) -> Results:
    """Several results as one; a run that several have counts once."""
    frames = [part.frame for part in parts if len(part.frame)]
    if not frames:
        raise ValueError(f"no finished run to explore: {parts[0].summary()}")
    frame = pd.concat(frames, ignore_index=True).drop_duplicates(["id", "round"])
    keys = dict.fromkeys(key for part in parts for key in part.provenance)
    found = {k: sorted({v for part in parts for v in part.provenance.get(k, ())}) for k in keys}
    failed, unfinished = (
        tuple({run.id: run for part in parts for run in getattr(part, what)}.values())
        for what in ("failed", "unfinished")
    )
    return Results(frame.reset_index(drop=True), failed, unfinished, found)


def explorer_data(results: Results, metrics: Sequence[str], about: About) -> dict[str, Any]:
    """All that the page is made of, ready for JSON; the same results give the same value.

    metrics: the first is what the page starts with. ValueError where one is unknown or lower is
    better, runs of one setting met different problems, or a method has two runs of one seed.
    """
    for metric in metrics:
        if metric in LOWER_IS_BETTER:
            raise ValueError(f"the explorer has the metric {metric}, where lower is better; wanted "
                             "one where higher is")  # fmt: skip
    spec = ReportSpec(metric=metrics[0], method=WHOLE)
    every = [narrowed(results.frame, ReportSpec(metric=metric)) for metric in metrics]
    frame = every[0].assign(**{m: part[m] for m, part in zip(metrics, every, strict=True)})
    on = ground(frame, spec, results.partial)
    by_metric = [settings(on.frame, metric) for metric in metrics]
    first = by_metric[0]
    names, methods = on.names, on.names.methods
    number = {method: i for i, method in enumerate(methods)}
    choices = sorted({choice for key in (*methods, *names.places) for choice in key.choices})
    at = {choice: i for i, choice in enumerate(choices)}
    facets = [*place_facets(first, names, about.modality), *method_facets(names)]
    return {
        "summary": results.summary(),
        "provenance": dict(results.provenance),
        "metrics": list(metrics),
        "unit": UNIT,
        "t": quantiles_of_t(),
        "choices": [said(choice, about.arguments) for choice in choices],
        "methods": [
            {
                "name": names.method(method),
                "rule": names.parts(method, ("strategy",)),
                "rest": names.parts(method, OTHERS).lstrip(" +,"),
                "choices": [at[choice] for choice in method.choices],
                "oracle": method in on.sides.oracles,
            }
            for method in methods
        ],
        "facets": facets,
        "settings": [
            {
                "name": names.place(setting.place),
                "choices": [at[choice] for choice in setting.place.choices],
                "labels": setting.labels.astype(int).tolist(),
                "seeds": list(setting.seeds),
                "full": whole(on.full.get(setting.place, np.nan)),
                "prior": [whole(one[i].prior) for one in by_metric],
                "curves": [curves(one[i], number) for one in by_metric],
            }
            for i, setting in enumerate(first)
        ],
    }


def said(choice: Choice, arguments: Arguments) -> dict[str, Any]:
    """One choice: its group, its option, and how it is asked for; null where only its owner can."""
    given = arguments(choice)
    return {
        "group": choice.group,
        "option": choice.option,
        "arguments": None if given is None else list(given),
    }


def curves(setting: Setting, number: Mapping[Any, int]) -> list[Any]:
    """[method, a row of whole numbers a seed (null where it has no run)] of every method."""
    rounded = np.rint(setting.curves * UNIT)
    return [
        [
            number[method],
            [None if np.isnan(c).any() else c.astype(int).tolist() for c in rounded[i]],
        ]
        for i, method in enumerate(setting.methods)
    ]


def whole(level: float) -> int | None:
    return None if np.isnan(level) else round(float(level) * UNIT)


def quantiles_of_t(most: int = 40) -> list[float]:
    """Student's 97.5 % quantile by degrees of freedom: of none (zero, never read), of 1 to `most`,
    and of infinitely many."""
    from scipy.stats import norm, t

    return [0.0, *(float(t.ppf(0.975, free)) for free in range(1, most + 1)), float(norm.ppf(0.975))]


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
    """What settings are told apart by: their choices, their modality, and what the prior is worth."""
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
    """Each level as one of three ranges of about as many different levels, with the ranges in order;
    what is not known (NaN) last."""
    known = sorted({level for level in levels if not np.isnan(level)})
    parts = [part for part in np.array_split(np.array(known), 3) if len(part)]
    ranges = [f"{100 * part[0]:.0f}–{100 * part[-1]:.0f} %" for part in parts]
    ends = [float(part[-1]) for part in parts]
    found = [
        "unknown" if np.isnan(level) else ranges[int(np.searchsorted(ends, level))]
        for level in levels
    ]
    return found, [*ranges, *(["unknown"] if "unknown" in found else [])]
