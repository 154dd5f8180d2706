"""Query rule x training rule, for each predictor: what is due to which."""

from __future__ import annotations

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import Floats, Setting, settings
from al_bench.analysis.keys import Method
from al_bench.analysis.names import PLAIN
from al_bench.analysis.savings import area
from al_bench.report.tables.cells import DAGGER, NONE, Table, headed, percent, spread

QUERY, TRAINING = ("strategy", "init"), ("supervision", "learner", "proxy_selection")
Crossed = dict[tuple[Method, Method], Floats]  # areas over seeds by query rule, training rule


def factorials(analysis: Analysis) -> list[Table]:
    """For each metric of the spec a table over all settings, if there are several, and one each."""
    shown = []
    for metric in analysis.spec.metrics if analysis.spec.factorial else ():
        places = settings(analysis.frame, metric)
        areas = [crossed(place) for place in places]
        if len(places) > 1:
            shown.append(table(analysis, metric, over_all(areas), f"{len(places)} settings"))
        names = [analysis.names.place(place.place) for place in places]
        shown += [table(analysis, metric, *pair) for pair in zip(areas, names, strict=True)]
    return shown


def crossed(place: Setting) -> Crossed:
    """The areas of a setting's methods by what they are made of; the start is the query rule's, the
    learner the training rule's."""
    return {
        (method.part(QUERY), method.part(TRAINING)): area(place.of(method), place.labels, log=False)
        for method in place.methods
    }


def over_all(areas: list[Crossed]) -> Crossed:
    """The mean over settings of the mean areas, where every setting has one."""
    pairs = set.intersection(*(set(one) for one in areas))
    return {pair: np.array([np.mean([one[pair].mean() for one in areas])]) for pair in pairs}


def table(analysis: Analysis, metric: str, areas: Crossed, where: str) -> Table:
    """Rows are query rules, columns training rules; the best of each column is bold."""
    names, readers = analysis.names, {method.part(QUERY) for method in analysis.oracles}
    columns = sorted({training for _, training in areas}, key=names.training)
    columns.sort(key=lambda training: training.choice("supervision").option != PLAIN["supervision"])
    means = {pair: one.mean() for pair, one in areas.items()}
    queries = sorted({query for query, _ in areas})
    queries.sort(key=lambda query: -np.mean([means[pair] for pair in means if pair[0] == query]))
    rows = tuple(
        (
            names.parts(q, QUERY) + DAGGER * (q in readers),
            *(spread(areas[q, c]) if (q, c) in areas else NONE for c in columns),
        )
        for q in queries
    )
    bold = set()
    for number, column in enumerate(columns):
        fair = [q for q in queries if (q, column) in means and q not in readers]
        if fair:
            best = max(fair, key=lambda query: means[query, column])
            bold.add((queries.index(best), number + 1))
    ranges = [max(v) - min(v) for c in columns if (v := [means[p] for p in means if p[1] == c])]
    note = (
        "Area under the curve; down a column only the query rule differs, along a row only the "
        "training rule; bold: the best query rule of a column. Query rules differ by "
        f"{percent(float(np.median(ranges)))} points within the median column."
    )
    if readers & set(queries):
        note += f" {DAGGER} reads the truth: a reference, not a competitor."
    title = f"Query rule x training rule: {headed(metric)}, %: {where}"
    header = ("query rule", *map(names.training, columns))
    return Table(title, header, rows, note, frozenset(bold))
