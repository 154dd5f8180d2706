"""Sessions to do harm to."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.labelling.data import knows, new


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Sessions of these tests share a cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AL_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of embeddings with 15 answers and 5 rows that wait."""
    folder = tmp_path_factory.mktemp("whole")
    with new(folder) as session:
        session.tell(knows(session.suggest(20)[:15]))
    return folder / "session"


@pytest.fixture
def mine(here: Path, whole: Path) -> Path:
    return Path(shutil.copytree(whole, here / "mine"))
