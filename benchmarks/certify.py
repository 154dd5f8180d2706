"""Whether certified labels are as right as stated, and what that takes, beside PAC Labels and
CoAnnotating.

    python benchmarks/certify.py --write     # into results/benchmarks

A linear head learns from 400 labels (margin, the first half at random), and 100 audited rows
calibrate it. Then each replay draws the check and people's answers anew. People err in none or in
one of five answers, evenly over the other classes; their error rate is known, or estimated from two
answers about each of 300 rows. The truth is read by the scorer alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from pages import published, table

import al_bench
from al_bench.api import chosen
from al_bench.core.arrays import entropy, one_hot
from al_bench.core.loop import answered, query, trained
from al_bench.core.oracle import Oracle
from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.rng import rng
from al_bench.core.state import Bools, Floats, Ints, State
from al_bench.crowd.selection import allowed
from al_bench.labelling.audit.certify import Plan, most_errors, planned, slips
from al_bench.labelling.audit.design import next_audited, reserve, weights
from al_bench.labelling.calibration import calibrated
from al_bench.runs.run import parts_of

PAGE = Path(__file__).parents[1] / "results" / "benchmarks" / "certify.md"
SETS = ("ag_news", "fashion_mnist", "trec")
RULE = {"strategy": "margin", "init": "random", "supervision": "labels", "learner": "linear"}
ERROR, RISK = 0.05, 0.04  # as a session's first certificate
LABELS, AUDITS, PAIRS = 400, 100, 300
RIVALS = 100  # replays of the others, which state nothing of a class
ESTIMATES = 5  # of people's error rate, each with a plan of its own


@dataclass(frozen=True)
class Pool:
    """truth: (n,); labels, right: (n,) proposed labels with their calibrated probabilities; told:
    (n,) rows with an answer; unsure: (n,) entropy of the model."""

    truth: Ints
    labels: Ints
    right: Floats
    told: Bools
    unsure: Floats
    k: int

    @classmethod
    def of(cls, dataset: str, noise: float) -> Pool:
        made = [f"noise.rate={noise}"]
        problem = al_bench.make_problem(
            dataset, imbalance="natural", noise="symmetric", overrides=made
        )
        parts, _ = parts_of(chosen({**RULE, "protocol": "small"}, 0, []), problem)
        pool, oracle = problem.pool, Oracle(problem.table)
        strata, places = reserve(pool.prior.argmax(axis=1), 0.1, rng(0, "audit"))
        state = State.start(pool).hide(np.flatnonzero(places >= 0))
        for number, rule in enumerate((parts.init, parts.strategy), start=1):
            bought, _ = query(rule, state, LABELS // 2, oracle, "after_batch", 0, number)
            state = answered(state, bought, None, 0, number)
            state = trained(state, parts.supervision, parts.learner, 0, number)
        probs, k = CalibratedPredictor(state).pool.astype(np.float64), pool.n_classes
        audited = next_audited(strata, places, np.empty(0, dtype=np.int64), AUDITS)
        said = np.asarray(problem.table).reshape(len(pool), -1)[audited, 0]
        calibration = calibrated(probs, audited, one_hot(said, k), weights(strata, audited))
        labels, told = probs.argmax(axis=1), np.zeros(len(pool), dtype=bool)
        right = calibration(probs)[np.arange(len(pool)), labels]
        told[state.labelled] = told[audited] = True
        if not noise:  # else one answer does not settle a label
            labels[state.labelled] = state.labels[state.labelled]
            labels[audited] = said
        return cls(problem.truth, labels, right, told, entropy(probs), k)


def settled(
    truth: Ints, k: int, error: float, lead: int, draws: np.random.Generator
) -> tuple[Ints, int]:
    """What people settle on about rows of these classes, and how many answers that takes."""
    if lead == 1:
        wrong = draws.integers(1, k, len(truth)) * (draws.random(len(truth)) < error)
        return (truth + wrong) % k, len(truth)
    counts, left, asked = np.zeros((len(truth), k), dtype=np.int64), np.arange(len(truth)), 0
    while len(left):
        wrong = draws.integers(1, k, len(left)) * (draws.random(len(left)) < error)
        counts[left, (truth[left] + wrong) % k] += 1
        asked += len(left)
        two = np.sort(counts[left], axis=1)[:, -2:]
        left = left[two[:, 1] - two[:, 0] < lead]
    return counts.argmax(axis=1), asked


def plans(pool: Pool, noise: float, known: bool) -> list[Plan]:
    """One plan, or one for each estimate of people's error rate."""
    draws, made = np.random.default_rng(0), []
    for _ in range(1 if known else ESTIMATES):
        people = noise
        if not known:
            same = (1 - noise) ** 2 + noise**2 / (pool.k - 1)
            differ = int(draws.binomial(PAIRS, 1 - same))
            people = most_errors(differ, PAIRS, pool.k, RISK / 4)
        leads = pool.told.astype(np.int64)
        made.append(planned(pool.labels, pool.right, leads, pool.k, ERROR, RISK, people, draws))
    return made


