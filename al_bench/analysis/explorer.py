"""What the results explorer is given: curves as whole numbers, and who is who by index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, prod
from typing import Any

import numpy as np
import pandas as pd

from al_bench.analysis.curves import Setting, settings
from al_bench.analysis.facets import WHOLE, method_facets, place_facets
from al_bench.analysis.frame import Results
from al_bench.analysis.ground import PRODUCT, ground, narrowed
from al_bench.analysis.keys import GROUPS, Choice, in_method
from al_bench.analysis.merge import missing, provenances
from al_bench.analysis.savings import area
from al_bench.analysis.spec import LOWER_IS_BETTER, ReportSpec
from al_bench.rng import rng
from al_bench.runs.options import Asked

OTHERS = tuple(group for group in in_method(WHOLE) if group != "strategy")
EVERY, DRAWN = 5, 200  # seeds up to which all resamples are counted; of more, so many are drawn
UNIT = 10_000  # curves are stored in hundredths of a point


@dataclass(frozen=True)
class About:
    """What no table of results says of a choice. modality: of a data set; asked: how a choice is
    asked for on the command line, None where only its owner can."""

    modality: Callable[[Choice], str]
    asked: Callable[[Choice], Asked | None]


def joined(parts: Sequence[Results]) -> Results:
    """Several results as one; a run that several have counts once."""
    frames = [part.frame for part in parts if len(part.frame)]
    if not frames:
        raise ValueError(f"no finished run to explore: {parts[0].summary()}")
    frame = pd.concat(frames, ignore_index=True).drop_duplicates(["id", "round"])
    there = set(frame["id"])
    failed, unfinished = (
        missing([getattr(part, what) for part in parts], there) for what in ("failed", "unfinished")
    )
    provenance = provenances([part.provenance for part in parts])
    return Results(frame.reset_index(drop=True), failed, unfinished, provenance)


def explorer_data(results: Results, metrics: Sequence[str], about: About) -> dict[str, Any]:
    """All that the page is made of, ready for JSON; the same results give the same value.

    metrics: the page starts with the first; where one and the same times the prior are among them,
    so is the better of the two, and the page starts with that. ValueError where one is unknown or
    lower is better, runs of one setting met different problems, or a method has two runs of one
    seed.
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
    both = [
        (i, metrics.index(PRODUCT + m)) for i, m in enumerate(metrics) if PRODUCT + m in metrics
    ]
    shown = [*range(len(metrics)), *(i for i, _ in both)]  # by which metric levels are drawn
    names, methods = on.names, on.names.methods
    number = {method: i for i, method in enumerate(methods)}
    every_choice = {choice for key in (*methods, *names.places) for choice in key.choices}
    choices = sorted(every_choice, key=lambda choice: (GROUPS.index(choice.group), choice))
    choice_at = {choice: i for i, choice in enumerate(choices)}
    facets = [*place_facets(first, names, about.modality), *method_facets(names)]
    return {
        "summary": results.summary(),
        "provenance": dict(results.provenance),
        "metrics": [*metrics, *(f"{metrics[i]}, alone or times the prior" for i, _ in both)],
        "start": len(metrics) if both else 0,
        "unit": UNIT,
        "t": quantiles_of_t(),
        "resamples": {n: resamples(n) for n in range(2, 1 + max(len(s.seeds) for s in first))},
        "choices": [said(choice, about.asked(choice)) for choice in choices],
        "methods": [
            {
                "name": names.method(method),
                "rule": names.parts(method, ("strategy",)),
                "rest": names.parts(method, OTHERS).lstrip(" +,"),
                "choices": [choice_at[choice] for choice in method.choices],
                "oracle": method in on.sides.oracles,
            }
            for method in methods
        ],
        "facets": [facet for facet in facets if len(facet["values"]) > 1],
        "settings": [
            {
                "name": names.place(setting.place),
                "choices": [choice_at[choice] for choice in setting.place.choices],
                "labels": setting.labels.astype(int).tolist(),
                "seeds": list(setting.seeds),
                "full": [None if i else whole(on.full.get(setting.place, np.nan)) for i in shown],
                "prior": [whole(by_metric[i][at].prior) for i in shown],
                "curves": [curves(one[at], number) for one in by_metric],
                "better": [better({i: by_metric[i][at] for i in two}, number) for two in both],
            }
            for at, setting in enumerate(first)
        ],
    }


def said(choice: Choice, asked: Asked | None) -> dict[str, Any]:
    """One choice: its group, its option, and how it is asked for; null where only its owner can."""
    return {
        "group": choice.group,
        "option": choice.option,
        "arguments": None if asked is None else list(asked.arguments),
        "renewed": asked is not None and asked.renewed,
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


def better(metrics: Mapping[int, Setting], number: Mapping[Any, int]) -> list[Any]:
    """[method, which metric has the larger mean area, the first where they are equal]."""
    return [
        [
            number[method],
            max(
                metrics, key=lambda i: area(metrics[i].of(method), metrics[i].labels, False).mean()
            ),
        ]
        for method in next(iter(metrics.values())).methods
    ]


def whole(level: float) -> int | None:
    return None if np.isnan(level) else round(float(level) * UNIT)


def quantiles_of_t(most: int = 40) -> list[float]:
    """Student's 97.5 % quantile by degrees of freedom: of none (zero, never read), of 1 to `most`,
    and of infinitely many."""
    from scipy.stats import t

    return [0.0, *t.ppf(0.975, [*range(1, most + 1), np.inf]).tolist()]


def resamples(seeds: int) -> dict[str, Any]:
    """Resamples of so many seeds, as how often each seed is drawn, and their probabilities: all
    there are where they are few, else some drawn at random."""
    if seeds <= EVERY:
        draws = combinations_with_replacement(range(seeds), seeds)
        counts = np.array([np.bincount(draw, minlength=seeds) for draw in draws])
    else:
        drawn = rng(0, "explorer", seeds).integers(0, seeds, (DRAWN, seeds))
        counts = (drawn[:, :, None] == np.arange(seeds)).sum(axis=1)
    ways = [factorial(seeds) / prod(map(factorial, row)) for row in counts.tolist()]
    chances = np.array(ways if seeds <= EVERY else np.ones(DRAWN))
    return {"counts": counts.tolist(), "probabilities": (chances / chances.sum()).tolist()}
