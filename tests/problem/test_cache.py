"""The cache of embeddings and zero-shot probabilities: what is stored is what is read, whatever
happens."""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.datasets.features import FeatureRows
from al_bench.priors.by_modality import ByModality, Given
from al_bench.priors.controls import Degraded, Flat, Rotated
from al_bench.problem.cache import entry as entries
from al_bench.problem.cache.embeddings import embeddings, zero_shot
from al_bench.problem.types import Encoder, Task
from al_bench.state import Floats


def vector(number: int) -> Floats:
    """What the stub encoder makes of an input: nothing but the input decides it."""
    return np.random.default_rng(number).normal(size=6).astype(np.float32)


@dataclass
class Stub:
    """An encoder of whole numbers that counts what it read and can be told to die or be slow."""

    key: str = "stub"
    dim: int = 6
    read: list[int] = field(default_factory=list)
    dies_after: int = 10**9
    pause: float = 0.0

    def embed(self, inputs: Sequence[Any]) -> Floats:
        if len(self.read) >= self.dies_after:
            raise KeyboardInterrupt
        time.sleep(self.pause)
        self.read.extend(inputs)
        return np.stack([vector(number) for number in inputs])


@dataclass
class Said:
    """A prior that says something of each row by its features alone."""

    stub: Stub = field(default_factory=Stub)
    key: str = "said"
    calls: int = 0

    def encoder(self, modality: str) -> Encoder:
        return self.stub

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        self.calls += 1
        assert len(inputs) == len(features)
        odds = np.exp(features[:, : len(task.class_names)])
        return odds / odds.sum(axis=1, keepdims=True)


NAMES, PROMPTS = ("a", "b", "c"), ("{}",)
numbers = list(range(100, 170))


def query(folder: Path, prior: Any, features: Floats, modality: str = "text") -> Floats:
    return zero_shot(folder, "d", "train", prior, features, numbers, Task(NAMES, PROMPTS, modality))


def only_entry(folder: Path) -> Path:
    (found,) = [path for path in folder.iterdir() if path.is_dir()]
    return found


def test_the_first_use_and_every_later_one_return_the_same_stored_numbers(tmp_path: Path) -> None:
    stub = Stub()
    first = embeddings(tmp_path, "d", "train", stub, numbers, batch=16)
    again = embeddings(tmp_path, "d", "train", stub, numbers)
    assert first.dtype == np.float16
    np.testing.assert_array_equal(first, again)
    assert sorted(stub.read) == numbers  # each input once
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 0


def test_features_of_a_subset_are_those_of_its_rows(tmp_path: Path) -> None:
    stored = embeddings(tmp_path, "d", "train", Stub(), numbers, batch=7)
    subset = np.array([63, 2, 41, 6, 7])
    fresh = np.stack([vector(numbers[row]) for row in subset])
    cached = stored[subset].astype(np.float32)
    lengths = np.linalg.norm(fresh, axis=1) * np.linalg.norm(cached, axis=1)
    np.testing.assert_allclose((fresh * cached).sum(axis=1) / lengths, 1, atol=1e-6)


def test_data_split_and_encoder_name_different_entries(tmp_path: Path) -> None:
    for data, split, key in (("d", "train", "a"), ("d", "test", "a"), ("d", "train", "b")):
        embeddings(tmp_path, data, split, Stub(key), numbers)
    embeddings(tmp_path, "e", "train", Stub("a"), numbers)
    assert len(list(tmp_path.iterdir())) == 4


def test_an_entry_says_in_clear_what_it_is(tmp_path: Path) -> None:
    embeddings(tmp_path, "d", "train", Stub(), numbers)
    about = json.loads((only_entry(tmp_path) / "about.json").read_text())
    assert about["keys"] == {"dataset": "d", "split": "train", "encoder": "stub"}
    assert (about["rows"], about["width"], about["dtype"]) == (70, 6, "float16")


