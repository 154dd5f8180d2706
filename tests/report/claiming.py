"""Claims on frames of made-up runs, and what is read of them, for several test files."""

from __future__ import annotations

from typing import Any

import numpy as np

from al_bench.report.analysis import Analysis, analyse
from al_bench.report.claims import ClaimResult
from al_bench.report.keys import Method, Setting
from al_bench.report.results import Results
from al_bench.report.spec import ReportSpec
from al_bench.report.tables.cells import Table
from al_bench.report.tables.claims import over_sets
from tests.report.frames import EVEN, FAST, SLOW, WEAK, results, runs

MEAN, OVER_SEEDS, FINAL = "labels saved", "95 % over seeds", "saved at final level"
TWICE = 1 - (0.1 * 10 + 25 * (1 - 0.2**2)) / (50 * (1 - 0.1**2))  # FAST over SLOW, all levels
BOTH = 1 - np.sqrt(1 - TWICE)  # over that set and one without a saving: geometric, of the ratios
NOISY, NOISIER = 0.2, 0.4
MINE, RANDOM, MARGIN = ({"strategy": name} for name in ("mine", "random", "margin"))
CLAIM = {"name": "faster", "ours": MINE, "baselines": {"strategy": ["random", "margin"]}}


def analysed(found: Results, *claims: dict[str, Any], **options: Any) -> Analysis:
    return analyse(found, ReportSpec(claims=claims or (CLAIM,), bootstrap=200, **options))


def option(method: Method) -> str:
    return method.choice("strategy").option


def bases(claimed: ClaimResult) -> list[str]:
    """The best baseline of each set."""
    return [option(held.opponents[0].method) for held in claimed.sets]


def where(analysis: Analysis, *places: Setting) -> tuple[str, ...]:
    return tuple(map(analysis.names.all, places))


def table_of(analysis: Analysis) -> Table:
    return over_sets(analysis.claims[0], analysis.names)


def cell(table: Table, row: str, column: str) -> str:
    names = [cells[0] for cells in table.rows]
    return table.rows[names.index(row)][table.header.index(column)]


def two_sets(**fixed: Any) -> Results:
    """Ours twice as fast as the best baseline in one set, as fast in the other."""
    return results(
        runs("mine", FAST, "one", **fixed), runs("random", WEAK, "one", **fixed),
        runs("margin", SLOW, "one", **fixed), runs("mine", EVEN, "two", **fixed),
        runs("random", SLOW, "two", **fixed), runs("margin", WEAK, "two", **fixed),
    )  # fmt: skip
