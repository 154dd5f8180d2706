"""What a claim says with fewer seeds: by how much on the mean, and by how much by luck.

    python benchmarks/seeds.py --write
    python benchmarks/seeds.py experiment=paper --claim 1 --seeds 2

The seeds of an experiment's committed runs are shuffled and cut into parts, and the claim is held
on each part alone, its opponents chosen among that part's seeds. What the parts say on the mean,
beside what all seeds say, is due to the choice of the opponents on fewer seeds, and to noisier
curves; how far parts of one shuffle lie apart is luck.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pages import table

from al_bench.cli.report import report_config, report_name, spec_of
from al_bench.report.claims import evaluate_claim, summaries
from al_bench.report.comparison import comparison_data, narrowed
from al_bench.report.results import read_parquet
from al_bench.report.spec import ReportSpec

RESULTS = Path(__file__).parents[1] / "results"
PAGE = RESULTS / "benchmarks" / "seeds.md"
SHOWN = ("share of the budget, %", "area, points")


def held(frame: pd.DataFrame, spec: ReportSpec, claim: int) -> dict[str, tuple[float, float]]:
    """A claim's median share of the budget in % and mean area in points by row."""
    on = comparison_data(frame.reset_index(drop=True), spec, True)
    return {
        on.names.all(one.row): (100 * one.share.median, 100 * one.area.mean)
        for one in summaries(evaluate_claim(spec.claimed[claim], on, spec))
    }


def parts(seeds: NDArray[np.int64], size: int, shuffles: int) -> Iterator[list[NDArray[np.int64]]]:
    """Disjoint parts of so many seeds, for every shuffle of them."""
    rng = np.random.default_rng(0)
    for _ in range(shuffles):
        mixed = rng.permutation(seeds)
        yield [mixed[at : at + size] for at in range(0, len(seeds) - size + 1, size)]


def lines(frame: pd.DataFrame, spec: ReportSpec, claim: int, sizes: list[int], shuffles: int,
          command: str) -> Iterator[str]:  # fmt: skip
    """The page."""
    seeds = np.sort(frame["seed"].unique())
    whole = held(frame, spec, claim)
    yield from ("# What a claim says with fewer seeds", "")
    yield from (f"Made by `{command}`: {spec.claimed[claim].name}.", "")
    yield (
        f"Mean over the parts of {shuffles} shuffles; in brackets the standard deviation between "
        "disjoint parts of one shuffle, as there is between other seeds.\n"
    )
    body = []
    for size in sizes:
        found = [
            [held(frame[frame["seed"].isin(part)], spec, claim) for part in one]
            for one in parts(seeds, size, shuffles)
        ]
        for name, all_seeds in whole.items():
            values = np.array([[part[name] for part in one] for one in found])
            means = values.mean(axis=(0, 1))
            spread = np.sqrt(values.var(axis=1, ddof=1).mean(axis=0))
            shown = [f"{m:.1f} ({s:.1f})" for m, s in zip(means, spread, strict=True)]
            body.append((name, str(size), *shown, *(f"{value:.1f}" for value in all_seeds)))
    head = ("settings", "seeds", *SHOWN, *(f"{what}: all {len(seeds)}" for what in SHOWN))
    yield from table(head, body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", nargs="?", default="experiment=savings")
    parser.add_argument("--claim", type=int, default=0, help="which of its claims, from 0 on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 10], help="in a part")
    parser.add_argument("--shuffles", type=int, default=10)
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    given = parser.parse_args()
    spec = spec_of(report_config([given.experiment], None))
    path = RESULTS / f"{report_name([given.experiment])}.parquet"
    frame = narrowed(read_parquet(path).frame, spec.metric)
    if not 2 <= 2 * max(given.seeds) <= frame["seed"].nunique():
        parser.error(
            f"--seeds {max(given.seeds)} of {frame['seed'].nunique()}; wanted half at most"
        )
    command = " ".join(["python benchmarks/seeds.py", *sys.argv[1:]])
    made = list(lines(frame, spec, given.claim, given.seeds, given.shuffles, command))
    print("\n".join(made))
    if given.write:
        PAGE.write_text("\n".join(made) + "\n", "utf-8")


if __name__ == "__main__":
    main()
