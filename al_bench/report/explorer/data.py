"""The explorer's data and page: curves as integers, methods and settings by index, facets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from al_bench.report.comparison import PRODUCT, comparison_data, narrowed
from al_bench.report.curves import LearningCurves, learning_curves
from al_bench.report.keys import GROUPS, METHOD, SETTING, Choice, Key, in_method
from al_bench.report.names import TITLES, Names
from al_bench.report.results import Results
from al_bench.report.spec import LOWER_IS_BETTER, ReportSpec, Selection, matches
from al_bench.runs.options import Asked

WHOLE = (*METHOD, "learner")  # the groups of a method; the learner includes its loss
OTHERS = tuple(group for group in in_method(WHOLE) if group != "strategy")
UNIT = 10_000  # curves are stored in hundredths of a point
LIBRARIES = ("vega", "vega-lite")  # unchanged, from the npm packages of these names
SCRIPTS = ("arithmetic", "results", "state", "specs", "charts", "tables", "drawing", "page")


def explorer_data(
    results: Results,
    metrics: Sequence[str],
    modality: Callable[[Choice], str],
    command: Callable[[Choice], Asked | None],
    single: Selection | None = None,
) -> dict[str, Any]:
    """All data of the page, ready for JSON; the same results give the same value.

    metrics: the page starts with the first; if one is listed both alone and times the prior, the
    better of the two is added and comes first. modality: of a data set; command: the command-line
    arguments of a choice, None if only its owner can run it."""
    from scipy.stats import t

    if not len(results.frame):
        raise ValueError(f"no finished run to explore: {results.summary()}")
    for metric in metrics:
        if metric in LOWER_IS_BETTER:
            raise ValueError(f"the explorer has the metric {metric}, where lower is better; wanted "
                             "one where higher is")  # fmt: skip
    spec = ReportSpec(metric=metrics[0], method=WHOLE)
    data = comparison_data(narrowed(results.frame, *metrics), spec, results.partial)
    by_metric = [learning_curves(data.frame, metric) for metric in metrics]
    first, names, methods = by_metric[0], data.names, data.names.methods
    pairs = [
        (i, metrics.index(PRODUCT + m)) for i, m in enumerate(metrics) if PRODUCT + m in metrics
    ]
    shown = [*range(len(metrics)), *(i for i, _ in pairs)]  # the metric that levels are drawn by
    found = {choice for key in (*methods, *names.settings) for choice in key.choices}
    choices = sorted(found, key=lambda choice: (GROUPS.index(choice.group), choice))
    index = {one: i for some in (choices, methods) for i, one in enumerate(some)}
    alone = [m for m in methods if single is not None and matches(m, single)]
    facets = [*setting_facets(first, names, modality), *method_facets(names)]
    return {
        "summary": results.summary(),
        "provenance": dict(results.provenance),
        "metrics": [*metrics, *(f"{metrics[i]}, alone or times the prior" for i, _ in pairs)],
        "start": len(metrics) if pairs else 0,
        "single": index[alone[0]] if alone else -1,
        "unit": UNIT,
        # Student's 97.5 % quantile by degrees of freedom: 0 (never read), 1 to 40, infinity
        "t": [0.0, *t.ppf(0.975, [*range(1, 41), np.inf]).tolist()],
        "choices": [described(choice, command(choice)) for choice in choices],
        "methods": [
            {
                "name": names.method(method),
                "rule": names.parts(method, ("strategy",)),
                "rest": names.parts(method, OTHERS).lstrip(" +,"),
                "choices": [index[choice] for choice in method.choices],
                "reads_truth": method in data.roles.oracles,
            }
            for method in methods
        ],
        "facets": [facet for facet in facets if len(facet["values"]) > 1],
        "settings": [
            {
                "name": names.setting(one.setting),
                "choices": [index[choice] for choice in one.setting.choices],
                "labels": one.labels.astype(int).tolist(),
                "seeds": list(one.seeds),
                "full": [None if i else whole(data.full.get(one.setting, np.nan)) for i in shown],
                "prior": [whole(by_metric[i][at].prior) for i in shown],
                "curves": [
                    [[index[m], by_seed(curves[at], m)] for m in one.methods]
                    for curves in by_metric
                ],
                "better": [
                    [[index[m], max(pair, key=lambda i: by_metric[i][at].area(m))]
                     for m in one.methods]
                    for pair in pairs
                ],
            }
            for at, one in enumerate(first)
        ],
    }  # fmt: skip


def described(choice: Choice, asked: Asked | None) -> dict[str, Any]:
    """One choice: group, option, and command-line arguments; null if only its owner can run it."""
    return {
        "group": choice.group,
        "option": choice.option,
        "arguments": None if asked is None else list(asked.arguments),
        "renewed": asked is not None and asked.renewed,
    }


def by_seed(curves: LearningCurves, method: Any) -> list[list[int] | None]:
    """A method's curve of each seed, as integers; None without a run."""
    rows = np.rint(curves.scores[curves.methods.index(method)] * UNIT)
    return [None if np.isnan(row).any() else row.astype(int).tolist() for row in rows]


