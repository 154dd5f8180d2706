"""ASReview's own simulator on one problem, in an environment of its own, since it is no dependency.

    python -m venv asr && asr/bin/pip install asreview==3.0.8
    asr/bin/python benchmarks/simulate_asreview.py problem.npz order.npz

problem.npz holds texts (n,), features (n, d), answers (n,) of 0 and 1, a seed and the number of
labels; order.npz gets the rows in the order of their labels by ASReview's default (`own`, ELAS u4:
tf-idf and a linear SVM; rows at random until both answers came, then the likeliest), by the same
classifier on the features (`same`), and by both where a row of each answer is known (`... known`).
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from asreview import ActiveLearningCycle, Simulate
from asreview.models.balancers import Balanced
from asreview.models.classifiers import SVM
from asreview.models.feature_extractors import Tfidf
from asreview.models.queriers import Max, TopDown
from asreview.models.stoppers import IsFittable, NLabeled
from numpy.typing import NDArray

SVM_PARAMETERS = {"loss": "squared_hinge", "C": 0.11}
TFIDF = {"ngram_range": (1, 2), "sublinear_tf": True, "min_df": 1, "max_df": 0.95}


def order(
    inputs: NDArray, answers: NDArray, seed: int, count: int, own: bool, known: bool
) -> NDArray:
    """The first `count` rows that ASReview asks about, from a random order of the rows."""
    rows = np.random.default_rng(seed).permutation(len(answers))
    if known:
        first = [int(np.flatnonzero(answers[rows] == answer)[0]) for answer in (1, 0)]
        rows = np.concatenate([rows[first], np.delete(rows, first)])
    begin = ActiveLearningCycle(querier=TopDown(), stopper=IsFittable())
    likeliest = ActiveLearningCycle(
        querier=Max(),
        classifier=SVM(**SVM_PARAMETERS),
        balancer=Balanced(ratio=9.8),
        feature_extractor=Tfidf(**TFIDF) if own else None,
    )
    shuffled = pd.DataFrame({"title": "", "abstract": inputs[rows]}) if own else inputs[rows]
    run = Simulate(
        shuffled,
        answers[rows],
        [begin, likeliest],
        stopper=NLabeled(count),
        skip_transform=not own,
        print_progress=False,
    )
    run.review()
    return rows[run._results["record_id"].to_numpy()[:count]]


def main(source: str, target: str) -> None:
    with np.load(source, allow_pickle=False) as problem:
        texts, features, answers = problem["texts"], problem["features"], problem["answers"]
        seed, count = int(problem["seed"]), int(problem["count"])
    made = {}
    for name, inputs in {"own": texts, "same": features}.items():
        for known in (False, True) if len(inputs) else ():
            rows = order(inputs, answers, seed, count, name == "own", known)
            made[name + " known" * known] = rows
    np.savez(target, **made)


if __name__ == "__main__":
    main(*sys.argv[1:])
