"""The strongest opponents of each data set, by a screening on seeds that are never scored.

    albench report experiment=screen
    python scripts/opponents.py results/screen.parquet > configs/experiment/common/opponents.yaml

An arm is a query rule with its start, training rule, learner and loss, and the fraction rho of a
rule that has one. Its standing on a set is in its favour: by how much the area under its curve, of
the model alone or times the prior, whichever is larger, is behind that of the best arm, at the
noise rate where it comes closest. The five that stand highest are kept, and the best with a rho,
which is PriorAL.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import yaml

from al_bench.analysis.savings import area

KEPT = 5
METRICS = ["balanced_accuracy", "product_balanced_accuracy"]
ARM = ["strategy", "init", "supervision", "learner", "balance", "rho"]


def areas(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean area under the curve of every arm by set and noise rate, by its better metric."""
    frame = frame[frame["round"] > 0].sort_values("round")
    frame = frame.assign(
        balance=[json.loads(text)["balance"] for text in frame["learner_config"]],
        rate=[json.loads(text)["rate"] for text in frame["noise_config"]],
        rho=[json.loads(text).get("rho", 0.0) for text in frame["strategy_config"]],
    )
    by, lines = ["dataset", "rate", *ARM], []
    for key, run in frame.groupby([*by, "id"], observed=True):
        under = area(run[METRICS].to_numpy().T, run["n_labels"].to_numpy(), log=False)
        lines.append((*key[:-1], *under))
    found = pd.DataFrame(lines, columns=[*by, *METRICS]).groupby(by)[METRICS].mean()
    return found.max(axis=1).rename("area").reset_index()


def strongest(found: pd.DataFrame) -> pd.DataFrame:
    """The arms that are kept, set by set, the strongest first."""
    best = found.groupby(["dataset", "rate"], observed=True)["area"].transform("max")
    behind = found.assign(behind=best - found["area"])
    standing = behind.groupby(["dataset", *ARM], observed=True)["behind"].agg(["min", "mean"])
    ordered = standing.reset_index().sort_values(["dataset", "min", "mean", *ARM])
    kept = ordered.groupby("dataset", observed=True).head(KEPT)
    divided = ordered[ordered["rho"] > 0].groupby("dataset", observed=True).head(1)
    return pd.concat([kept, divided]).drop_duplicates()


def sweep(arm: pd.Series) -> dict[str, str]:
    """The overrides that make an arm's runs."""
    rho = f"{arm['rho']:g}"
    return {
        "dataset": arm["dataset"],
        "strategy": arm["strategy"],
        "strategy@init": arm["init"],
        "supervision": arm["supervision"],
        "learner": arm["learner"],
        "learner.balance": arm["balance"],
        **({"strategy.rho": rho, "supervision.rho": rho} if arm["rho"] else {}),
    }


def main(path: str) -> None:
    """Print the sweeps of the strongest arms."""
    kept = strongest(areas(pd.read_parquet(Path(path))))
    sweeps = {}
    for dataset, arms in kept.groupby("dataset", observed=True):
        for number, (_, arm) in enumerate(arms.iterrows(), 1):
            sweeps[f"opponent {number} on {dataset}"] = sweep(arm)
    print("# @package _global_")
    print("# The strongest opponents of each set. Made by scripts/opponents.py: do not edit.")
    print(yaml.safe_dump({"sweeps": sweeps}, sort_keys=False), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
