"""The tables of a report, as text in cells; `render` turns them into files."""

from __future__ import annotations

from al_bench.analysis.analysis import Analysis
from al_bench.report.tables.beside_prior import beside_prior_tables
from al_bench.report.tables.cells import Table
from al_bench.report.tables.claims import claim_tables, set_by_set
from al_bench.report.tables.costs import cost_tables
from al_bench.report.tables.factorial import factorials
from al_bench.report.tables.fractions import fraction_tables, printed_tables
from al_bench.report.tables.methods import forms, labelled, main, quality, tests
from al_bench.report.tables.overall import areas, competing, penalty_matrix, ranking


def tables(analysis: Analysis) -> list[Table]:
    """All tables of a report, those of its page first."""
    return [*summary(analysis), *details(analysis)]


def summary(analysis: Analysis) -> list[Table]:
    """The tables of a report's page: what its spec asks for, the ranking and one of results."""
    several = len(analysis.found) > 1
    claims = claim_tables(analysis.claims, analysis.names, analysis.spec.metric)
    shown = [*cost_tables(analysis)[:1], *claims]
    shown += [*beside_prior_tables(analysis), *printed_tables(analysis)]
    shown += factorials(analysis)[: 1 if several else None]
    shown += [ranking(analysis)] if several and competing(analysis)[0] else []
    return [*shown, areas(analysis) if several else main(analysis, analysis.found[0])]


def details(analysis: Analysis) -> list[Table]:
    """All other tables, setting by setting."""
    several = len(analysis.found) > 1
    metric = analysis.spec.metric
    every = [set_by_set(claimed, analysis.names, metric) for claimed in analysis.claims]
    every += [*cost_tables(analysis)[1:], *fraction_tables(analysis)]
    every += factorials(analysis)[1:] if several else []
    every += main_tables(analysis)
    if not analysis.spec.details:
        return every
    every += [penalty_matrix(analysis)] if several and competing(analysis)[0] else []
    every += [forms(analysis, found) for found in analysis.found if found.setting.is_curve]
    every.append(tests(analysis))
    for found in analysis.found:
        every += [quality(analysis, found), labelled(analysis, found)]
    return every


def main_tables(analysis: Analysis) -> list[Table]:
    """The main table of each setting, where there are several."""
    several = len(analysis.found) > 1
    return [main(analysis, found) for found in analysis.found] if several else []
