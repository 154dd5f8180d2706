"""What text encoders are worth: without a label by class names, and with labels by a linear probe.

    python benchmarks/encoders.py                             # minilm and bge; a table
    python benchmarks/encoders.py --priors minilm bge mpnet   # mpnet from the hub
    python benchmarks/encoders.py --write                     # and into encoders.md

At most 1,000 test rows and 1,000 training rows of each data set, drawn with one seed. The probe is
a logistic regression whose C is chosen on the training rows by cross-validation; five labels a
class are a mean over five draws, with C = 10. Rates are texts a second of one thread. Data sets
that are not at hand are left out.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import process_time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from pages import published, table
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold

from al_bench.core.arrays import unit
from al_bench.core.metrics import balanced_accuracy
from al_bench.core.state import Floats
from al_bench.data.types import Split
from al_bench.runs.config import instantiate
from al_bench.runs.environment import restart_limited
from al_bench.runs.plan import plan

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "encoders.md"
SETS = ("trec", "tweeteval_emotion", "sst2", "banking77", "vader", "wordnet_nouns25",
        "davidson_hate", "ag_news", "reuters_r52")  # fmt: skip
ROWS, FEW, DRAWS = 1000, 5, 5
GRID = (1.0, 10.0, 100.0)


def drawn(split: Split, rows: int) -> Split:
    return split.take(np.random.default_rng(0).permutation(len(split))[:rows])


def measured(prior: Any, dataset: Any, rows: int) -> Floats:
    """Balanced accuracy without a label, with five a class and with all training rows, in percent;
    and texts a second."""
    train, test = drawn(dataset.train, rows), drawn(dataset.test, rows)
    prior.text.embed([test.inputs[0]])  # weights, libraries
    began = process_time()
    features = [unit(prior.text.embed([*split.inputs])) for split in (train, test)]
    rate = (len(train) + len(test)) / (process_time() - began)
    k = len(dataset.class_names)

    def right(guess: Any) -> float:
        return 100 * balanced_accuracy(test.labels, guess, k)

    zero = prior.probabilities(features[1], test.inputs, dataset.task).argmax(axis=1)
    few = []
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(len(train))
        by_class = [order[train.labels[order] == c][:FEW] for c in range(k)]
        some = np.concatenate(by_class)
        model = LogisticRegression(C=10.0, max_iter=1000)
        few.append(right(model.fit(features[0][some], train.labels[some]).predict(features[1])))
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": GRID}, cv=folds)
    probe = search.fit(features[0], train.labels).predict(features[1])
    return np.array([right(zero), np.mean(few), right(probe), rate])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--priors", nargs="+", default=["minilm", "bge"])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--write", action="store_true", help=f"write {OUTPUT.name}")
    given = parser.parse_args()
    restart_limited([])
    priors = {name: instantiate(plan([f"prior={name}"])[0].config.prior) for name in given.priors}
    found: dict[str, list[Floats]] = {}
    for name in given.sets:
        try:
            dataset = instantiate(plan([f"dataset={name}"])[0].config.dataset).load()
            found[name] = [measured(prior, dataset, given.rows) for prior in priors.values()]
        except OSError as error:
            print(f"{name} is left out: {error}")
            continue
        print(name, *(np.round(one, 1) for one in found[name]), flush=True)
    mean = np.mean([*found.values()], axis=0)
    heads = [f"{what}, {name}" for what in ("no label", f"{FEW} a class", f"{given.rows} labels")
             for name in priors]  # fmt: skip
    body = [[name, *(f"{value:.1f}" for value in np.array(each)[:, :3].T.ravel())]
            for name, each in {**found, "mean": mean}.items()]  # fmt: skip
    rates = ", ".join(f"{name} {one[3]:.0f}" for name, one in zip(priors, mean, strict=True))
    text = "\n".join(
        ["# What text encoders are worth", "", "Balanced accuracy, %, of `python "
         f"benchmarks/encoders.py --write --priors {' '.join(priors)}`.", "",
         *table(["data", *heads], body), "", f"Texts a second of one thread: {rates}.", ""]
    )  # fmt: skip
    published(text, OUTPUT, given.write)


if __name__ == "__main__":
    main()
