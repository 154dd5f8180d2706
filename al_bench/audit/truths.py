"""What answers that may be wrong say of the true class, without a guess at any single row."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import one_hot
from al_bench.state import ABSENT, Floats, Ints


def symmetric(error: float, k: int) -> Floats:
    """(k, k) confusion of people who err so often, as each other class alike."""
    return np.asarray((1 - error - error / (k - 1)) * np.eye(k) + error / (k - 1))


def corrected(answers: Ints, confusion: Floats) -> Floats:
    """(a, k) numbers whose mean over rows of one true class is that class.

    They are rows of the inverse of `confusion`, (k, k): how often each true class (row) is answered
    as each class (column); single ones may be below 0 or above 1 (Rogan and Gladen, 1978; as the
    backward correction of Patrini et al., 2017). ValueError where rows are no probabilities, or
    answers say next to nothing of the class.
    """
    sums = confusion.sum(axis=1)
    if confusion.shape[0] != confusion.shape[1] or np.any(abs(sums - 1) > 1e-6):
        raise ValueError(
            f"the confusion matrix has shape {confusion.shape} and rows that sum to "
            f"{sums.min():.3g} to {sums.max():.3g}; wanted (k, k) whose rows sum to one"
        )
    if np.linalg.cond(confusion) > 1e3:
        raise ValueError("the confusion matrix has answers that do not tell some classes apart")
    return np.asarray(np.linalg.inv(confusion)[answers])


def agreed(table: Ints, k: int) -> tuple[Floats, float]:
    """(a, k) as `corrected` gives, the mean over each row's answers, and how often these are wrong,
    as far as their agreement with each other tells.

    table: (a, m) answers, ABSENT where there is none; some rows have two. People are taken to err
    as each other class alike and apart from each other: whoever errs together is taken to be right
    (Dawid and Skene, 1979, with one number for all). ValueError where no row has two answers or
    they agree no more often than by chance.
    """
    there = table != ABSENT
    counts = one_hot(np.where(there, table, 0), k).astype(np.float64) * there[:, :, None]
    votes, said = counts.sum(axis=1), there.sum(axis=1)
    pairs = float((said * (said - 1)).sum())
    if not pairs:
        raise ValueError("no audited row has two answers; wanted some, to see how often they agree")
    agreement = float((votes * (votes - 1)).sum()) / pairs
    if k * agreement <= 1:
        raise ValueError(
            f"two answers about a row agree in {agreement:.0%} of cases, no more than by chance"
        )
    right = (1 + np.sqrt((k - 1) * (k * agreement - 1))) / k
    inverse = corrected(np.arange(k), symmetric(1 - right, k))
    return np.asarray(votes @ inverse / said[:, None]), float(1 - right)
