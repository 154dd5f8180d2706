"""A cached prior is at hand at once, and one that is not says how long it takes."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.core import progress
from al_bench.core.state import Floats
from al_bench.data import cache as entries
from al_bench.data.cache import embeddings, zero_shot
from al_bench.data.types import Task
from al_bench.runs.config import config_folders, instantiate
from al_bench.runs.options import read_option
from tests.data.stubs import NAMES, PROMPTS, Said, Stub, numbers

SECOND_USE = """
import sys, time
from hydra.utils import instantiate
from al_bench.data.cache import embeddings, zero_shot
from al_bench.data.types import Task
from al_bench.runs.config import config_folders
from al_bench.runs.options import read_option
from tests.data.test_cache import Stub
folder = sys.argv[1]
prior = instantiate(read_option("prior", "packaged", config_folders(None)))
for modality in ("text", "image"):
    stored = embeddings(folder, "d", "train", prior.encoder(modality), range(70))
    task = Task(("a", "b", "c"), ("{}",), modality)
    zero_shot(folder, "d", "train", prior, stored, range(70), task)
heavy = {"torch", "transformers", "timm", "sklearn", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""


def test_a_cached_prior_imports_no_framework(tmp_path: Path) -> None:
    prior = instantiate(read_option("prior", "packaged", config_folders(None)))
    for modality in ("text", "image"):
        keyed = Stub(prior.encoder(modality).key)
        stored = embeddings(tmp_path, "d", "train", keyed, numbers)
        said = Said(keyed, prior.choose(modality).key)
        zero_shot(tmp_path, "d", "train", said, stored, numbers, Task(NAMES, PROMPTS, modality))
    command = [sys.executable, "-c", SECOND_USE, str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )
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
    monkeypatch.setattr(progress, "EVERY", 1e-3)
    embeddings(tmp_path, "sha256:d", "train", Slow(), numbers, batch=35, name="d")
    first, *others = said.getvalue().splitlines()
    assert first == "embeddings of d train: 0 of 70 rows, 0.0 rows/s"
    half = r"embeddings of d train: 35 of 70 rows, [\d.]+ rows/s, \d\.\d s left"
    assert any(re.fullmatch(half, line) for line in others)


def test_what_is_embedded_quickly_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embeddings(tmp_path, "d", "train", Stub(), numbers, batch=4)
    assert capsys.readouterr() == ("", "")


def test_a_line_of_progress_counts_rows_and_says_the_time_left() -> None:
    assert progress.line("x", 2_000, 14_000, 16.0, 0, "rows") == (
        "x: 2,000 of 14,000 rows, 125.0 rows/s, 2 min left"
    )
    assert progress.line("x", 2_000, 14_000, 16.0, 8_000, "rows") == (
        "x: 10,000 of 14,000 rows (8,000 of them before), 125.0 rows/s, 32 s left"
    )


def test_what_was_stored_before_is_counted_and_not_in_the_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bar(name: str, total: int, known: int) -> Any:
        told.append((name, total, known))
        return nullcontext(told.append)

    told: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        embeddings(tmp_path, "d", "train", Stub(dies_after=20), numbers, batch=10)
    monkeypatch.setattr(entries, "progress_bar", bar)
    embeddings(tmp_path, "d", "train", Stub(), numbers, batch=10, name="mine")
    assert told == [("embeddings of mine train", 70, 20), *[10] * 5]
