"""How often the free labels of codecision's versions are right, and the vetted answers beside them.

    python benchmarks/taught.py           # the table; minutes
    python benchmarks/taught.py --write   # and into results/benchmarks/taught.md

Runs of `experiment=savings_versions` are made again in memory, and at their end what the head is
taught is held against the truth, which no rule has seen: of unlabelled rows the class they are
taught as (over all rows, and the mean over the classes that are taught), of annotated ones the
answer as given and the class that vetting holds for likeliest.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
from pages import table

from al_bench.configuration.experiments import plans
from al_bench.loop import active_learning
from al_bench.runs.parts import parts_of, problem_of
from al_bench.state import Ints, State
from al_bench.truth import Problem

PAGE = Path(__file__).parents[1] / "results" / "benchmarks" / "taught.md"
EXPERIMENT = "savings_versions"
SETS = ("trec", "tweeteval_emotion", "sst2", "davidson_hate", "vader", "wordnet_nouns25")
VERSIONS = ("codecision", "its second version", "its first version")  # the third teaches the same
SHOWN = {
    "free": "free labels",
    "each": "free labels, mean over classes",
    "answers": "answers as given",
    "vetted": "vetted answers",
}


def taught(state: State, problem: Problem, queried: Ints) -> tuple[dict[str, float], list[float]]:
    """Of what a head is taught the fraction that is right, by kind."""
    if state.training is None:
        return {}, []
    rows, human = state.training.rows, state.labels[state.training.rows] >= 0
    classes = state.training.targets.argmax(axis=1)
    right = classes == problem.truth[rows]
    given = state.labels[rows] == problem.truth[rows]
    found = {"free": right[~human], "answers": given[human], "vetted": right[human]}
    metrics = {name: float(some.mean()) for name, some in found.items() if len(some)}
    if (~human).any():
        by_class = pd.Series(right[~human]).groupby(classes[~human]).mean()
        metrics["each"] = float(by_class.mean())
    return metrics, []


def measured(sets: list[str], seeds: int) -> pd.DataFrame:
    """A row a run: its version, set, rate of wrong answers, and what is right at its end."""
    found = []
    words = [f"dataset={','.join(sets)}", f"seed=range({seeds})"]
    planned = plans([f"experiment={EXPERIMENT}", *words], None)
    for version in VERSIONS:
        for job in planned[f"{EXPERIMENT}: {version}"]:
            problem, seed = problem_of(job.config), int(job.config.seed)
            p = parts_of(job.config, problem)
            parts = (p.init, p.strategy, p.supervision, p.learner, taught, p.protocol)
            *_, last = active_learning(problem, *parts, seed)
            rate = float(job.config.noise.get("rate", 0))
            name = job.choices["dataset"]
            found.append({"version": version, "set": name, "rate": rate} | last.metrics)
            print(version, name, rate, seed, last.metrics, flush=True)
    return pd.DataFrame(found)


def page(runs: pd.DataFrame, seeds: int) -> list[str]:
    """By version: the mean over sets, %, and for today's every set."""
    runs = runs.assign(**{name: 100 * runs[name] for name in SHOWN})
    mean = runs.groupby(["version", "rate", "set"])[list(SHOWN)].mean()
    over = mean.groupby(["version", "rate"]).mean()
    rates = sorted(runs["rate"].unique())
    head = ["version", *(f"{what}, {rate:.0%} wrong" for what in SHOWN.values() for rate in rates)]
    means = [
        [name, *(f"{over.loc[(name, rate), what]:.1f}" for what in SHOWN for rate in rates)]
        for name in VERSIONS
    ]
    sets = [
        [name, *(f"{mean.loc[(VERSIONS[0], rate, name), 'free']:.1f}" for rate in rates)]
        for name in sorted(runs["set"].unique())
    ]
    command = " ".join(["python benchmarks/taught.py", *sys.argv[1:]])
    return [
        "# What codecision's versions teach, and how much of it is right",
        "",
        f"Made by `{command}`: the end of runs of `{EXPERIMENT}`, "
        f"{seeds} seeds, {', '.join(name for name, *_ in sets)}; % of rows, mean over sets.",
        "",
        *table(head, means),
        "",
        "Free labels of today's by set:",
        "",
        *table(["set", *(f"{rate:.0%} wrong" for rate in rates)], sets),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    given = parser.parse_args()
    lines = page(measured(given.sets, given.seeds), given.seeds)
    print("\n".join(lines))
    if given.write:
        PAGE.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
