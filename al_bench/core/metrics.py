"""Metrics of every round; only they and the loop read the truth."""

from __future__ import annotations

import numpy as np

from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.problem import Problem
from al_bench.core.state import Consensus, Floats, Ints, State

RARE = 0.1  # fraction of the pool below which one of two classes is rare


def evaluate(state: State, problem: Problem, queried: Ints) -> tuple[dict[str, float], list[float]]:
    """All metrics of a state, and the test recall of each class. Those that start with ``pool_``
    are transductive; NaNs are left out. The predictions are those a user gets
    (`CalibratedPredictor`)."""
    given, k = CalibratedPredictor(state), state.n_classes
    truth, prior, probs = problem.test_truth, problem.test.prior, given.predict_proba(problem.test)
    answer = probs.argmax(axis=1)
    recall = recalls(truth, answer, k)
    metrics = {
        "balanced_accuracy": float(np.nanmean(recall)),
        "macro_f1": macro_f1(truth, answer, k),
        "accuracy": float((truth == answer).mean()),
        **by_class_size(recall, np.bincount(problem.truth, minlength=k)),
        "product_balanced_accuracy": balanced_accuracy(truth, (probs * prior).argmax(axis=1), k),
        "prior_balanced_accuracy": balanced_accuracy(truth, prior.argmax(axis=1), k),
        "corrected_prior_balanced_accuracy": balanced_accuracy(truth, problem.corrected_prior, k),
        **confidence(truth, probs),
    }
    guess, left = given.pool.argmax(axis=1), state.unlabelled
    metrics["pool_balanced_accuracy"] = balanced_accuracy(problem.truth, guess, k)
    unlabelled = balanced_accuracy(problem.truth[left], guess[left], k)
    metrics["pool_unlabelled_balanced_accuracy"] = unlabelled
    metrics |= labelled(problem, state, queried) | rare(problem, state, probs, given.pool)
    if state.consensus is not None:
        metrics |= consensus_metrics(problem, state.consensus)
    if problem.annotator_pool is not None:
        by_models = problem.annotator_pool.is_model[state.answers.annotators]
        metrics["model_answers"] = float(np.count_nonzero(by_models))
    return {n: v for n, v in metrics.items() if not np.isnan(v)}, recall.tolist()


def confidence(truth: Ints, probs: Floats) -> dict[str, float]:
    """Negative log-likelihood (nats) and expected calibration error of (m, k) probabilities."""
    likelihood = np.maximum(probs[np.arange(len(truth)), truth], 1e-12)
    return {
        "nll": float(-np.log(likelihood).mean()),
        "ece": calibration_error(probs.max(axis=1), truth == probs.argmax(axis=1)),
    }


def recalls(truth: Ints, guess: Ints, k: int) -> Floats:
    """(k,) recall of each class; NaN for a class without a row."""
    rows = np.bincount(truth, minlength=k)
    hits = np.bincount(truth[truth == guess], minlength=k)
    return np.asarray(np.divide(hits, rows, out=np.full(k, np.nan), where=rows > 0))


def balanced_accuracy(truth: Ints, guess: Ints, k: int) -> float:
    """Balanced accuracy: mean recall over the classes that have rows; NaN without any row."""
    return float(np.nanmean(recalls(truth, guess, k))) if len(truth) else float("nan")


def macro_f1(truth: Ints, guess: Ints, k: int) -> float:
    """Mean over classes of F1 = 2 hits / (rows + predictions); 0 for a class without a hit."""
    rows, guesses = np.bincount(truth, minlength=k), np.bincount(guess, minlength=k)
    hits = np.bincount(truth[truth == guess], minlength=k)
    present = rows + guesses > 0
    return float(np.mean(2 * hits[present] / (rows + guesses)[present]))


def calibration_error(confidence: Floats, correct: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error with equal-width bins (Guo et al., 2017)."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights=confidence - correct, minlength=bins)
    return float(np.abs(gap).sum() / len(confidence))


def by_class_size(recall: Floats, pool_counts: Ints) -> dict[str, float]:
    """Mean recall of the classes in each third by pool count, and the worst."""
    thirds = np.array_split(np.argsort(-pool_counts, kind="stable"), 3)
    names = ("head_recall", "medium_recall", "tail_recall")
    means = {n: _mean(recall[t]) for n, t in zip(names, thirds, strict=True)}
    return means | {"worst_recall": float(np.nanmin(recall))}


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def labelled(problem: Problem, state: State, queried: Ints) -> dict[str, float]:
    """Diagnostics of the labelled rows: classes found, L1 distance of their histogram to uniform,
    count of the least labelled class, noise rate of all labels and of the last answers."""
    k, labelled = problem.pool.n_classes, state.labelled
    counts = np.bincount(problem.truth[labelled], minlength=k)
    wrong = problem.truth[labelled] != state.labels[labelled]
    answers = state.answers.classes[len(state.answers) - len(queried) :]
    misled = problem.truth[queried] != answers
    histogram = counts / max(len(labelled), 1)
    return {
        "classes_found": float((counts > 0).sum()),
        "imbalance_l1": float(np.abs(histogram - 1 / k).sum()) if len(labelled) else float("nan"),
        "rarest_count": float(counts.min()),
        "labelled_noise": float(wrong.mean()) if len(labelled) else float("nan"),
        "queried_noise": float(misled.mean()) if len(queried) else float("nan"),
    }


def rare(problem: Problem, state: State, test: Floats, pool: Floats) -> dict[str, float]:
    """Of two classes, one of which has less than `RARE` of the pool: the labelled fraction of its
    rows; average precision of its test rows, and their recall at a precision of one half, both at
    the pool's class frequencies; and work saved over sampling at 95 % recall (Cohen et al.,
    2006)."""
    frequencies = np.bincount(problem.truth, minlength=problem.pool.n_classes) / len(problem.truth)
    target = int(frequencies.argmin())
    if len(frequencies) != 2 or frequencies[target] >= RARE:
        return {}
    from sklearn.metrics import average_precision_score, precision_recall_curve

    hit, score = problem.test_truth == target, test[:, target]
    weights = (frequencies / np.bincount(problem.test_truth, minlength=2))[problem.test_truth]
    precision, recall, _ = precision_recall_curve(hit, score, sample_weight=weights)
    here, rest = problem.truth == target, state.unlabelled
    found = np.count_nonzero(here[state.labelled])
    read = found + np.cumsum(here[rest[np.argsort(-pool[rest, target], kind="stable")]])
    more = int(np.searchsorted(read, 0.95 * here.sum())) + 1 if found < 0.95 * here.sum() else 0
    return {
        "found": float(found / here.sum()),
        "average_precision": float(average_precision_score(hit, score, sample_weight=weights)),
        "recall_at_half_precision": float(recall[precision >= 0.5].max()),
        "work_saved": 0.95 - (len(state.labelled) + more) / len(here),
    }


def consensus_metrics(problem: Problem, consensus: Consensus) -> dict[str, float]:
    """Rows, accuracy and calibration of the consensus; mean error of annotators' accuracies."""
    probs, truth = consensus.probs, problem.truth[consensus.rows]
    hit = probs.argmax(axis=1) == truth
    asked = consensus.asked.sum(axis=1)
    found = np.flatnonzero(asked > 0)
    believed = consensus.right.sum(axis=1)[found] / asked[found]
    return {
        "labelled_rows": float(len(consensus.rows)),
        "consensus_accuracy": float(hit.mean()),
        "consensus_ece": calibration_error(probs.max(axis=1), hit),
        "skill_error": float(abs(believed - problem.accuracies[found]).mean()),
    }
