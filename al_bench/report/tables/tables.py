"""The tables of a report, the ranking over settings, and what a page answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from al_bench.report import stats
from al_bench.report.analysis import Analysis, SettingResult, random_of
from al_bench.report.claims import ClaimResult, Summary, summaries
from al_bench.report.comparison import Comparison
from al_bench.report.curves import LearningCurves, aligned
from al_bench.report.keys import Method, Setting
from al_bench.report.names import Names
from al_bench.report.savings import area, last_level
from al_bench.report.stats import Floats
from al_bench.report.tables.claims import in_points, over_sets, set_by_set
from al_bench.report.tables.pivots import (
    Header,
    area_table,
    cell_text,
    column_text,
    final_metrics,
    header,
    header_text,
    mean_of,
    pivoted,
    pivots,
    sides,
)
from al_bench.report.tables.render import (
    DAGGER,
    NONE,
    Table,
    called,
    headed,
    mean_and_sd,
    p_text,
    percent,
    shared,
)

BELOW = 0.005  # of accuracy: so much under the foundation model counts as below it
SHARE = (
    "share of the budget: where the method reaches the other's final accuracy; best baseline: of "
    "this setting, by mean area under the curve over all seeds: "
)


def ladders(analysis: Analysis) -> list[tuple[Setting, list[int]]]:
    """The places of settings that differ only in data set and prior, the weakest prior first."""
    groups: dict[Setting, list[int]] = {}
    curves = [found.curves for found in analysis.settings]
    for place in sorted(range(len(curves)), key=lambda place: curves[place].prior):
        groups.setdefault(curves[place].setting.without("dataset", "prior"), []).append(place)
    return [(alike, places) for alike, places in sorted(groups.items()) if len(places) > 1]


def beyond_prior(analysis: Analysis) -> list[Table]:
    """A table for all settings that differ in their data set and prior alone."""
    return [table_of(analysis, alike, places) for alike, places in ladders(analysis)]


def table_of(analysis: Analysis, alike: Setting, places: Sequence[int]) -> Table:
    """Gains over the foundation model alone in these settings, the best mean area first."""
    gains = {method: [gain for place in places if (gain := gain_of(analysis, method, place))]
             for method in analysis.competitors}  # fmt: skip
    whole = [method for method, found in gains.items() if len(found) == len(places)]
    methods = sorted(whole, key=lambda m: -np.mean([area(y, n)[0] for n, y in gains[m]]))

    def mean(method: Method, of: Callable[[Floats, Floats], float]) -> float:
        return float(np.mean([of(labels, curve) for labels, curve in gains[method]]))

    def until(method: Method, more: float) -> str:
        found = [float(n[(y[0] >= more).argmax()]) for n, y in gains[method] if y.max() >= more]
        return f"{np.median(found):.0f} ({len(found)})" if found else NONE

    columns: dict[str, Callable[[Method], str]] = {
        "method": lambda m: called(analysis, m),
        "first batch": lambda m: points(mean(m, lambda n, y: y[0, 0])),
        "area": lambda m: points(mean(m, lambda n, y: area(y, n)[0])),
        "end": lambda m: points(mean(m, lambda n, y: last_level(y, n)[0])),
        "below it at the end": lambda m: str(
            sum(last_level(y, n)[0] < -BELOW for n, y in gains[m])
        ),
        "rounds below it, %": lambda m: f"{100 * mean(m, lambda n, y: (y < -BELOW).mean()):.0f}",
        "labels to +1": lambda m: until(m, 0.01),
        "labels to +5": lambda m: until(m, 0.05),
    }
    left = len(analysis.competitors) - len(methods)
    note = (
        f"Balanced accuracy less that of the foundation model alone, in points; means over "
        f"{len(places)} pairs of data set and foundation model, of curves that are means over "
        "seeds. A method counts with its probabilities alone or multiplied by the prior's, "
        "whichever has the larger area in a setting; ours as they are. Labels to a gain: the "
        "median over the pairs that reach it, in brackets how many do."
    ).replace("Balanced accuracy", analysis.spec.metric.replace("_", " ").capitalize())
    note += f" {left} methods have not run on all pairs." if left else ""
    title = f"Beyond the foundation model alone: {analysis.names.setting(alike) or 'all settings'}"
    return Table.of(title, methods, columns, note=note)


def gain_of(analysis: Analysis, method: Method, place: int) -> tuple[Floats, Floats] | None:
    """(p,) labels, and (1, p) the mean curve less the prior; None where it has not run."""
    forms: list[LearningCurves] = [curves[place] for curves in analysis.curves.values()]
    if method not in forms[0].methods:
        return None
    forms = forms[:1] if method in analysis.roles.ours else forms
    best = max(forms, key=lambda one: one.area(method))
    return best.labels, best.mean(method) - forms[0].prior


def end_gains(analysis: Analysis) -> list[float]:
    """The final gain of the first of our methods, or of the best, over the prior, pair by pair."""
    places = [place for _, group in ladders(analysis) for place in group]
    found = [gain_of(analysis, analysis.champion, place) for place in places]
    return [float(last_level(curve, labels)[0]) for labels, curve in filter(None, found)]


def points(gain: float) -> str:
    return f"{100 * gain:+.1f}"


def tables(analysis: Analysis) -> list[Table]:
    """All tables of a report; the first, of claims the first two, are those of its page."""
    claims, names = analysis.claims, analysis.names
    several = len(analysis.settings) > 1
    found = [*over_sets(claims, names), in_points(claims, names)] if claims else []
    found += [set_by_set(result, names) for result in claims]
    found += beyond_prior(analysis) if "ladder" in analysis.spec.figures else []
    found += pivots(analysis)
    found += [ranking(analysis)] if several and analysis.ranked[0] else []
    found += [area_table(analysis)] if several else []
    found += [of_setting(analysis, one) for one in analysis.settings]
    found += [] if several else [final_metrics(analysis)]
    return [*found, methods_table(analysis)]


def methods_table(analysis: Analysis) -> Table:
    groups = list(dict.fromkeys(c.group for m in analysis.methods for c in m.choices))
    columns: dict[str, Callable[[Method], str]] = {
        "method": lambda m: called(analysis, m),
        "configuration": lambda m: m.id,
        **{group: lambda m, group=group: m.choice(group).config for group in groups},  # type: ignore[misc]
    }
    return Table.of("Methods", analysis.methods, columns)


def of_setting(analysis: Analysis, found: SettingResult) -> Table:
    """The results of each method, the share of the budget that it needs, and its costs."""
    curves, names, metric = found.curves, analysis.names, headed(analysis.spec.metric)
    methods = [name for name in analysis.methods if name in curves.methods]
    part = analysis.parts[curves.setting]
    later = part[part["round"] > 1].groupby("method", observed=True)["seconds_select"]
    seconds: dict[Any, float] = later.median().reindex(methods).to_dict()
    runs = part.groupby(["method", "seed"], observed=True)["oracle_calls"].max()
    calls: dict[Any, float] = runs.groupby("method", observed=True).mean().to_dict()

    def needed(by: Mapping[Method, Comparison], method: Method) -> str:
        return shared(by[method]) if curves.is_curve and method in by else NONE

    columns: dict[str, Callable[[Method], str]] = {
        "method": lambda m: called(analysis, m),
        f"final {metric}, %": lambda m: mean_and_sd(curves.of(m)[:, -1]),
        "area under curve, %": lambda m: mean_and_sd(area(curves.of(m), curves.labels)),
        "budget to reach random, %": lambda m: needed(found.over_random, m),
        "budget to reach the best baseline, %": lambda m: needed(found.over_best, m),
        "oracle calls": lambda m: f"{calls[m]:.0f}",
        "s / round, query": lambda m: NONE if np.isnan(seconds[m]) else f"{seconds[m]:.2g}",
    }
    scores = np.array([(curves.of(m)[:, -1].mean(), curves.area(m)) for m in methods])
    scores[[m in analysis.oracles for m in methods]] = -np.inf
    bold = frozenset((int(row), at + 1) for at, row in enumerate(scores.argmax(axis=0)))
    rivals = sorted({one.baseline for one in found.over_best.values() if one.baseline})
    prior = "" if np.isnan(curves.prior) else f" The prior alone: {percent(curves.prior)}."
    budget = f"{curves.labels[0]:.0f} to {curves.labels[-1]:.0f} labels"
    how = SHARE + (", ".join(map(names.method, rivals)) or "none has been run yet")
    if not curves.is_curve:
        budget = f"{curves.labels[0]:.0f} labels alone"
        how = "one point is no curve, so nothing is said of labels"
    note = f"{len(curves.seeds)} seeds, {budget}; mean ± standard deviation; {how}.{prior}"
    if analysis.oracles & set(methods):
        note += f" {DAGGER} reads the truth: a reference, not a competitor."
    return Table.of(names.setting(curves.setting), methods, columns, note=note, bold=bold)


def ranking(analysis: Analysis) -> Table:
    methods, scores = analysis.ranked
    ranks, half = stats.ranks(scores), stats.t_band(stats.ranks(scores))

    def count(method: Method, verdict: str) -> str:
        versus = (found.over_best.get(method) for found in analysis.settings)
        return str(sum(one.area.verdict == verdict for one in versus if one is not None))

    columns: dict[str, Callable[[int], str]] = {
        "method": lambda i: called(analysis, methods[i]),
        "mean rank": lambda i: f"{ranks[:, i].mean():.2f} ± {half[i]:.2f}",
        "mean area under curve, %": lambda i: percent(scores[:, i].mean()),
        "settings won": lambda i: count(methods[i], "win"),
        "settings tied": lambda i: count(methods[i], "tie"),
        "settings lost": lambda i: count(methods[i], "loss"),
    }
    left_out = [name for name in analysis.competitors if name not in methods]
    many = len(methods) > 1
    critical = f"{stats.critical_difference(len(methods), len(scores)):.2f}" if many else NONE
    note = (
        f"{len(analysis.settings)} settings, by mean area under the curve; ties share ranks; ranks "
        f"with 95 % t intervals over settings; Friedman p {p_text(stats.friedman(scores))}; "
        f"Nemenyi critical difference {critical}; won and lost by two paired standard errors "
        "against the best other baseline of each setting."
    )
    if left_out:
        gone = ", ".join(map(analysis.names.method, left_out))
        note += f" Not in every setting, so not ranked: {gone}."
    best = frozenset({(0, 1)})
    return Table.of("Over all settings", range(len(methods)), columns, note=note, bold=best)


def answer(analysis: Analysis) -> str:
    """The answer of a page: of a claim, a ladder of priors, one setting, settings, or a table."""
    held = [result for result in analysis.claims if result.sets]
    gains = end_gains(analysis) if "ladder" in analysis.spec.figures else []
    if held:
        told = [one for one in held if one.claim.name == analysis.spec.answer]
        told += [one for one in held if not one.claim.prior_alone]
        return answer_of_claim((told or held)[0], analysis.names)
    if gains:
        below = sum(gain < -BELOW for gain in gains)
        return (
            f"With all labels {analysis.names.method(analysis.champion)} is "
            f"{side(float(np.mean(gains)), 'the foundation model alone')}, on average over "
            f"{len(gains)} settings; in {below} of them it ends below it."
        )
    several = len(analysis.settings) > 1
    if analysis.champion in analysis.settings[0].over_best and analysis.roles.ours:
        return (answer_of_settings if several else answer_of_setting)(analysis)
    methods, scores = analysis.ranked
    if not methods:
        return answer_of_table(analysis)
    values = stats.ranks(scores).mean(axis=0) if several else 100 * scores[0]
    what = "the best mean rank" if several else "the largest area under the curve"
    text = f"{capital(closed(analysis.names.method(methods[0])))} has {what}, {values[0]:.1f}"
    text += " %" * (not several)
    among = f" of {len(methods)} methods in {len(analysis.settings)} settings" if several else ""
    chance = random_of(methods)
    if chance is not None and chance != methods[0]:
        text += f"{among}; random has {values[methods.index(chance)]:.1f}"
        among = ""
    return f"{text}{among}."


def answer_of_settings(analysis: Analysis) -> str:
    """In how many settings our first method is ahead of the best baseline, and by how much."""
    found = [one for part in analysis.settings if (one := part.over_best.get(analysis.champion))]
    verdicts = [one.area.verdict for one in found]
    mean = float(np.mean([one.area.difference for one in found]))
    return (
        f"{capital(closed(analysis.names.method(analysis.champion)))} is ahead of the best other "
        f"method in {verdicts.count('win')} of {len(found)} settings and behind it in "
        f"{verdicts.count('loss')}, at two standard errors of the area under the curve of "
        f"{headed(analysis.spec.metric)}; on average it is {side(mean, 'it')}."
    )


def answer_of_table(analysis: Analysis) -> str:
    """The row of the first table with the largest value, and the first of our first method."""
    if not analysis.spec.pivots:
        return ""
    pivot = analysis.spec.pivots[0]
    cells = pivoted(aligned(analysis.every), pivot)
    if not cells:
        return ""
    rows, columns = sides(cells, analysis)
    most = max(map(len, cells.values()))

    def told(row: Header) -> str:
        name = capital(closed(header_text(row, analysis).replace(" · ", ", ")))
        names = [column_text(column, pivot, analysis) for column in columns]
        values = [cell_text(cells.get((row, c)), pivot.metrics[c.metric], most) for c in columns]
        more = ", ".join(map(" ".join, zip(names[1:], values[1:], strict=True)))
        what = f"the highest {names[0]}, " if row == best else ""
        return f"{name} has {what}{values[0]}{' at ' * bool(more)}{more}."

    filled = [row for row in rows if (row, columns[0]) in cells]
    best = max(filled, key=lambda row: mean_of(cells[row, columns[0]]))
    champion = header(analysis.champion, Setting(()), pivot.rows).method
    ours = [row for row in rows if row.method == champion]
    return " ".join(map(told, dict.fromkeys([best, *ours[:1]])))


def answer_of_setting(analysis: Analysis) -> str:
    """With how many labels our first method reaches the final accuracy of the best baseline."""
    (found,), method = analysis.settings, analysis.champion
    curves = found.curves
    against = found.over_best[method]
    assert against.baseline is not None
    rules = [one.choice("strategy") for one in curves.methods]
    alone = len(set(rules)) == len(rules)  # then a query rule is name enough
    groups = ["strategy"] if alone else [choice.group for choice in method.choices]
    ours, rival = (analysis.names.parts(m, groups) for m in (method, against.baseline))
    share, budget = against.efficiency.share, curves.labels[-1]
    level, end = (percent(float(curves.mean(m)[0, -1])) for m in (against.baseline, method))
    if np.isfinite(share):
        text = f"{ours} reaches the final accuracy of {rival}, {level} %, with "
        text += f"{share * budget:.0f} of {budget:.0f} labels"
    else:
        text = f"{ours} does not reach the final accuracy of {rival}, {level} %: with all "
        text += f"{budget:.0f} labels it is at {end} %"
    if not np.isnan(curves.prior):
        text += f"; the foundation model alone is at {percent(curves.prior)} %"
    return f"{text}."


def answer_of_claim(result: ClaimResult, names: Names) -> str:
    assert result.ours is not None
    found = summaries(result)
    ours = closed(names.method(result.ours))
    shown = found if len(found) < 3 else [found[0], found[-1]]
    said = [sentence(one, "it" if at else ours, result.claim.name) for at, one in enumerate(shown)]
    if len(found) < 2:
        return capital(said[0])
    rows = [names.all(one.row, ", ") for one in shown]
    return " ".join(f"With {row}, {text}" for row, text in zip(rows, said, strict=True))


def sentence(one: Summary, ours: str, opponent: str) -> str:
    share, many = one.share, "data sets" if len(one.worst_set.choices) == 1 else "settings"
    if not share.sets:
        return f"{ours} ends {side(one.end.mean, opponent)}."
    if np.isfinite(share.median):
        gone = f"; in {share.missed} of them never" if share.missed else ""
        of = f" (median of {share.sets} {many}{gone})" if share.sets > 1 else ""
        text = f"{ours} reaches the final accuracy of {closed(opponent)} with "
        text += f"{100 * share.median:.0f} % of the budget{of}"
    else:
        where = f" in {share.missed} of {share.sets} {many}" if share.sets > 1 else ""
        text = f"{ours} does not reach the final accuracy of {closed(opponent)}{where}"
    return f"{text}, and ends {side(one.end.mean, 'it')}."


def side(difference: float, than: str) -> str:
    if abs(difference) < 0.0005:
        return f"level with {than}"
    return f"{abs(100 * difference):.1f} points {'above' if difference > 0 else 'below'} {than}"


def closed(name: str) -> str:
    """A name that a sentence goes on after; one with a comma is closed by another."""
    return name + "," * ("," in name)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
