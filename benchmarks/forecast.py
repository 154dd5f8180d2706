"""Facts, law and replay of the forecast: will labels pay?

python benchmarks/forecast.py            # the page, from the committed results
python benchmarks/forecast.py --write    # also into results/, docs/images and the package
python benchmarks/forecast.py --facts    # makes the facts of all problems anew, from their rows
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pages import published, table
from scipy.special import expit

from al_bench.core.problem import Problem
from al_bench.core.rng import rng
from al_bench.core.threads import one_thread
from al_bench.labelling.forecast.law import (
    ALONE,
    ARMS,
    RUNS,
    STARTS,
    Facts,
    Forecast,
    Law,
    Sample,
    design,
    facts_of,
)
from al_bench.report.savings import area
from al_bench.runs.component import Component, name_of
from al_bench.runs.config import PROBLEM
from al_bench.runs.run import known_problem

Floats = NDArray[np.floating[Any]]
RESULTS = Path(__file__).parents[1] / "results"
PAGE = RESULTS / "benchmarks" / "forecast.md"
FACTS = RESULTS / "benchmarks" / "forecast_facts.parquet"
NAMES = ("savings", "foundation")
CONFIGS = [f"{group}_config" for group in PROBLEM]
SEEDS = 3
AT = 50  # labels of most of the page
TOLD = (0, 50, 200)
RATES = (0.0, 0.2, 0.4)
COSTS = (0.0, 0.01, 0.03)  # balanced accuracy that all labels of the budget cost
START = 3  # rounds that a power law is fitted to


def problems(frame: pd.DataFrame) -> pd.DataFrame:
    """A line a problem of some runs, by its name: the hash of its components and seed."""
    lines = frame.drop_duplicates([*CONFIGS, "seed"])
    keys = [name_of([*map(json.loads, line[:-1]), line[-1]])
            for line in lines[[*CONFIGS, "seed"]].itertuples(index=False, name=None)]  # fmt: skip
    return lines.assign(problem=keys).set_index("problem")


def facts_by_labels(problem: Problem, noise: float, seed: int) -> list[dict[str, Any]]:
    """The facts of a problem without labels, and with more and more of random rows."""
    order = rng(seed, "forecast labels").permutation(len(problem.truth))
    some = [order[:count] for count in STARTS if count <= len(order) / 2]
    pool = problem.pool
    return [asdict(facts_of(pool.features, pool.prior, rows, problem.answers[rows], noise))
            for rows in some]  # fmt: skip


def make_facts() -> pd.DataFrame:
    """The facts of all problems of some experiments with one annotator."""
    columns = [*CONFIGS, "seed", "annotators", "noise_rate"]
    every = [pd.read_parquet(RESULTS / f"{name}.parquet", columns=columns) for name in NAMES]
    frame = pd.concat(every)
    frame = problems(frame[(frame["annotators"] == "none") & (frame["seed"] < SEEDS)])
    lines = []
    for name, line in frame.sort_values([*CONFIGS, "seed"]).iterrows():
        nodes = {group: json.loads(line[f"{group}_config"]) for group in PROBLEM}
        parts = tuple(Component.of(g, node) for g, node in nodes.items() if node is not None)
        noise = nodes["noise"].get("rate") or 0.0
        try:
            made = known_problem(parts, int(line["seed"]), Path("~/.cache/al_bench").expanduser())
        except FileNotFoundError as why:
            print(f"{name} left out: {why}", file=sys.stderr)
            continue
        with one_thread():
            lines += [
                {"problem": name, **one} for one in facts_by_labels(made, noise, line["seed"])
            ]
        print(len(lines), name, file=sys.stderr, flush=True)
    return pd.DataFrame(lines)


PLAIN = {"supervision": "labels", "init": "random", "learner": "linear"}
METHODS = {  # the choices of each arm
    "random": {"strategy": "random", **PLAIN},
    "margin": {"strategy": "margin", **PLAIN},
    "codecision": {
        "strategy": "codecision", "supervision": "posterior_labels_pool",
        "init": "fm_balanced", "learner": "linear_on_prior",
    },
}  # fmt: skip
FAMILIES = {  # data sets that share rows
    "trec_train": "trec",
    "tweeteval_emotion_test": "tweeteval_emotion",
    "cifar10h": "cifar10",
}


def curves() -> pd.DataFrame:
    """The rounds of each arm's runs, a line each, with the name of their problem."""
    columns = [*CONFIGS, "seed", "dataset", "protocol", "protocol_config", "learner_config"]
    columns += ["annotators", *METHODS["codecision"], "round", "n_labels"]
    columns += ["balanced_accuracy", "prior_balanced_accuracy"]
    found = []
    for name in NAMES:
        frame = pd.read_parquet(RESULTS / f"{name}.parquet", columns=columns)
        frame = frame[(frame["annotators"] == "none") & (frame["seed"] < SEEDS)]
        frame = frame[frame["protocol"] != "full"]
        for arm, choices in METHODS.items():
            own = frame[np.logical_and.reduce([frame[g] == o for g, o in choices.items()])]
            if arm != "codecision":  # of the learner's options, the plain one
                own = own[own["learner_config"].str.contains('"balance":"weights"')]
            found.append(own.assign(arm=arm))
    every = pd.concat(found)
    keys = problems(every).reset_index()[["problem", *CONFIGS, "seed"]]
    every = every.merge(keys, on=[*CONFIGS, "seed"])
    return every.drop_duplicates(["problem", "arm", "round"])


