"""Whether committed results are of the problems made today: one of each data set and prior.

    python benchmarks/problems.py                     # all results
    python benchmarks/problems.py savings baselines

The pool, features, prior, answers and test rows of the first run of each are made again from the
cache of embeddings, and their digest is compared with the one on record.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from al_bench.report.results import load
from al_bench.runs.component import run_id
from al_bench.runs.experiments import plans
from al_bench.runs.run import problem_of

RESULTS = Path(__file__).parents[1] / "results"


def differing(name: str) -> tuple[int, list[str]]:
    """How many problems are the same, and in words those that are others."""
    known = load(RESULTS / f"{name}.parquet").drop_duplicates("id").set_index("id")["digest"]
    seen, others = set[str](), []
    for job in (job for one in plans([f"experiment={name}"], None).values() for job in one):
        made = json.dumps([job.science["dataset"], job.science["prior"]], sort_keys=True)
        run = run_id(job.science)
        if made in seen or run not in known.index:
            continue
        seen.add(made)
        if problem_of(job).digest != known[run]:
            others.append(f"{job.choices['dataset']} by {job.choices['prior']}")
    return len(seen) - len(others), others


def main() -> int:
    """1 where some problem is another."""
    names = sys.argv[1:] or sorted(path.stem for path in RESULTS.glob("*.parquet"))
    wrong = 0
    for name in names:
        same, others = differing(name)
        wrong += len(others)
        print(f"{name}: {same} the same", *(f"another: {other}" for other in others), sep=", ")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
