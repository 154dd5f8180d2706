"""How far the same runs lie apart that were made twice: by two versions, machines or caches.

    git show 16624f2:results/savings.parquet > before.parquet
    git show a56d00f:results/savings.parquet > after.parquet
    python benchmarks/apart.py before.parquet after.parquet

Runs are the same where they have equal options and seed, and equal loss of the head; that is what a
component may not change when it is made faster. Points are of the mean balanced accuracy over
rounds and of the last round; seconds are those that the runs measured, on whatever else was going
on. Rules that compare nearly equal scores query other rows after a change in the last digit, so
single runs lie apart although nothing is better or worse.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

OPTIONS = ["dataset", "rate", "strategy", "supervision", "init", "learner", "balance", "protocol"]
SECONDS = ["seconds_select", "seconds_fit", "seconds_evaluate"]


def runs(path: Path) -> pd.DataFrame:
    """A row a run: its mean and last balanced accuracy, its seconds, the digest of its problem."""
    frame = pd.read_parquet(path)
    frame = frame[frame["round"] > 0].sort_values("round")
    frame = frame.assign(
        rate=[json.loads(text).get("rate", 0) for text in frame["noise_config"]],
        balance=[json.loads(text).get("balance") for text in frame["learner_config"]],
        seconds=frame[SECONDS].sum(axis=1),
    )
    return frame.groupby([*OPTIONS, "seed"], observed=True, dropna=False).agg(
        mean=("balanced_accuracy", "mean"),
        last=("balanced_accuracy", "last"),
        seconds=("seconds", "sum"),
        digest=("digest", "first"),
    )


def main() -> None:
    """Print how far two files' common runs lie apart, and by query rule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    given = parser.parse_args()
    before, after = runs(given.before), runs(given.after)
    both = before.join(after, how="inner", lsuffix="_before", rsuffix="_after")
    if not len(both):
        parser.error(f"{given.before} and {given.after} have no run in common")
    same = (both["digest_before"] == both["digest_after"]).mean()
    print(f"{len(both)} runs in both, {100 * same:.0f} % of them on bit-identical problems")
    for name in ("mean", "last"):
        points = 100 * (both[f"{name}_after"] - both[f"{name}_before"])
        error = points.std() / np.sqrt(len(points))
        print(
            f"{name}: {points.mean():+.3f} points "
            f"(standard error {error:.3f}; {points.std():.2f} a run)"
        )
    print(
        f"seconds: {both['seconds_before'].sum():.0f} before, "
        f"{both['seconds_after'].sum():.0f} after"
    )
    points = 100 * (both["mean_after"] - both["mean_before"])
    table = points.groupby(["strategy", "supervision"]).agg(["mean", "std", "count"])
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()