def runs() -> pd.DataFrame:
    """What the law is fitted on: a line a problem and number of labels, with facts, the foundation
    model's score and the scores of the arms by numbers of labels."""
    lines = []
    for name, part in curves().groupby("problem"):
        rounds = part[part["round"] > 0].sort_values("round")
        by_arm = dict(iter(rounds.groupby("arm")))
        first, counts = part.iloc[0], by_arm["random"]["n_labels"].to_numpy(float)
        same = {arm: own["balanced_accuracy"].to_numpy(float) for arm, own in by_arm.items()
                if np.array_equal(own["n_labels"], counts)}  # fmt: skip
        lines.append({
            "problem": name,
            "data": first["dataset"],
            "family": FAMILIES.get(first["dataset"], first["dataset"]),
            "model": name_of(json.loads(first["prior_config"])),
            ALONE: float(first["prior_balanced_accuracy"]),
            "counts": counts,
            **{arm: same.get(arm) for arm in METHODS},
        })  # fmt: skip
    return pd.read_parquet(FACTS).merge(pd.DataFrame(lines), on="problem")


def replays(sample: Sample, held: str) -> pd.DataFrame:
    """A line a problem and quantity: the truth, and what a law that was fitted without its `held`,
    its family or its model, says of it."""
    lines = []
    for group in sorted(sample.problems[held].unique()):
        inside = (sample.problems[held] == group).to_numpy()
        law = Law.of(sample, ~inside)
        for _, line in sample.problems[inside].iterrows():
            if all(line[arm] is not None for arm in ARMS):
                course = law.forecast(Facts.of(line), line["counts"])
                about = {name: line[name] for name in ("problem", "family", "noise")}
                about["alone"] = line[ALONE]
                about["cell"] = f"{line['data']} {line['model']} {line['noise']}"
                lines += [about | one for one in quantities(line, course)]
    return pd.DataFrame(lines)


def quantities(line: pd.Series, course: Forecast) -> Iterator[dict[str, Any]]:
    """The quantities of one forecast with their truths."""
    counts, alone = line["counts"], line[ALONE]

    def one(what: str, arm: str, truth: float, values: Floats) -> dict[str, Any]:
        middle, low, high = course.band(values)
        found = {"what": what, "arm": arm, "truth": truth, "value": middle, "low": low}
        return found | {"high": high, "mean": float(course.mean(values))}

    yield one("end", ALONE, alone, course.alone)
    for arm in ARMS:
        curves, truth = course.curves[arm], line[arm]
        yield one("end", arm, truth[-1], curves[:, -1])
        yield one("area", arm, float(area(truth, counts)), area(curves, counts))
        yield one("gain", arm, truth[-1] - alone, curves[:, -1] - course.alone)