def certified(
    pool: Pool, plan: Plan, noise: float, draws: np.random.Generator
) -> tuple[Ints, int, int, bool]:
    """Labels, rows that people settle, their answers, and whether the limits are as wanted."""
    parts = [
        replace(p, drawn=draws.choice(p.rows, len(p.drawn), replace=False)) for p in plan.parts
    ]
    check = np.concatenate([part.drawn for part in parts])
    labels, wrong = pool.labels.copy(), np.zeros(len(pool.truth), dtype=bool)
    done = pool.told & (plan.lead == 1)
    labels[check], first = settled(pool.truth[check], pool.k, noise, plan.lead, draws)
    wrong[check], done[check] = labels[check] != pool.labels[check], True
    kept, lefts = np.zeros(len(labels), dtype=bool), []
    for part in parts:
        rows = part.kept(wrong)
        kept[rows] = True
        lefts.append(min(part.left, np.count_nonzero(~done[rows])))
    rest = np.flatnonzero(~kept & ~done)
    labels[rest], more = settled(pool.truth[rest], pool.k, noise, plan.lead, draws)
    done[rest] = True
    false = slips(int(done.sum()), plan.slip, RISK / 4)
    limits = (np.array(lefts) + false) / np.bincount(labels, minlength=pool.k)
    return labels, len(check) + len(rest), first + more, bool((limits <= ERROR).all())


def pac(pool: Pool, noise: float, draws: np.random.Generator) -> tuple[Ints, int]:
    """PAC Labels with a tenth of the rows checked, as `al_bench.crowd.PACLabels`: labels of which
    5 % are wrong on average, if people are right; and the rows that people answer."""
    labels, open_rows = pool.labels.copy(), np.flatnonzero(~pool.told)
    check = draws.choice(open_rows, len(labels) // 10, replace=False)
    said, _ = settled(pool.truth, pool.k, noise, 1, draws)
    unsure = np.sort(1 - pool.right[check[said[check] != labels[check]]])
    wrong = allowed(len(check), ERROR, 0.05)
    bar = unsure[wrong] if wrong < len(unsure) else np.inf
    asked = np.union1d(check, open_rows[1 - pool.right[open_rows] >= bar])
    labels[asked] = said[asked]
    return labels, len(asked)


def co_annotating(pool: Pool, noise: float, rows: int, draws: np.random.Generator) -> Ints:
    """CoAnnotating: people answer so many rows of the highest entropy."""
    labels, open_rows = pool.labels.copy(), np.flatnonzero(~pool.told)
    asked = open_rows[np.argsort(-pool.unsure[open_rows], kind="stable")[:rows]]
    labels[asked], _ = settled(pool.truth[asked], pool.k, noise, 1, draws)
    return labels


def replays(dataset: str, noise: float, count: int) -> Iterator[dict[str, object]]:
    """A line a replay and rule."""
    pool = Pool.of(dataset, noise)
    n = len(pool.truth)

    def line(rule: str, labels: Ints, rows: int, answers: int, **more: object) -> dict[str, object]:
        wrong = labels != pool.truth
        of_class = np.bincount(labels[wrong], minlength=pool.k) / np.bincount(
            labels, minlength=pool.k
        )
        missed = np.bincount(pool.truth[wrong], minlength=pool.k) / np.bincount(pool.truth)
        return {"data": dataset, "noise": noise, "rule": rule, "rows": rows / n, "answers": answers,
                "worst": of_class.max(), "missed": missed.max(), "n": n,
                } | {f"class {c}": x <= ERROR for c, x in enumerate(of_class)} | more  # fmt: skip

    for known in (True, False) if noise else (True,):
        made = plans(pool, noise, known)
        name = "certified" if known else "certified, their error rate estimated"
        for number in range(count):
            draws, plan = np.random.default_rng(number), made[number % len(made)]
            labels, rows, answers, holds = certified(pool, plan, noise, draws)
            more = {"foreseen": plan.answers, "certified": holds}
            yield line(name, labels, rows, answers, **more)
            if known and number < RIVALS:
                equal = co_annotating(pool, noise, rows, draws)
                yield line("CoAnnotating, as many rows", equal, rows, rows)
                labels, rows = pac(pool, noise, draws)
                yield line("PAC Labels", labels, rows, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--replays", type=int, default=1000)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    args = parser.parse_args()
    frame = pd.DataFrame(
        [x for one in args.sets for noise in (0.0, 0.2) for x in replays(one, noise, args.replays)]
    )
    classes = [name for name in frame if str(name).startswith("class ")]
    body = []
    for (data, noise, rule), all_ in frame.groupby(["data", "noise", "rule"], sort=False):
        mean = all_.mean(numeric_only=True)
        least = all_[classes].astype(float).mean().min()
        holds = all_["certified"].astype(float).mean()
        body.append([
            str(data), f"{noise:.0%}", str(rule), f"{mean['rows']:.0%}",
            f"{mean['answers']:,.0f}"
            + ("" if np.isnan(mean["foreseen"]) else f" ({mean['foreseen']:,.0f})"),
            f"{100 * mean['worst']:.1f}", f"{100 * least:.1f}",
            "" if np.isnan(holds) else f"{100 * holds:.0f}", f"{100 * mean['missed']:.1f}",
        ])  # fmt: skip
    heads = ["data", "people err", "rule", "rows for people", "answers (foreseen)",
             "worst class wrong, %", "held, %", "certified, %", "missed, %"]  # fmt: skip
    text = "\n".join([
        "# Certified labels, replayed",
        "",
        f"Made by `python benchmarks/certify.py`: {args.replays:,} replays of each line, and "
        f"{RIVALS} of the others; at most 5 % of the labels of each class may be wrong. *Held*: "
        "in how many replays the worst class has at most that; *certified*: in how many the "
        "certificate says so of all classes; *missed*: of the rows of a class, at worst, those "
        "that have another label, which no rule here limits.",
        "",
        *table(heads, body),
    ]) + "\n"  # fmt: skip
    published(text, PAGE, args.write)


if __name__ == "__main__":
    main()