def test_an_interrupted_entry_goes_on_where_it_stopped(tmp_path: Path) -> None:
    dying = Stub(dies_after=32)
    with pytest.raises(KeyboardInterrupt):
        embeddings(tmp_path, "d", "train", dying, numbers, batch=8)
    going_on = Stub()
    stored = embeddings(tmp_path, "d", "train", going_on, numbers, batch=8)
    assert 32 <= len(dying.read) < len(numbers)
    assert sorted(dying.read + going_on.read) == numbers
    np.testing.assert_array_equal(stored, np.stack([vector(n) for n in numbers]).astype(np.float16))
    assert [path.suffix for path in tmp_path.iterdir()] == [""]


def test_a_block_cut_short_is_computed_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        embeddings(tmp_path, "d", "train", Stub(dies_after=32), numbers, batch=8)
    block = next(tmp_path.glob("*.part/*.npy"))
    block.write_bytes(block.read_bytes()[:-9])
    stored = embeddings(tmp_path, "d", "train", Stub(), numbers, batch=8)
    np.testing.assert_array_equal(stored, np.stack([vector(n) for n in numbers]).astype(np.float16))


def fill_slowly(folder: Path) -> None:
    embeddings(folder, "d", "train", Stub(pause=0.02), numbers, batch=2)


def test_a_killed_process_leaves_an_entry_that_another_finishes(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=fill_slowly, args=(tmp_path,))
    process.start()
    while len(list(tmp_path.glob("*.part/*.npy"))) < 5:
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    rest = Stub()
    stored = embeddings(tmp_path, "d", "train", rest, numbers, batch=2)
    assert len(rest.read) < len(numbers) - 8
    np.testing.assert_array_equal(stored, np.stack([vector(n) for n in numbers]).astype(np.float16))


def test_processes_that_fill_one_entry_together_make_one_good_entry(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=fill_slowly, args=(tmp_path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    never = Stub(dies_after=0)
    stored = embeddings(tmp_path, "d", "train", never, numbers)
    np.testing.assert_array_equal(stored, np.stack([vector(n) for n in numbers]).astype(np.float16))


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda data: data[:-1], "bytes, not"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "checksum"),
    ],
)
def test_a_damaged_entry_says_what_to_delete(tmp_path: Path, damage: Any, word: str) -> None:
    embeddings(tmp_path, "d", "train", Stub(), numbers)
    file = only_entry(tmp_path) / "rows.npy"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=rf"{word}.*delete the folder {only_entry(tmp_path)}"):
        embeddings(tmp_path, "d", "train", Stub(), numbers)


def test_an_entry_without_its_description_is_refused(tmp_path: Path) -> None:
    embeddings(tmp_path, "d", "train", Stub(), numbers)
    (only_entry(tmp_path) / "about.json").write_text("[")
    with pytest.raises(ValueError, match=r"cannot be read .* delete the folder"):
        embeddings(tmp_path, "d", "train", Stub(), numbers)


def test_data_that_grew_under_the_same_key_are_refused(tmp_path: Path) -> None:
    embeddings(tmp_path, "d", "train", Stub(), numbers)
    with pytest.raises(ValueError, match="has 70 rows, but the data have 69"):
        embeddings(tmp_path, "d", "train", Stub(), numbers[:-1])


@pytest.mark.parametrize("value", [np.nan, np.inf, 70_000.0])
def test_features_that_are_not_finite_name_row_and_encoder(tmp_path: Path, value: float) -> None:
    class Broken(Stub):
        def embed(self, inputs: Sequence[Any]) -> Floats:
            values = super().embed(inputs)
            values[[number == 133 for number in inputs], 2] = value
            return values

    with pytest.raises(ValueError, match=r"row 33 .* by stub"):
        embeddings(tmp_path, "d", "train", Broken(), numbers, batch=16)


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    with pytest.raises(OSError, match=r"cache folder .*file cannot be written"):
        embeddings(taken, "d", "train", Stub(), numbers)


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(entries.np, "save", full)
    with pytest.raises(OSError, match=r"cannot be written .No space left on device"):
        embeddings(tmp_path, "d", "train", Stub(), numbers)


def test_a_split_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no rows"):
        embeddings(tmp_path, "d", "train", Stub(), [])