def power_laws(runs: pd.DataFrame) -> pd.DataFrame:
    """The same for ends by a power law through the first three rounds, whose scores on the test
    rows it is given."""
    from scipy.optimize import curve_fit

    def power(n: Floats, top: float, width: float, rate: float) -> Floats:
        return np.asarray(top - width * n**-rate)

    lines = []
    for _, line in runs[runs["labels"] == 0].iterrows():
        for arm in (arm for arm in ("random", "codecision") if line[arm] is not None):
            n, y = line["counts"] / line["counts"][-1], line[arm]
            fit, _ = curve_fit(power, n[:START], y[:START], (y[2], 0.1, 0.5),
                               bounds=([0, 0, 0.01], [1, 1, 3]))  # fmt: skip
            lines.append({"family": line["family"], "what": "end", "arm": arm, "truth": y[-1],
                          "value": power(n, *fit)[-1]})  # fmt: skip
    return pd.DataFrame(lines)


def by_family(frame: pd.DataFrame, values: Floats) -> float:
    """The mean of values by line, in which families count alike."""
    return float(pd.Series(values).groupby(frame["family"].to_numpy()).mean().mean())


def quality(frame: pd.DataFrame) -> list[str]:
    """Coverage and mean width of the bands, mean absolute error, and how many are within three
    points; '' where there are no bands."""
    apart = 100 * (frame["value"] - frame["truth"]).abs().to_numpy(float)
    cells = [f"{by_family(frame, apart):.1f}", f"{100 * by_family(frame, apart <= 3):.0f}"]
    if "low" not in frame:
        return ["", "", *cells]
    inside = (frame["low"] <= frame["truth"] + 1e-9) & (frame["truth"] <= frame["high"] + 1e-9)
    width = 100 * (frame["high"] - frame["low"]).to_numpy(float)
    return [
        f"{100 * by_family(frame, inside.to_numpy()):.0f}",
        f"{by_family(frame, width):.0f}",
        *cells,
    ]


def regrets(frame: pd.DataFrame, cost: float) -> dict[str, list[str]]:
    """By rule: the mean regret in points against the best arm in hindsight, where all labels cost
    so much balanced accuracy, the share of problems in which labels are declined, and in how many
    of these they would not have paid."""
    ends = frame[frame["what"] == "end"]
    truth, mean = (ends.pivot(index="problem", columns="arm", values=v)[[ALONE, *ARMS]]
                   for v in ("truth", "mean"))  # fmt: skip
    family = ends.drop_duplicates("problem").set_index("problem").loc[truth.index]
    price = np.array([0.0, *[cost] * len(ARMS)])
    gains, chosen = truth.to_numpy() - price, (mean.to_numpy() - price).argmax(axis=1)
    rules = {FORECAST: chosen}
    rules |= {f"always {arm}": np.full(len(truth), n) for n, arm in enumerate([ALONE, *ARMS])}
    found = {}
    for rule, arms in rules.items():
        lost = 100 * (gains.max(axis=1) - gains[np.arange(len(gains)), arms])
        no = arms == 0
        right = (gains.argmax(axis=1) == 0)[no].mean() if no.any() else np.nan
        found[rule] = [f"{by_family(family, lost):.2f}", f"{100 * by_family(family, no):.0f}",
                       "" if np.isnan(right) else f"{100 * right:.0f}"]  # fmt: skip
    return found


HEAD = ("quantity", "coverage, %", "width", "mean error", "within 3, %")
SHOWN = (("end", ALONE), ("end", "random"), ("end", "codecision"), ("area", "codecision"),
         ("gain", "codecision"))  # fmt: skip
FORECAST = "the forecast"
MEAN = ("noise", "labels seen of a class")  # what the mean curve knows


