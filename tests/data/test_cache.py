"""The cache of embeddings: what is stored is what is read, whatever happens."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.core.state import Floats
from al_bench.data import cache as entries
from al_bench.data.cache import embeddings
from tests.data.stubs import Stub, numbers, only_entry, vector

WANTED = np.stack([vector(number) for number in numbers]).astype(np.float16)


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
    kinds = [("d", "train", "a"), ("d", "test", "a"), ("d", "train", "b"), ("e", "train", "b")]
    for data, split, key in kinds:
        embeddings(tmp_path, data, split, Stub(key), numbers)
    abouts = [json.loads(path.read_text()) for path in tmp_path.glob("*/about.json")]
    assert sorted(tuple(about["keys"].values()) for about in abouts) == sorted(kinds)  # in clear
    assert {(one["rows"], one["width"], one["dtype"]) for one in abouts} == {(70, 6, "float16")}


def test_an_interrupted_entry_goes_on_where_it_stopped(tmp_path: Path) -> None:
    dying = Stub(dies_after=32)
    with pytest.raises(KeyboardInterrupt):
        embeddings(tmp_path, "d", "train", dying, numbers, batch=8)
    block = next(tmp_path.glob("*.part/*.npy"))
    block.write_bytes(block.read_bytes()[:-9])  # cut short: it is computed again
    going_on = Stub()
    stored = embeddings(tmp_path, "d", "train", going_on, numbers, batch=8)
    assert 32 <= len(dying.read) < len(numbers)
    assert set(dying.read + going_on.read) == set(numbers)
    assert len(dying.read + going_on.read) in (len(numbers) + 8, len(numbers) + 6)
    np.testing.assert_array_equal(stored, WANTED)
    assert [path.suffix for path in tmp_path.iterdir()] == [""]


def test_equal_inputs_are_embedded_once_and_long_ones_together(tmp_path: Path) -> None:
    places = np.array([3, 0, 3, 9, 0, 5])
    inputs = [numbers[place] for place in places]
    texts = [{0: "a", 3: "ccc", 5: "bb", 9: "aa"}[place] for place in places]
    dying = Stub(dies_after=2)
    with pytest.raises(KeyboardInterrupt):
        embeddings(tmp_path, "d", "train", dying, inputs, batch=2, texts=texts)
    rest = Stub()
    stored = embeddings(tmp_path, "d", "train", rest, inputs, batch=2, texts=texts)
    assert sorted([dying.read, rest.read]) == [[100, 109], [105, 103]]
    np.testing.assert_array_equal(stored, WANTED[places])
    again = embeddings(tmp_path, "d", "train", Stub(dies_after=0), inputs)  # as it was ever kept
    np.testing.assert_array_equal(again, stored)


def test_blocks_of_rows_in_their_order_are_not_taken_for_others(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        embeddings(tmp_path, "d", "train", Stub(dies_after=32), numbers, batch=8)
    texts = [str(number) for number in reversed(numbers)]
    stored = embeddings(tmp_path, "d", "train", Stub(), numbers, batch=8, texts=texts)
    np.testing.assert_array_equal(stored, WANTED)


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
    np.testing.assert_array_equal(stored, WANTED)


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
    np.testing.assert_array_equal(stored, WANTED)


@pytest.mark.parametrize(
    ("file", "damage", "word"),
    [
        ("rows.npy", lambda data: data[:-1], "bytes, not"),
        ("rows.npy", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "checksum"),
        ("about.json", lambda data: b"[", "cannot be read"),
    ],
)
def test_a_damaged_entry_says_what_to_delete(
    tmp_path: Path, file: str, damage: Any, word: str
) -> None:
    embeddings(tmp_path, "d", "train", Stub(), numbers)
    path = only_entry(tmp_path) / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"{word}.*delete the folder {only_entry(tmp_path)}"):
        embeddings(tmp_path, "d", "train", Stub(), numbers)


def test_data_that_grew_or_have_no_rows_are_refused(tmp_path: Path) -> None:
    embeddings(tmp_path, "d", "train", Stub(), numbers)
    with pytest.raises(ValueError, match="has 70 rows, but the data have 69"):
        embeddings(tmp_path, "d", "train", Stub(), numbers[:-1])
    with pytest.raises(ValueError, match="no rows"):
        embeddings(tmp_path, "e", "train", Stub(), [])


@pytest.mark.parametrize("value", [np.nan, np.inf, 70_000.0])
def test_features_that_are_not_finite_name_row_and_encoder(tmp_path: Path, value: float) -> None:
    class Broken(Stub):
        def embed(self, inputs: Sequence[Any]) -> Floats:
            values = super().embed(inputs)
            values[[number == 133 for number in inputs], 2] = value
            return values

    with pytest.raises(ValueError, match=r"row 33 .* by stub"):
        embeddings(tmp_path, "d", "train", Broken(), numbers, batch=16)


def test_a_cache_that_cannot_be_written_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    with pytest.raises(OSError, match=r"cache folder .*file cannot be written"):
        embeddings(taken, "d", "train", Stub(), numbers)

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(entries.np, "save", full)
    with pytest.raises(OSError, match=r"cannot be written .No space left on device"):
        embeddings(tmp_path, "d", "train", Stub(), numbers)


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
