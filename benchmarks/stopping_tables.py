"""The page that `stopping.py` writes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from audits import ALONE, CLEAN, OURS, WALD
from pages import table

ESTIMATORS = (OURS, ALONE, WALD)
QUANTITIES = ("accuracy", "balanced accuracy", "recall")


def cell(frame: pd.DataFrame) -> str:
    """Coverage in % and mean width in points."""
    if frame.empty:
        return ""
    return f"{100 * frame['covers'].mean():.1f} ({100 * frame['width'].mean():.0f})"


def of_answers(covered: pd.DataFrame) -> list[str]:
    """Coverage and width by noise, kind of answers and estimator; sets count alike."""
    body = []
    for (rate, audit), part in covered.groupby(["rate", "audit"], sort=True):
        for estimator in ESTIMATORS:
            some = part[part["estimator"] == estimator]
            if some.empty:
                continue
            cells = []
            for what in QUANTITIES:
                found = some[some["what"] == what].groupby("dataset")[["covers", "width", "bias"]]
                mean = found.mean().mean()
                cells.append(f"{100 * mean['covers']:.1f}")
                cells.append(f"{100 * mean['width']:.0f}")
                cells.append(f"{100 * mean['bias']:+.1f}")
            body.append([f"{100 * float(rate):.0f}", str(audit), estimator, *cells])
    head = ["wrong answers, %", "audited rows have", "intervals"]
    for what in QUANTITIES:
        head += [f"{what}: covers, %", "width", "bias"]
    return table(head, body)


def of_sets(covered: pd.DataFrame) -> list[str]:
    """Coverage and width of ours with true answers, set by set."""
    some = covered[(covered["audit"] == CLEAN) & (covered["estimator"] == OURS)]
    body = []
    for name, part in some.groupby("dataset", sort=False):
        rows = part[part["what"] == "accuracy"].groupby("round")["rows"].mean()
        cells = [cell(part[part["what"] == what]) for what in QUANTITIES]
        body.append([str(name), f"{rows.min():.0f} to {rows.max():.0f}", *cells])
    return table(["data set", "audited rows", *QUANTITIES], body)


def of_counts(covered: pd.DataFrame) -> list[str]:
    """Coverage and width of recalls by how many audited rows the class has."""
    some = covered[(covered["audit"] == CLEAN) & (covered["what"] == "recall")]
    edges = [-1, 0, 1, 2, 5, 10, 20, 10**9]
    names = ["0", "1", "2", "3 to 5", "6 to 10", "11 to 20", "over 20"]
    group = pd.cut(some["rows"], edges, labels=names)
    body = [
        [
            name,
            *(cell(some[(group == name) & (some["estimator"] == e)]) for e in (OURS, ALONE, WALD)),
        ]
        for name in names
    ]
    return table(["audited rows of the class", OURS, ALONE, WALD], body)


def of_rules(stopped: pd.DataFrame) -> list[str]:
    """What each rule spends and keeps: a row a rule, a column a noise and kind of answers."""
    columns = list(stopped.groupby(["rate", "audit"], sort=True).groups)
    body = []
    for rule, part in stopped.groupby("rule", sort=False):
        cells = []
        for rate, audit in columns:
            some = part[(part["rate"] == rate) & (part["audit"] == audit)]
            cells.append(spent(some))
        body.append([str(rule), *cells])
    return table(["rule", *(f"{100 * rate:.0f} %, {audit}" for rate, audit in columns)], body)


def spent(some: pd.DataFrame) -> str:
    """One cell: stops, labels over the best, points lost, promise broken."""
    if some.empty:
        return ""
    numbers = [
        f"{100 * some['stopped'].mean():.0f}",
        f"{np.exp(np.log(some['over best']).mean()):.2f}",
        f"{100 * some['lost'].mean():+.1f}",
    ]
    known = some["broken"].notna() | ~some["stopped"]
    if some["promises"].any() and known.any():
        numbers.append(f"{100 * some.loc[known, 'broken'].fillna(0).mean():.1f}")
    return " / ".join(numbers)


def page(covered: pd.DataFrame, stopped: pd.DataFrame, said: tuple[str, str, str]) -> str:
    """The whole page in Markdown; said: what was run, and what its two parts show."""
    what, intervals, rules = said
    lines = [
        *("# Audits and stopping rules, replayed", "", what, ""),
        *("## Do intervals hold", "", intervals, "", *of_answers(covered), ""),
        "Ours, true answers, set by set: coverage in % (width in points).",
        *("", *of_sets(covered), ""),
        "Recalls with true answers, by how much was seen of the class.",
        *("", *of_counts(covered), ""),
        *("## When rules stop", "", rules, "", *of_rules(stopped)),
    ]
    return "\n".join(lines) + "\n"