def judged(frame: pd.DataFrame, label: str) -> list[list[str]]:
    """A line a quantity of some replays."""
    parts = [(f"{what}, {arm}", frame[(frame["what"] == what) & (frame["arm"] == arm)])
             for what, arm in SHOWN]  # fmt: skip
    return [[label, name, *quality(part)] for name, part in parts if len(part)]


def by_noise(by_set: Mapping[int, pd.DataFrame]) -> Iterator[list[str]]:
    """A line a quantity and number of labels: the mean error by the noise."""
    for what, arm in (("end", ALONE), ("end", "codecision"), ("gain", "codecision")):
        for labels, frame in by_set.items():
            parts = [frame[(frame["what"] == what) & (frame["arm"] == arm) & (frame["noise"] == n)]
                     for n in RATES]  # fmt: skip
            yield [f"{what}, {arm}", str(labels), *(quality(part)[2] for part in parts)]


def followed(by_set: Mapping[int, pd.DataFrame]) -> Iterator[list[str]]:
    """A line a cost and rule; the forecast by each number of labels."""
    for cost in COSTS:
        for labels, replayed in by_set.items():
            for rule, cells in regrets(replayed, cost).items():
                if rule == FORECAST or labels == AT:
                    name = f"{rule}, {labels} labels" if rule == FORECAST else rule
                    yield [name, f"{100 * cost:.0f}", *cells]


def coefficients(law: Law) -> list[list[str]]:
    """What one standard deviation of a fact more does to the logit, by arm."""
    arms = (ALONE, "random", "codecision")
    line = Facts(1000, 2, 0.0, AT, 0.5, 0.5, 0.5, np.full(2, 0.5), 0.5)
    found = {
        arm: dict(zip(design(line, arm, np.ones(1)), law.regressions[arm][-1].coef_, strict=True))
        for arm in arms
    }
    names = dict.fromkeys(name for arm in arms[::-1] for name in found[arm])
    return [[name, *(f"{found[a][name]:+.2f}" if name in found[a] else "" for a in arms)]
            for name in names]  # fmt: skip


