"""What a page answers, in one or two sentences with their numbers."""

from __future__ import annotations

import numpy as np

from al_bench.report import stats
from al_bench.report.analysis import Analysis, SettingResult, random_of
from al_bench.report.claims import ClaimResult, Summary, at_once, summaries
from al_bench.report.names import Names
from al_bench.report.tables.render import percent
from al_bench.report.tables.tables import BELOW, end_gains


def answer(analysis: Analysis) -> str:
    """The answer of a page: of a claim, a ladder of priors, one setting, or a ranking."""
    held = [result for result in analysis.claims if result.sets]
    gains = end_gains(analysis) if "ladder" in analysis.spec.figures else []
    if held:
        told = [one for one in held if not one.claim.prior_alone]
        told = at_once(told, analysis.spec.glance)[-1:] or told
        return answer_of_claim((told or held)[0], analysis.names)
    if gains:
        below = sum(gain < -BELOW for gain in gains)
        return (
            f"{capital(analysis.names.method(analysis.champion))} ends "
            f"{side(float(np.mean(gains)))} the foundation model alone, mean over {len(gains)} "
            f"pairs of data set and foundation model; in {below} of them it ends below it."
        )
    several = len(analysis.settings) > 1
    if not several and analysis.champion in analysis.settings[0].over_best and analysis.roles.ours:
        return answer_of_setting(analysis.settings[0], analysis)
    methods, scores = analysis.ranked
    if not methods:
        return ""
    values = stats.ranks(scores).mean(axis=0) if several else 100 * scores[0]
    what = "the best mean rank" if several else "the largest area under the curve"
    text = f"{capital(analysis.names.method(methods[0]))} has {what}, {values[0]:.1f}"
    text += " %" * (not several)
    among = f" of {len(methods)} methods in {len(analysis.settings)} settings" if several else ""
    chance = random_of(methods)
    if chance is not None and chance != methods[0]:
        text += f"{among}; random has {values[methods.index(chance)]:.1f}"
        among = ""
    return f"{text}{among}."


def answer_of_setting(found: SettingResult, analysis: Analysis) -> str:
    """With how many labels our first method reaches the final accuracy of the best baseline."""
    curves, method = found.curves, analysis.champion
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
    ours = names.method(result.ours)
    shown = found if len(found) < 3 else [found[0], found[-1]]
    return " ".join(sentence(one, ours, result.claim.name, names) for one in shown)


def sentence(one: Summary, ours: str, opponent: str, names: Names) -> str:
    text = f"{capital(names.all(one.row))}: {ours} ends {side(one.end.mean)} {opponent}"
    share = one.share
    if np.isfinite(share.median):
        text += f", and needs {100 * share.median:.0f} % of the budget for the same accuracy"
        text += f" (the median; not reached in {share.missed} of {share.sets} sets)"
    elif share.sets:
        text += f", whose accuracy it does not reach in {share.missed} of {share.sets} sets"
    return f"{text}."


def side(difference: float) -> str:
    return f"{abs(100 * difference):.1f} points {'above' if difference >= 0 else 'below'}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
