"""The cache of zero-shot probabilities, which are computed once from the stored features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.core.state import Floats
from al_bench.data.cache import embeddings, zero_shot
from al_bench.data.datasets.features import FeatureRows
from al_bench.data.types import Task
from al_bench.priors.by_modality import ByModality, Given
from al_bench.priors.controls import Degraded, Flat, Rotated
from tests.data.stubs import NAMES, PROMPTS, Said, numbers, query


def test_opinions_are_computed_once_from_the_stored_features(tmp_path: Path) -> None:
    prior = Said()
    stored = embeddings(tmp_path, "d", "train", prior.stub, numbers)
    first = query(tmp_path, prior, stored)
    second = query(tmp_path, prior, stored)
    assert prior.calls == 1
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-6)
    odds = np.exp(stored[:, :3].astype(np.float32))
    np.testing.assert_allclose(first, odds / odds.sum(axis=1, keepdims=True), rtol=1e-5)


def test_other_names_prompts_or_rules_are_other_opinions(tmp_path: Path) -> None:
    prior = Said()
    stored = embeddings(tmp_path, "d", "train", prior.stub, numbers)
    arguments = (stored, numbers)
    for rule, names, prompts in (
        (prior, NAMES, PROMPTS),
        (prior, NAMES[::-1], PROMPTS),
        (prior, NAMES, ("a {}",)),
        (Said(key="other"), NAMES, PROMPTS),
    ):
        zero_shot(tmp_path, "d", "train", rule, *arguments, Task(names, prompts, "text"))
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize(
    ("values", "word"),
    [(np.ones((70, 3)), "no probabilities"), (np.full((70, 2), 0.5), "shape")],
)
def test_opinions_that_are_no_distributions_are_refused(
    tmp_path: Path, values: Floats, word: str
) -> None:
    class Wrong(Said):
        def probabilities(self, *arguments: Any) -> Floats:
            return values

    with pytest.raises(ValueError, match=f"what said gave.*{word}"):
        query(tmp_path, Wrong(), np.zeros((70, 6)))


def test_a_prior_by_modality_shares_the_entries_of_the_prior_it_chooses(tmp_path: Path) -> None:
    prior = Said()
    stored = embeddings(tmp_path, "d", "train", prior.stub, numbers)
    direct = query(tmp_path, prior, stored)
    chosen = query(tmp_path, ByModality(prior, Said(key="other"), Given()), stored)
    np.testing.assert_array_equal(direct, chosen)
    assert prior.calls == 1


def test_controls_that_change_the_whole_table_start_from_the_stored_one(tmp_path: Path) -> None:
    prior = Said()
    stored = embeddings(tmp_path, "d", "train", prior.stub, numbers)
    table = query(tmp_path, prior, stored)
    np.testing.assert_array_equal(query(tmp_path, Rotated(prior), stored)[:, [1, 2, 0]], table)
    shuffled = query(tmp_path, Degraded(prior, 1.0), stored)
    assert sorted(map(tuple, shuffled)) == sorted(map(tuple, table))
    assert (shuffled != table).any(axis=1).mean() > 0.9  # over all rows, not within a block
    np.testing.assert_allclose(query(tmp_path, Flat(prior), stored), 1 / 3, rtol=1e-6)
    assert prior.calls == 1


def test_given_features_and_opinions_pass_through_untouched(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(70, 6)).astype(np.float32)
    table = generator.dirichlet(np.ones(3), size=70).astype(np.float32)
    for prior, expected in ((table, table), (None, np.full((70, 3), 1 / 3))):
        rows = FeatureRows(features, prior)
        np.testing.assert_array_equal(embeddings(tmp_path, "d", "train", Given(), rows), features)
        said = zero_shot(
            tmp_path, "d", "train", Given(), features, rows, Task(NAMES, PROMPTS, "features")
        )
        np.testing.assert_allclose(said, expected, rtol=1e-6)
    assert not list(tmp_path.iterdir())