def test_a_bad_input_is_found_by_its_rows(tmp_path: Path) -> None:
    class Picky(Stub):
        def embed(self, inputs: Sequence[Any]) -> Floats:
            raise ValueError("input 3 is no image that can be read")

    with pytest.raises(ValueError, match="train rows 0-69: input 3 is no image"):
        embeddings(tmp_path, "d", "train", Picky(), numbers)


def test_inputs_are_read_a_batch_at_a_time(tmp_path: Path) -> None:
    class Watched(Sequence[int]):
        def __len__(self) -> int:
            return 64

        def __getitem__(self, position: Any) -> Any:
            assert isinstance(position, int)  # a slice would hold a whole batch of images
            return position

    stub = Stub()
    embeddings(tmp_path, "d", "train", stub, Watched(), batch=8)
    assert sorted(stub.read) == list(range(64))


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

    with pytest.raises(ValueError, match=f"said gave .*{word}"):
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


SECOND_USE = """
import sys, time
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from al_bench.problem.cache.embeddings import embeddings, zero_shot
from al_bench.problem.types import Task
from tests.problem.test_cache import Stub
folder, configs = sys.argv[1:]
with initialize_config_dir(configs, version_base="1.3"):
    prior = instantiate(compose(overrides=["+prior=packaged"]).prior)
for modality in ("text", "image"):
    stored = embeddings(folder, "d", "train", prior.encoder(modality), range(70))
    task = Task(("a", "b", "c"), ("{}",), modality)
    zero_shot(folder, "d", "train", prior, stored, range(70), task)
heavy = {"torch", "transformers", "timm", "sklearn", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""


def test_a_cached_prior_imports_no_framework(tmp_path: Path) -> None:
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    root = Path(__file__).parents[2]
    with initialize_config_dir(str(root / "configs"), version_base="1.3"):
        prior = instantiate(compose(overrides=["+prior=packaged"]).prior)
    for modality in ("text", "image"):
        keyed = Stub(prior.encoder(modality).key)
        stored = embeddings(tmp_path, "d", "train", keyed, numbers)
        said = Said(keyed, prior.choose(modality).key)
        zero_shot(tmp_path, "d", "train", said, stored, numbers, Task(NAMES, PROMPTS, modality))
    command = [sys.executable, "-c", SECOND_USE, str(tmp_path), str(root / "configs")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr


def test_a_second_use_of_fifty_thousand_rows_takes_under_a_second(tmp_path: Path) -> None:
    wide = np.random.default_rng(0).normal(size=(1000, 1280)).astype(np.float32)

    class Fast(Stub):
        def embed(self, inputs: Sequence[Any]) -> Floats:
            return wide[: len(inputs)]

    many = range(50_000)
    embeddings(tmp_path, "d", "train", Fast(), many, batch=1000)
    entries._verified.clear()  # as in a new process
    began = time.process_time()
    stored = embeddings(tmp_path, "d", "train", Fast(dies_after=0), many)
    assert stored.shape == (50_000, 1280)
    assert time.process_time() - began < 1


def test_without_a_terminal_there_is_a_line_every_while_even_within_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Stub):
        def embed(self, inputs: Sequence[Any]) -> Floats:
            until = said.getvalue().count("\n") + 2
            while said.getvalue().count("\n") < until:
                time.sleep(0)
            return super().embed(inputs)

    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    monkeypatch.setattr(entries, "EVERY", 1e-3)
    embeddings(tmp_path, "d", "train", Slow(), numbers, batch=35)
    first, *others = said.getvalue().splitlines()
    assert first == "embeddings of d train: 0 of 70 rows, 0.0 rows/s"
    half = r"embeddings of d train: 35 of 70 rows, [\d.]+ rows/s, 0:00:0\d left"
    assert any(re.fullmatch(half, line) for line in others)


def test_what_is_embedded_quickly_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embeddings(tmp_path, "d", "train", Stub(), numbers, batch=4)
    assert capsys.readouterr() == ("", "")


def test_a_line_of_progress_counts_rows_and_says_the_time_left() -> None:
    assert entries.line("x", 2_000, 14_000, 16.0) == (
        "x: 2,000 of 14,000 rows, 125.0 rows/s, 0:01:36 left"
    )
