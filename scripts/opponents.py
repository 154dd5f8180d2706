"""The strongest opponents of each data set, by a screening on seeds that are never scored.

    albench run experiment=screen results=build/screen
    albench merge build/screen/runs --out build/screen.parquet
    areas=results/benchmarks/screening.parquet
    python scripts/opponents.py areas build/screen.parquet --out $areas
    python scripts/opponents.py kept $areas > configs/experiment/common/opponents.yaml
    python scripts/opponents.py single $areas    # the best single alternative, as in savings.yaml

An arm is a query rule with its start, training rule, learner, loss and ridge, and the fraction rho
of a rule that has one. Its standing on a set is in its favour: by how much the area under its
curve, of the model alone or times the prior, whichever is larger, is behind that of the best arm of
the same seeds, at the noise rate where it comes closest. The five that stand highest are kept,
besides the two highest of those that train on human labels only, and the highest with a rho, which
is PriorAL.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
import yaml

from al_bench.report.savings import area

KEPT, KEPT_OF_LABELS, KEPT_WITH_RHO = 5, 2, 1
METRICS = ["balanced_accuracy", "product_balanced_accuracy"]
ARM = ["strategy", "init", "supervision", "learner", "balance", "l2", "rho"]
BY = ["dataset", "rate", *ARM]


def areas(frame: pd.DataFrame) -> pd.DataFrame:
    """Area under the curve of every run, by both metrics."""
    frame = frame[frame["round"] > 0].sort_values("round")
    frame = frame.assign(
        balance=[json.loads(text)["balance"] for text in frame["learner_config"]],
        l2=[float(json.loads(text)["l2"]) for text in frame["learner_config"]],
        rate=[json.loads(text)["rate"] for text in frame["noise_config"]],
        rho=[json.loads(text).get("rho", 0.0) for text in frame["strategy_config"]],
    )
    lines = []
    for key, run in frame.groupby([*BY, "seed", "id"], observed=True):
        under = area(run[METRICS].to_numpy(float).T, run["n_labels"].to_numpy())
        lines.append((*key[:-1], *under))
    return pd.DataFrame(lines, columns=[*BY, "seed", *METRICS])


def standings(found: pd.DataFrame) -> pd.DataFrame:
    """How far each arm is behind the best at every set and noise rate, in its favour."""
    best = found.groupby(["dataset", "rate", "seed"], observed=True)[METRICS].transform("max")
    behind = -found[METRICS].sub(best.max(axis=1), axis=0)
    arms = pd.concat([found[BY], behind], axis=1).groupby(BY, observed=True).mean()
    return arms.min(axis=1).rename("behind").reset_index()


def single(found: pd.DataFrame) -> pd.Series:
    """The arm that is least behind on the mean of all sets and of the rates of all ridges."""
    ridges = found.groupby("rate")["l2"].nunique()
    some = standings(found[found["rate"].isin(ridges.index[ridges == ridges.max()])])
    cells = some.groupby(ARM)["behind"].agg(["size", "mean"]).reset_index()
    return cells[cells["size"] == cells["size"].max()].sort_values(["mean", *ARM]).iloc[0]


def strongest(found: pd.DataFrame) -> pd.DataFrame:
    """The arms that are kept, set by set, the strongest first."""
    standing = (
        standings(found).groupby(["dataset", *ARM], observed=True)["behind"].agg(["min", "mean"])
    )
    ordered = standing.reset_index().sort_values(["dataset", "min", "mean", *ARM])
    labels = (ordered["supervision"] == "labels") & (ordered["learner"] == "linear")
    kept = [
        some.groupby("dataset", observed=True).head(number)
        for some, number in (
            (ordered, KEPT),
            (ordered[labels], KEPT_OF_LABELS),
            (ordered[ordered["rho"] > 0], KEPT_WITH_RHO),
        )
    ]
    return pd.concat(kept).drop_duplicates()


def sweep(arm: pd.Series) -> dict[str, str]:
    """The overrides that make an arm's runs."""
    rho = f"{arm['rho']:g}"
    return {
        **({"dataset": arm["dataset"]} if "dataset" in arm else {}),
        "strategy": arm["strategy"],
        "strategy@init": arm["init"],
        "supervision": arm["supervision"],
        "learner": arm["learner"],
        "learner.balance": arm["balance"],
        **({"learner.l2": f"{arm['l2']:g}"} if arm["l2"] != 1 else {}),
        **({"strategy.rho": rho, "supervision.rho": rho} if arm["rho"] else {}),
    }


def print_sweeps(kept: pd.DataFrame) -> None:
    """The yaml that makes the runs of the arms that are kept."""
    sweeps = {}
    for dataset, arms in kept.groupby("dataset", observed=True):
        for number, (_, arm) in enumerate(arms.iterrows(), 1):
            sweeps[f"opponent {number} on {dataset}"] = sweep(arm)
    print("# @package _global_")
    print(
        "# Part of `savings`: the strongest opponents of each set; scripts/opponents.py wrote it."
    )
    print(yaml.safe_dump({"sweeps": sweeps}, sort_keys=False), end="")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(dest="step", required=True)
    first = steps.add_parser("areas", help="the areas of a screening's runs")
    first.add_argument("runs", type=Path, help="the screening's runs, a parquet file")
    first.add_argument("--out", type=Path, required=True, help="a parquet file of areas")
    second = steps.add_parser("kept", help="print the sweeps of the strongest arms")
    third = steps.add_parser("single", help="print the best arm for all sets")
    for step in (second, third):
        step.add_argument("areas", type=Path, help="the parquet file of areas")
    options = parser.parse_args()
    if options.step == "areas":
        areas(pd.read_parquet(options.runs)).to_parquet(options.out, index=False)
    elif options.step == "single":
        print(
            yaml.safe_dump(sweep(single(pd.read_parquet(options.areas))), sort_keys=False), end=""
        )
    else:
        print_sweeps(strongest(pd.read_parquet(options.areas)))


if __name__ == "__main__":
    main()
