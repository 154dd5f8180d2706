"""Query rule x training rule, for each predictor: what is due to which."""

from __future__ import annotations

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import Floats, Setting, settings
from al_bench.analysis.savings import area
from al_bench.report.tables.cells import DAGGER, NONE, Table, headed, percent, spread

Crossed = dict[tuple[str, str], Floats]  # areas over seeds by (query rule, training rule)


def factorials(analysis: Analysis) -> list[Table]:
    """For each metric of the spec a table over all settings, if there are several, and one each."""
    shown = []
    for metric in analysis.spec.metrics if analysis.spec.factorial else ():
        places = settings(analysis.frame, metric)
        areas = [crossed(analysis, place) for place in places]
        if len(places) > 1:
            shown.append(table(analysis, metric, over_all(areas), f"{len(places)} settings"))
        shown += [
            table(analysis, metric, one, place.name)
            for one, place in zip(areas, places, strict=True)
        ]
    return shown


def crossed(analysis: Analysis, place: Setting) -> Crossed:
    """The areas of a setting's methods by what they are made of; the start is the query rule's."""
    parts = analysis.parts[place.name].drop_duplicates("method").set_index("method")
    several = analysis.frame["init"].nunique() > 1
    found = {}
    for method in place.methods:
        row = parts.loc[method]
        query = str(row["strategy"]) + DAGGER * bool(row["oracle"])
        query += f" (start: {row['init']})" if several else ""
        training = str(row["supervision"])
        if analysis.frame["learner"].nunique() > 1 and "learner" in analysis.spec.method:
            training += f" [{row['learner']}]"
        found[query, training] = area(place.of(method), place.labels, log=False)
    return found


def over_all(areas: list[Crossed]) -> Crossed:
    """The mean over settings of the mean areas, where every setting has one."""
    pairs = set.intersection(*(set(one) for one in areas))
    return {pair: np.array([np.mean([one[pair].mean() for one in areas])]) for pair in pairs}


def table(analysis: Analysis, metric: str, areas: Crossed, where: str) -> Table:
    """Rows are query rules, columns training rules; the best of each column is bold."""
    columns = sorted({training for _, training in areas}, key=lambda t: (t != "labels", t))
    means = {pair: one.mean() for pair, one in areas.items()}
    queries = sorted(
        {query for query, _ in areas},
        key=lambda query: -np.mean([means[pair] for pair in means if pair[0] == query]),
    )
    rows = tuple(
        (q, *(spread(areas[q, c]) if (q, c) in areas else NONE for c in columns)) for q in queries
    )
    bold = set()
    for number, column in enumerate(columns):
        fair = [q for q in queries if (q, column) in means and DAGGER not in q]
        if fair:
            best = max(fair, key=lambda query: means[query, column])
            bold.add((queries.index(best), number + 1))
    ranges = [max(v) - min(v) for c in columns if (v := [means[p] for p in means if p[1] == c])]
    note = (
        "Area under the curve; down a column only the query rule differs, along a row only the "
        "training rule; bold: the best query rule of a column. Query rules differ by "
        f"{percent(float(np.median(ranges)))} points within the median column."
    )
    if any(DAGGER in query for query in queries):
        note += f" {DAGGER} reads the truth: a reference, not a competitor."
    title = f"Query rule x training rule: {headed(metric)}, %: {where}"
    return Table(title, ("query rule", *columns), rows, note, frozenset(bold))
