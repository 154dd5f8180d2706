"""ASReview's simulator in the settings of the suite `rare`, and what a stopping rule or a
certificate costs on two systematic reviews.

    python benchmarks/reviews.py --asreview asr/bin/python --write    # into results/benchmarks

How to make that environment: `benchmarks/simulate_asreview.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from pages import published, table

import al_bench
from al_bench.api import chosen
from al_bench.core.loop import answered, query, trained
from al_bench.core.oracle import Oracle
from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.problem import Problem
from al_bench.core.state import Bools, Floats, Ints, State
from al_bench.labelling.audit.certify import planned
from al_bench.runs.run import parts_of

PAGE = Path(__file__).parents[1] / "results" / "benchmarks" / "reviews.md"
SIMULATE = Path(__file__).parent / "simulate_asreview.py"
SETTINGS = [
    *(("wordnet_nouns25", 23, rate) for rate in (0.05, 0.0143, 0.0033)),
    *(("fashion_mnist", 4, rate) for rate in (0.05, 0.0143, 0.0033)),
    ("nagtegaal", 1, 0.05),
    ("kitchenham", 1, 0.0264),
]
ERRORS = {
    "none": [[1.0, 0.0], [0.0, 1.0]],
    "a tenth wrong": [[0.9, 0.1], [0.1, 0.9]],
}
LABELS = 300
SEARCH = {"strategy": "rare", "init": "rare"}
SUITE = PAGE.parents[1] / "rare.parquet"
PARTS = (0.95, 0.9, 0.8)  # of the class that are to be found
RISK = 0.04  # as a session's first certificate
BATCH, SELDOM, DRAWS = 100, 2, 1000
RULES = ((50, 0.0), (100, 0.0), (200, 0.0), (50, 0.1))  # irrelevant in a row, least part read


def problem(dataset: str, target: int, rate: float, matrix: object, seed: int) -> Problem:
    """A problem of the suite; class 0 is the rare one."""
    values = [f"imbalance.target={target}", f"imbalance.rate={rate}", f"noise.matrix={matrix}"]
    return al_bench.make_problem(
        dataset, imbalance="one_vs_rest", noise="confusion", seed=seed, overrides=values
    )


def orders(python: str, texts: list[str], features: Floats, answers: Ints, seed: int, count: int
) -> dict[str, Ints]:  # fmt: skip
    """Rows in the order of ASReview's labels, by variant."""
    with TemporaryDirectory() as made:
        source, target = Path(made) / "problem.npz", Path(made) / "order.npz"
        np.savez(source, texts=np.array(texts, dtype=np.str_), features=features,
                 answers=(answers == 0).astype(np.int64), seed=seed, count=count)  # fmt: skip
        subprocess.run(
            [python, SIMULATE, source, target],
            check=True,
            cwd=made,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # it leaves files
        with np.load(target) as file:
            return {name: file[name] for name in file.files}


def found(python: str, seeds: int) -> Iterator[dict[str, object]]:
    """A line a setting, error, seed and variant: the fraction of the class among the labels."""
    for dataset, target, rate in SETTINGS:
        for error, matrix in ERRORS.items():
            for seed in range(seeds):
                one = problem(dataset, target, rate, matrix, seed)
                texts = list(one.pool.inputs) if dataset != "fashion_mnist" else []
                answers = np.asarray(one.table).reshape(len(one.pool), -1)[:, 0]
                made = orders(python, texts, one.pool.features, answers, seed, LABELS)
                rare = one.truth == 0
                for name, rows in made.items():
                    yield {"data": f"{dataset}, {rate:.2%}", "error": error, "seed": seed,
                           "method": name, "found": rare[rows].sum() / rare.sum()}  # fmt: skip


def whole(dataset: str, seed: int) -> tuple[Problem, list[str]]:
    """All papers of a review, as pool and test split divide them; class 0 is what it included."""
    one = al_bench.make_problem(dataset, imbalance="natural", noise="clean", seed=seed)
    sides = (one.pool, one.truth), (one.test, one.test_truth)
    features, prior = (
        np.concatenate([getattr(x, n) for x, _ in sides]) for n in ("features", "prior")
    )
    truth = 1 - np.concatenate([y for _, y in sides])
    texts = [text for side, _ in sides for text in side.inputs]
    return Problem.from_arrays(features, prior[:, ::-1], truth, features, truth), texts


def least_read(rows: int, positives: int, part: float, risk: float = 1 - PARTS[0]) -> float:
    """The fraction of rows that any rule reads on average, however it ranks them, that finds this
    part of a class with probability 1 - risk, whichever rows are of the class.

    So many more rows of the class that the part is not reached any more may be anywhere among the
    others. What the rule reads is the same until it reads one of them, so it must read so many of
    the others that all of the hidden ones are missed with probability `risk` at most.
    """
    from scipy.stats import hypergeom

    others = rows - positives
    more = next(j for j in range(others) if positives < part * (positives + j))
    least = next(m for m in range(others) if hypergeom.pmf(0, others, more, m) <= risk)
    return (least + part * positives) / rows


@dataclass(frozen=True)
class Batch:
    """After a batch was read: leads, labels, right (n,) as `planned` takes them, and how many
    papers it brought."""

    leads: Ints
    labels: Ints
    right: Floats
    due: int


def batches(one: Problem, seed: int) -> Iterator[Batch]:
    """Reading by batches, to the end."""
    parts, _ = parts_of(chosen({**SEARCH, "protocol": "small"}, seed, []), one)
    state, oracle, truth = State.start(one.pool), Oracle(one.table), one.truth
    for number in range(1, len(truth) // BATCH + 2):
        rule = parts.init if number == 1 else parts.strategy
        told, _ = query(rule, state, BATCH, oracle, "after_batch", seed, number)
        state = answered(state, told, None, seed, number)
        state = trained(state, parts.supervision, parts.learner, seed, number)
        probs, leads = CalibratedPredictor(state).pool, np.zeros(len(truth), dtype=np.int64)
        leads[state.labelled] = 1
        labels = np.where(leads > 0, truth, probs.argmax(axis=1))
        unread = probs[:, 0] * (leads == 0) * (labels == 1)
        due = int(np.sum(truth[told.rows] == 0))  # the next batch is expected to bring as many
        right = 1 - unread * min(1.0, due / max(float(unread.sum()), 1e-12))
        yield Batch(leads, labels, right, due)


def our_reading(one: Problem, read_so: list[Batch], part: float) -> list[tuple[int, float]]:
    """For each draw of the check, what is read in the end, and the recall. Reading is by batches
    until one brings few papers and the forecast of all reading rises; then comes the check."""
    truth, n, forecasts = one.truth, len(one.truth), list[float]()
    for batch in read_so:
        labels, leads, draws = batch.labels, batch.leads, np.random.default_rng(0)
        plan = planned(labels, batch.right, leads, 2, 1 - part, RISK, 0.0, draws, target=0)
        forecasts.append(np.count_nonzero(leads) + plan.answers)
        if batch.due <= SELDOM and forecasts[-1] > min(forecasts):
            break
    ends = []
    for _ in range(DRAWS):
        read, wrong = leads > 0, np.zeros(n, dtype=bool)
        kept = np.zeros(n, dtype=bool)
        for own in plan.parts:
            drawn = draws.choice(own.rows, len(own.drawn), replace=False)
            wrong[drawn] = truth[drawn] != labels[drawn]
            kept[own.kept(wrong)] = True
            read[drawn] = True
        read |= ~kept
        ends.append((int(read.sum()), float((truth[read] == 0).sum() / (truth == 0).sum())))
    return ends


def stopped(hits: Bools, few: int, least: int) -> int:
    """How many rows are read until so many in a row are irrelevant, and at least so many in all."""
    run = 0
    for read, hit in enumerate(hits, start=1):
        run = 0 if hit else run + 1
        if run >= few and read >= least:
            return read
    return len(hits)  # no rule goes on for longer than half of all rows


def certified(seeds: int) -> Iterator[dict[str, object]]:
    """A line a review, part and check: what is read until that part is certified to be found, and
    the recall; and a line for the least reading."""
    for dataset, *_ in SETTINGS[-2:]:
        for seed in range(seeds):
            one, _ = whole(dataset, seed)
            n, read_so = len(one.truth), list(batches(one, seed))
            for part in PARTS:
                least = least_read(n, int(np.sum(one.truth == 0)), part) * n
                yield about(dataset, one, f"any that promises {100 * part:.0f} %, at least", least)
                for read, recall in our_reading(one, read_so, part):
                    yield about(dataset, one, f"certified, {100 * part:.0f} %", read, recall, part)


def stops(python: str, seeds: int) -> Iterator[dict[str, object]]:
    """A line a review and rule: what is read in ASReview's order until it stops, and the recall."""
    for dataset, *_ in SETTINGS[-2:]:
        for seed in range(seeds):
            one, texts = whole(dataset, seed)
            n, rare = len(one.truth), one.truth == 0
            made = orders(python, texts, np.empty((0, 1)), one.truth, seed, n // 2)
            for variant, rows in made.items():
                start = "one of each known" if variant.endswith("known") else "nothing known"
                for few, least in RULES:
                    read = stopped(rare[rows], few, round(least * n))
                    rule = f"ASReview, {start}: {few} irrelevant in a row"
                    rule += f", after {least:.0%}" if least else ""
                    recall = float(rare[rows[:read]].sum() / rare.sum())
                    yield about(dataset, one, rule, read, recall)


def about(
    dataset: str,
    one: Problem,
    rule: str,
    read: float,
    recall: float = np.nan,
    part: float = PARTS[0],
) -> dict[str, object]:
    n = len(one.truth)
    name = f"{dataset}, {np.count_nonzero(one.truth == 0)} of {n:,}"
    held = np.nan if np.isnan(recall) else float(recall >= part)
    return {"data": name, "rule": rule, "read": read / n, "recall": recall, "held": held}


def of_the_suite(seeds: int) -> pd.DataFrame:
    """What methods of the suite find, as lines of `found`."""
    suite = pd.read_parquet(SUITE)
    last = suite[(suite["n_labels"] == LABELS) & (suite["strategy"] == "rare")]
    errors = last["noise_config"].map(lambda text: json.loads(text)["matrix"])
    last = last[(last["seed"] < seeds) & errors.isin(list(ERRORS.values()))]
    rates = last["imbalance_config"].map(lambda text: json.loads(text)["rate"])
    names = np.where(last["init"] == "rare", "--rare", "--rare, started at random")
    data = [f"{d}, {rate:.2%}" for d, rate in zip(last["dataset"], rates, strict=True)]
    return pd.DataFrame({"data": data, "method": names, "found": last["found"]})


def page(lines: pd.DataFrame, reading: pd.DataFrame, seeds: int) -> str:
    """The page: what is found, with the suite's best, and what stopping costs."""
    every = pd.concat([lines, of_the_suite(seeds)])
    mean = every.groupby(["data", "method"], sort=False)["found"].mean().unstack(sort=False)
    mean = mean.loc[lines["data"].unique()]
    body = [[str(data), *map(shown, row)] for data, row in mean.iterrows()]
    by_rule = reading.groupby(["data", "rule"], sort=False)[["read", "recall", "held"]].mean()
    ends = [
        [str(data), str(rule), *map(shown, row)]
        for (data, rule), row in zip(by_rule.index, by_rule.to_numpy(), strict=True)
    ]
    return "\n".join([
        "# Rare classes beside ASReview",
        "",
        f"Made by `python benchmarks/reviews.py`: ASReview 3.0.8, seeds: {seeds}. *own*: its "
        "default, *same*: its classifier on the features of all others, *known*: started with a "
        "row of each class instead of random ones. Found of the class among 300 labels, %, mean "
        "of answers that are all right and of a tenth wrong either way.",
        "",
        *table(["data", *map(str, mean)], body),
        "",
        "## When to stop reading a review",
        "",
        f"All papers of a review; certified: {DRAWS:,} checks a seed. Means, and in how many "
        "replays as much as promised is found (ASReview's rules promise nothing: 95 %). *At "
        "least*: what any rule reads on average that keeps its promise in 95 % of cases "
        "whichever papers are to be found, even if it ranks them perfectly.",
        "",
        *table(["review, included papers", "rule", "read, %", "found, %", "held, %"], ends),
    ]) + "\n"  # fmt: skip


def shown(part: float) -> str:
    return "" if np.isnan(part) else f"{100 * part:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--asreview", required=True, help="python of an environment that has it")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    args = parser.parse_args()
    lines = pd.DataFrame(list(found(args.asreview, args.seeds)))
    reading = [*certified(args.seeds), *stops(args.asreview, args.seeds)]
    text = page(lines, pd.DataFrame(reading), args.seeds)
    published(text, PAGE, args.write)


if __name__ == "__main__":
    main()
