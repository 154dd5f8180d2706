"""A live backend and a real Label Studio server (make test-labelstudio)."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from al_bench.session import Session
from tests.session.exchange.server import Server, backend, exchange, marks, tasks_of
from tests.session.exchange.texts import choice, session_of, truth
from tests.tiny_models import bert  # noqa: F401

pytestmark = marks


@pytest.mark.parametrize("secret", ["", "a password of ours"])
def test_a_backend_predicts_live_and_hears_of_annotations(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    studio: Server,
    monkeypatch: pytest.MonkeyPatch,
    secret: str,
) -> None:
    monkeypatch.setenv("AL_BENCH_BACKEND_TOKEN", secret)
    session_of(tmp_path, bert).close()
    folder = (tmp_path / "reviews").rename(tmp_path / f"live {len(secret)}")
    client = studio.client()
    with backend(folder, tmp_path / "backend.log") as url:
        project = exchange(folder, studio, "--budget", "20", "--backend", url)
        exchange(folder, studio, "--budget", "0", "--backend", url)
        assert len(client.ml.list(project=project)) == 1
        assert len(client.webhooks.list(project=project)) == 1

        before = predicted(client, studio, project, wanted=16)
        with Session.open(folder) as session:
            reserved = {session.bench.moment().pool.known[row].name
                        for row in session.bench.moment().pool.reserved}  # fmt: skip
        assert not reserved & set(before)

        tasks = tasks_of(studio, project)
        for task in tasks:
            name = truth(task["data"]["row"])
            client.annotations.create(task["id"], result=choice(name), lead_time=3.0)
        with Session.open(folder) as session:
            assert heard(session, 20) == 20
            said = session.predict().set_index("id")["label"]
        after = predicted(client, studio, project, wanted=32)
        assert all(after[name] == said[name] for name in after)
        assert sum(after[name] == truth(name) for name in after) >= 14
        assert exchange(folder, studio, "--budget", "0") == project
        with Session.open(folder) as session:
            assert len(session.bench.store.answers()) == 20  # none of them a second time


def predicted(client: Any, studio: Server, project: int, wanted: int) -> dict[str, str]:
    """Ask for predictions as the page's button does; the backend's last one of each row."""
    items = {"all": True, "excluded": []}
    client.actions.create(project=project, id="retrieve_tasks_predictions", selected_items=items)
    found: dict[str, tuple[int, str]] = {}
    count = 0
    for task in tasks_of(studio, project):
        for one in task["predictions"]:
            if "answers (" in one["model_version"]:
                count += 1
                guess = one["id"], one["result"][0]["value"]["choices"][0]
                found[task["data"]["row"]] = max(found.get(task["data"]["row"], guess), guess)
    assert count == wanted
    return {name: guess for name, (_, guess) in found.items()}


def heard(session: Session, wanted: int) -> int:
    """How many answers have come, once they are as many as wanted, or after a while."""
    until = monotonic() + 20
    while (count := len(session.bench.store.answers())) < wanted and monotonic() < until:
        sleep(0.2)
    return count
