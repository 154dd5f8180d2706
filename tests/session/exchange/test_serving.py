"""A backend as a process of its own."""

import re
from pathlib import Path

import httpx
import pytest

from tests.session.exchange.server import backend
from tests.session.exchange.texts import session_of
from tests.tiny_models import bert  # noqa: F401


def test_a_backend_that_others_can_reach_makes_itself_a_password_and_says_it_once(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AL_BENCH_BACKEND_TOKEN", raising=False)
    session_of(tmp_path, bert).close()
    log = tmp_path / "log"
    with backend(tmp_path / "reviews", log, "--host", "0.0.0.0") as url:
        assert httpx.get(f"{url}/health").status_code == 401
        found = re.search("the password of the user albench is (.+)", log.read_text())
        assert found
        assert len(found[1]) >= 32
        reply = httpx.get(f"{url}/health", auth=("albench", found[1]))
        assert reply.json()["status"] == "UP"
    assert log.read_text().count(found[1]) == 1
