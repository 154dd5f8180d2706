"""The audit of a rare class: how rows are drawn, and whether intervals hold under the design."""

import numpy as np
import pytest

from al_bench.labelling.audit.rare import HEAD, RareEstimate, estimate_rare, next_drawn

NONE = np.empty(0, dtype=np.int64)


def rare_rows(n: int, seed: int, rate: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row is of the class, and a score that is higher where it is."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < rate
    return truth, 1 / (1 + np.exp(4 - 3 * truth - rng.normal(size=n)))


def slowly_drawn(scores: list[float], numbers: list[float], budget: int) -> list[int]:
    """The first rows whose number over their size is reached by a factor that grows from 0."""
    ranks = [sum(other > one for other in scores) for one in scores]
    total = sum(1 / (rank + HEAD) for rank in ranks)
    sizes = [0.5 / len(scores) + 0.5 / (rank + HEAD) / total for rank in ranks]
    due = [number / size for number, size in zip(numbers, sizes, strict=True)]
    return sorted(range(len(scores)), key=due.__getitem__)[:budget]


def test_rows_are_drawn_in_the_order_in_which_a_growing_factor_reaches_their_numbers() -> None:
    _, scores = rare_rows(60, 0)
    numbers = np.random.default_rng(1).random(60)
    drawn, chances = next_drawn(scores, numbers, np.zeros(60), NONE, 12)
    assert drawn.tolist() == slowly_drawn(scores.tolist(), numbers.tolist(), 12)
    assert set(np.flatnonzero(numbers < chances * (1 - 1e-12))) == set(drawn.tolist())
    assert chances[scores.argmax()] == chances.max() > 2 * chances.min()


def test_a_later_model_only_raises_probabilities_and_draws_no_row_twice() -> None:
    _, scores = rare_rows(80, 0)
    numbers = np.random.default_rng(2).random(80)
    first, before = next_drawn(scores, numbers, np.zeros(80), NONE, 10)
    later, after = next_drawn(scores[::-1], numbers, before, first, 10)
    assert len(np.union1d(first, later)) == 20
    assert (after >= before).all()
    both = np.concatenate([first, later])
    rest, last = next_drawn(scores, numbers, after, both, 100)
    assert sorted([*both, *rest]) == list(range(80))
    assert (last == 1).all()


def test_weighted_totals_are_right_on_average_also_after_a_change_of_models() -> None:
    truth, scores = rare_rows(200, 3, rate=0.2)
    totals = []
    for seed in range(400):
        numbers, chances, asked = np.random.default_rng(seed).random(200), np.zeros(200), NONE
        for model in (np.ones(200), scores, scores):
            drawn, chances = next_drawn(model, numbers, chances, asked, 15)
            asked = np.concatenate([asked, drawn])
        totals.append(float((truth[asked] / chances[asked]).sum()))
    error = np.std(totals) / np.sqrt(len(totals))
    assert np.mean(totals) == pytest.approx(truth.sum(), abs=3 * error)


def audited(n: int, count: int, seed: int) -> tuple[RareEstimate, np.ndarray, np.ndarray]:
    """An estimate by so many rows of a reserve of n, and truth and prediction of all its rows."""
    truth, scores = rare_rows(n, seed)
    predicted = scores > 0.3
    numbers = np.random.default_rng([seed, 1]).random(n)
    rows, chances = next_drawn(scores, numbers, np.zeros(n), NONE, count)
    hits = truth[rows].astype(float)
    return estimate_rare(scores, predicted, chances, rows, hits, 10 * n, 7), truth, predicted


def test_an_audit_of_all_rows_is_exact_and_a_part_of_them_is_near() -> None:
    found, truth, predicted = audited(400, 400, 0)
    hits = np.count_nonzero(truth & predicted)
    assert found.positives == truth.sum()
    assert found.prevalence.value == pytest.approx(truth.mean())
    assert found.precision.value == pytest.approx(hits / predicted.sum())
    assert found.recall.value == pytest.approx(hits / truth.sum())
    assert found.f1.value == pytest.approx(2 * hits / (truth.sum() + predicted.sum()))
    assert found.accuracy.value == pytest.approx(np.mean(truth == predicted))
    assert found.other_recall.value == pytest.approx(np.mean(~predicted[~truth]))
    assert found.unfound.value == pytest.approx(10 * truth.sum() - 7)
    from sklearn.metrics import average_precision_score

    scores = rare_rows(400, 0)[1]
    exact = average_precision_score(truth, scores)
    assert found.average_precision.value == pytest.approx(exact, abs=1e-6)
    assert audited(400, 100, 0)[0].recall.low < hits / truth.sum()


@pytest.mark.parametrize("count", [40, 120])
def test_intervals_hold_for_rows_like_those_of_the_reserve(count: int) -> None:
    whole, scores = rare_rows(200_000, 99)
    guess = scores > 0.3
    expected = {
        "prevalence": whole.mean(),
        "precision": whole[guess].mean(),
        "recall": guess[whole].mean(),
        "balanced_accuracy": (guess[whole].mean() + np.mean(~guess[~whole])) / 2,
    }
    holds = []
    for seed in range(60):
        found, _, _ = audited(500, count, seed)
        for name, value in expected.items():
            holds.append(getattr(found, name).low <= value <= getattr(found, name).high)
    assert np.mean(holds) >= 0.93


def test_without_an_audited_row_of_the_class_nothing_is_known_of_recall_and_ranking() -> None:
    truth, scores = rare_rows(300, 0)
    rows = np.flatnonzero(~truth)[:40]
    found = estimate_rare(scores, scores > 0.3, np.full(300, 0.2), rows, np.zeros(40), 3000, 0)
    for one in (found.recall, found.average_precision):
        assert (one.low, one.high) == (0, 1)
    assert found.prevalence.low == 0 < found.prevalence.high


def test_nothing_is_known_without_an_audited_row() -> None:
    empty = np.zeros(5)
    with pytest.raises(ValueError, match="no row drawn at random has an answer yet"):
        estimate_rare(empty, empty > 0, empty, NONE, np.empty(0), 50, 0)


def test_the_chances_of_audited_rows_alone_are_enough() -> None:
    rng = np.random.default_rng(3)
    numbers, whole, asked = rng.random(300), np.zeros(300), NONE
    kept = np.zeros(300)
    for _ in range(6):
        scores = rng.normal(size=300)  # another model, even an unlike one
        drawn, whole = next_drawn(scores, numbers, whole, asked, 12)
        again, chances = next_drawn(scores, numbers, kept, asked, 12)
        asked = np.concatenate([asked, drawn])
        kept = np.where(np.isin(np.arange(300), asked), chances, 0)
        np.testing.assert_array_equal(drawn, again)
        np.testing.assert_array_equal(kept[asked], whole[asked])