def page(runs: pd.DataFrame, by_set: dict[int, pd.DataFrame], sample: Sample) -> str:
    """The whole page in Markdown."""
    whole, count = sample.problems, sample.problems["problem"].nunique()
    models = replays(sample, "model")
    mean = replays(Sample.of(runs, AT, MEAN), "family")
    lines = [
        "# Will labels pay? The forecast, replayed",
        "",
        f"Made by `python benchmarks/forecast.py --write` from {' and '.join(NAMES)}: {count} "
        f"problems with {SEEDS} seeds, {whole['family'].nunique()} families of data sets and "
        f"{whole['model'].nunique()} foundation models. Every problem is forecast by a law that "
        "saw no run of its family, with labels of rows drawn at random from its pool and as wrong "
        "as its annotator's; families count alike. Scores are balanced accuracies on test rows, in "
        "points; end, area and gain: at the whole budget, under the curve, and of the end over the "
        "foundation model alone. Bands are of 80 %.",
        *("", "## By labels told", ""),
        *table(("labels", *HEAD), [x for n, one in by_set.items() for x in judged(one, str(n))]),
        *("", "## By wrong answers", ""),
        "Mean error, in points, by the labels told and the fraction of answers that is wrong.",
        "",
        *table(("quantity", "labels", *(f"{rate:.0%}" for rate in RATES)), by_noise(by_set)),
        *("", f"## Held out otherwise, and other forecasts, {AT} labels", ""),
        "Mean curve: the foundation model as the labels have it, and on top the mean gain by "
        "labels and noise. Power law: through the true "
        "test scores of the first three rounds, which are 30 % of the budget.",
        "",
        *table(("forecast", *HEAD), [
            *judged(models, "foundation model held out"),
            *judged(mean, "mean curve"),
            *judged(power_laws(runs), "power law"),
        ]),
        *("", "## What following it costs", ""),
        "Mean regret at the end, in points, against the best of the four arms in hindsight, if all "
        "labels of the budget cost so much balanced accuracy; in % of problems the rule says no to "
        "labels, and in % of these no arm would have paid.",
        "",
        *table(("rule", "cost", "regret", "no", "rightly"), followed(by_set)),
        *("", f"## The law, {AT} labels", ""),
        "What one standard deviation of a fact more does to the logit of the balanced accuracy.",
        "",
        *table(("fact", ALONE, "random", "codecision"), coefficients(Law.of(sample))),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def law_line(law: Law, noise: float) -> tuple[Floats, Floats]:
    """(p,) scores of a foundation model alone and codecision's gains over it, as the law has them
    with six even classes and a foundation model that is right as often as it says."""
    shares, found = np.full(6, 1 / 6), []
    learnable = 0.3 * (1 - 1.2 * noise) ** 2  # as of the median problem
    for level in np.linspace(0.2, 0.95, 31):
        facts = Facts(3000, 6, noise, AT, level, level, level, shares, learnable)
        alone, ours = (float(expit(law.middle(facts, arm, np.array([240.0])))[0])
                       for arm in (ALONE, "codecision"))  # fmt: skip
        found.append((alone, ours - alone))
    alone, gain = np.array(found).T
    return alone, gain


def figures(by_set: pd.DataFrame, law: Law) -> None:
    """Forecasts against what came, and the gain by how good the foundation model is."""
    import matplotlib.pyplot as plt

    from al_bench.report.figures.style import COLOURS, STYLE, save_png

    gains = by_set[(by_set["what"] == "gain") & (by_set["arm"] == "codecision")]
    with plt.style.context(STYLE):
        drawing, axis = plt.subplots(figsize=(4.2, 3.6))
        some = gains.groupby("cell").first()
        value, low, high, truth = (100 * some[n] for n in ("value", "low", "high", "truth"))
        axis.errorbar(value, truth, xerr=[value - low, high - value], fmt="o", ms=3, lw=0.5,
                      color=COLOURS[0], alpha=0.6)  # fmt: skip
        ends = [truth.min() - 3, truth.max() + 3]
        axis.plot(ends, ends, color="#222222", lw=1)
        axis.set(
            xlabel="gain forecast from 50 labels, points (80 %)", ylabel="gain that came, points"
        )
        drawing.tight_layout()
        save_png(drawing, PAGE.with_name("forecast_replay.png"), None)
        plt.close(drawing)
        drawing, axis = plt.subplots(figsize=(4.6, 3.6))
        for noise, colour in zip(RATES, COLOURS, strict=False):
            own = gains[gains["noise"] == noise].groupby("cell")[["alone", "truth"]].mean()
            axis.plot(100 * own["alone"], 100 * own["truth"], "o", ms=3, color=colour, alpha=0.6)
            axis.plot(*(100 * one for one in law_line(law, noise)), color=colour,
                      label=f"{noise:.0%} wrong answers")  # fmt: skip
        axis.axhline(0, color="#222222", lw=0.8)
        axis.set(xlabel="foundation model alone, balanced accuracy, %",
                 ylabel="codecision's gain at the whole budget, points")  # fmt: skip
        axis.legend()
        drawing.tight_layout()
        save_png(drawing, PAGE.with_name("forecast_law.png"), None)
        plt.close(drawing)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--facts", action="store_true", help="make the facts of all problems anew")
    parser.add_argument("--write", action="store_true", help="also write the page, figures and law")
    args = parser.parse_args()
    if args.facts:
        make_facts().to_parquet(FACTS, index=False)
    found = runs()
    samples = {n: Sample.of(found, n) for n in TOLD}
    by_set = {n: replays(one, "family") for n, one in samples.items()}
    text = page(found, by_set, samples[AT])
    published(text, PAGE, args.write)
    if args.write:
        found.drop(columns=["problem", "data"]).to_parquet(RUNS, index=False)
        figures(by_set[AT], Law.of(samples[AT]))


if __name__ == "__main__":
    main()
