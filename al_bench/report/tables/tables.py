"""The tables of a report, as text in cells; `render` turns them into files."""

from __future__ import annotations

from al_bench.analysis.analysis import Analysis
from al_bench.report.tables.cells import Table
from al_bench.report.tables.claims import over_sets, set_by_set
from al_bench.report.tables.methods import main
from al_bench.report.tables.overall import ranking
from al_bench.report.tables.pivots import areas, final_metrics, pivots


def tables(analysis: Analysis) -> list[Table]:
    """All tables of a report, those of its page first."""
    return [*summary(analysis), *details(analysis)]


def summary(analysis: Analysis) -> list[Table]:
    """The tables of a report's page: what its spec asks for, the ranking and one of results."""
    several = len(analysis.found) > 1
    shown = [over_sets(claimed, analysis.names) for claimed in analysis.claims]
    shown += pivots(analysis)
    shown += [ranking(analysis)] if several and analysis.ranked[0] else []
    return [*shown, areas(analysis) if several else main(analysis, analysis.found[0])]


def details(analysis: Analysis) -> list[Table]:
    """All other tables: claims set by set, and a main table a setting or, of one, all metrics."""
    every = [set_by_set(claimed, analysis.names) for claimed in analysis.claims]
    return [*every, *(main_tables(analysis) or [final_metrics(analysis)])]


def main_tables(analysis: Analysis) -> list[Table]:
    """The main table of each setting, where there are several."""
    several = len(analysis.found) > 1
    return [main(analysis, found) for found in analysis.found] if several else []