def whole(level: float) -> int | None:
    return None if np.isnan(level) else round(float(level) * UNIT)


def facet(key: str, of: str, shown: Sequence[str], order: Sequence[str]) -> dict[str, Any]:
    """One facet to filter by: its values in order, and the value of each setting or method."""
    values = list(dict.fromkeys(order))
    at = [values.index(text) for text in shown]
    return {"key": key, "title": TITLES[key], "of": of, "values": values, "at": at}


def setting_facets(
    curves: Sequence[LearningCurves], names: Names, modality: Callable[[Choice], str]
) -> list[dict[str, Any]]:
    """The facets of settings: their choices, modality, and the quality of the prior."""
    groups = [group for group in SETTING if group not in in_method(WHOLE)]
    settings = [one.setting for one in curves]
    kinds = [modality(setting.choice("dataset")) for setting in settings]
    thirds, order = in_thirds([one.prior for one in curves])
    made = [by_choice(group, "setting", settings, names) for group in groups]
    kind = facet("modality", "setting", kinds, sorted(kinds))
    return [kind, *made, facet("quality", "setting", thirds, order)]


def method_facets(names: Names) -> list[dict[str, Any]]:
    learners = [method.choice("learner") for method in names.methods]
    options = [learner.option for learner in learners]
    losses = [str(learner.parameters.get("balance", "its own")) for learner in learners]
    groups = [group for group in in_method(WHOLE) if group != "learner"]
    return [
        *(by_choice(group, "method", names.methods, names) for group in groups),
        facet("learner", "method", options, sorted(options)),
        facet("loss", "method", losses, sorted(losses)),
    ]


def by_choice(group: str, of: str, keys: Sequence[Key], names: Names) -> dict[str, Any]:
    order = [names.choice(choice) for choice in sorted({key.choice(group) for key in keys})]
    return facet(group, of, [names.choice(key.choice(group)) for key in keys], order)


def in_thirds(levels: Sequence[float]) -> tuple[list[str], list[str]]:
    """Each level as one of three ranges with about equally many levels, and the ranges."""
    known = sorted({level for level in levels if not np.isnan(level)})
    parts = [part for part in np.array_split(np.array(known), 3) if len(part)]
    ranges = [f"{100 * part[0]:.0f}–{100 * part[-1]:.0f} %" for part in parts]
    ends = [float(part[-1]) for part in parts]
    found = [
        "unknown" if np.isnan(level) else ranges[int(np.searchsorted(ends, level))]
        for level in levels
    ]
    return found, [*ranges, *(["unknown"] if "unknown" in found else [])]


def explorer(tabs: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """The whole page for the `explorer_data` of each tab; the same data give the same text."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    here = files("al_bench.report.explorer")
    names = [f"vendor/{name}.min.js" for name in LIBRARIES] + [f"{name}.js" for name in SCRIPTS]
    page, style, *scripts = (
        (here / name).read_text(encoding="utf-8") for name in ("page.html", "style.css", *names)
    )
    text = json.dumps([*tabs.values()], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (
        Environment(autoescape=True, undefined=StrictUndefined)
        .from_string(page)
        .render(
            title=title,
            tabs=tabs,
            json=Markup(text.replace("<", "\\u003c")),  # cannot close its script element
            style=Markup(style),
            scripts=list(map(Markup, scripts)),
        )
    )
