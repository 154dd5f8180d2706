"""What labels add to the foundation model alone: by hand on two curves."""

import numpy as np
import pytest

from al_bench.report.analysis import analyse
from al_bench.report.spec import ReportSpec
from al_bench.report.tables.render import NONE
from al_bench.report.tables.tables import beyond_prior
from tests.report.frames import FAST, SLOW, results, runs

SPEC = ReportSpec(ours={"strategy": "mine"})


def rows(*frames: object) -> dict[str, tuple[str, ...]]:
    (table,) = beyond_prior(analyse(results(*frames), SPEC))  # type: ignore[arg-type]
    return {row[0]: row[1:] for row in table.rows}


def ladder_of(method: str, curve: np.ndarray, *alone: float) -> list[object]:
    return [runs(method, curve, prior=f"p{at}", alone=at) for at in alone]


def test_gains_are_over_the_foundation_model_and_counted_pair_by_pair() -> None:
    found = rows(*ladder_of("mine", FAST, 0.2, 0.9), *ladder_of("random", SLOW, 0.2, 0.9))
    first = 100 * (FAST[0] - np.array([0.2, 0.9])).mean()
    assert float(found["mine"][0]) == pytest.approx(first, abs=0.051)
    below = [100 * np.mean([(at - 0.005 > FAST).mean() for at in (0.2, 0.9)])]
    assert float(found["mine"][4]) == pytest.approx(below[0], abs=0.51)
    count = sum(at - 0.005 > FAST[-1] for at in (0.2, 0.9))
    assert found["mine"][3] == str(count)
    assert next(iter(found)) == "mine"


def test_labels_to_a_gain_are_the_median_of_the_pairs_that_reach_it() -> None:
    found = rows(*ladder_of("mine", FAST, 0.2, 0.99), *ladder_of("random", SLOW, 0.2, 0.99))
    assert found["mine"][6].endswith("(1)")
    far = rows(*ladder_of("mine", FAST, 0.999, 0.998), *ladder_of("random", SLOW, 0.999, 0.998))
    assert far["mine"][6] == NONE


def test_settings_that_differ_in_more_have_no_such_table() -> None:
    alone = analyse(results(runs("mine", FAST, alone=0.5), runs("random", SLOW, alone=0.5)), SPEC)
    assert beyond_prior(alone) == []
