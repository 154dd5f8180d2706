"""Round trips with a real Label Studio server (make test-labelstudio)."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from al_bench.cli.main import main
from al_bench.session import Session
from al_bench.session.exchange import connector
from al_bench.session.values import AUDIT
from tests.session.exchange.server import COMMAND, TOKEN, Server, server, started
from tests.session.exchange.texts import CLASSES, choice, session_of, truth
from tests.tiny_models import bert, timm_file  # noqa: F401

pytestmark = [
    pytest.mark.labelstudio,
    pytest.mark.skipif(COMMAND not in os.environ, reason=f"{COMMAND} names no server"),
    pytest.mark.xdist_group("labelstudio"),
]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("studio")) as found:
        yield found


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)


def exchange(folder: Path, studio: Server, *more: str) -> int:
    """What ``albench session studio`` says of itself; the project's number."""
    assert main(["session", "studio", str(folder), "--url", studio.url, *more]) == 0
    (project,) = studio.client().projects.list(title=folder.name)
    return int(project.id)


def tasks_of(studio: Server, project: int) -> list[dict[str, Any]]:
    found = studio.client().tasks.list(project=project, fields="all", page_size=200)
    return [task.dict() for task in found]


def test_a_hundred_tasks_come_back_from_two_annotators_once(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    studio: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector, "PAGE", 50)
    folder = tmp_path / "reviews"
    session_of(tmp_path, bert, rows=300).close()
    project = exchange(folder, studio, "--budget", "100")
    assert "0 new answers told; 100 tasks sent" in capsys.readouterr().out

    tasks = tasks_of(studio, project)
    with Session.open(folder) as session:
        waiting = {one.id: one for one in session.waiting()}
        assert {task["data"]["row"] for task in tasks} == set(waiting)
        audits = {name for name, one in waiting.items() if one.kind == AUDIT}
        assert len(audits) == 20
    for task in tasks:
        one = waiting[task["data"]["row"]]
        assert task["data"]["text"] == one.text
        guesses = [p["result"][0]["value"]["choices"] for p in task["predictions"]]
        assert guesses == ([] if one.id in audits else [[one.guess]])

    ann, bob = studio.client(), studio.client(studio.join("bob@example.com"))
    for number, task in enumerate(tasks):
        name = truth(task["data"]["row"])
        ann.annotations.create(task["id"], result=choice(name), lead_time=2.5)
        if number < 50:
            bob.annotations.create(task["id"], result=choice(CLASSES[2]), lead_time=1.0)
        elif number < 60:
            bob.annotations.create(task["id"], result=[], was_cancelled=True)
        elif number == 60:
            bob.annotations.create(task["id"], result=[])
    exchange(folder, studio, "--budget", "0")
    assert "160 new answers told, 1 annotations have no answer; 0 tasks" in capsys.readouterr().out
    with Session.open(folder) as session:
        status = session.status()
        assert sorted(status.annotators.values()) == [60, 100]
        assert (status.answered, status.audited, status.waiting) == (100, 20, 0)
        stored = session.bench.store.answers()
        assert Counter(a.answer for a in stored)[CLASSES[2]] == 50
        assert sum(a.answer is None for a in stored) == 10
        assert {a.seconds for a in stored} == {2.5, 1.0, None}

    exchange(folder, studio, "--budget", "0")
    assert "0 new answers told" in capsys.readouterr().out
    export = ann.projects.exports.download_sync(project, export_type="JSON")
    (tmp_path / "export.json").write_bytes(b"".join(export))
    assert main(["session", "tell", str(folder), str(tmp_path / "export.json")]) == 0
    assert "0 answers told; 160 are known, 1 have no answer" in capsys.readouterr().out

    first = tasks_of(studio, project)[0]["annotations"]
    own = next(one for one in first if one["lead_time"] == 2.5)
    ann.annotations.update(own["id"], result=choice(CLASSES[2]))
    exchange(folder, studio, "--budget", "10")
    assert "1 new answers told, 1 annotations have no answer; 10 tasks" in capsys.readouterr().out


def test_classes_that_come_later_are_added_to_an_interface_that_its_owner_changed(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    studio: Server,
) -> None:
    session_of(tmp_path, bert).close()
    folder = (tmp_path / "reviews").rename(tmp_path / "later")
    project = exchange(folder, studio, "--budget", "4")
    client = studio.client()
    found = client.projects.get(project)
    changed = found.label_config.replace("<View>", '<View><Header value="Which?"/>')
    client.projects.update(project, title=found.title, label_config=changed)
    with Session.open(folder) as session:
        session.add_classes(["new: 'late' $"])
    exchange(folder, studio, "--budget", "0")
    config = client.projects.get(project).label_config
    assert 'value="Which?"' in config
    assert config.count("<Choice ") == 4
    task = tasks_of(studio, project)[0]
    client.annotations.create(task["id"], result=choice("new: 'late' $"))
    exchange(folder, studio, "--budget", "0")
    with Session.open(folder) as session:
        assert session.status().counts["new: 'late' $"] == 1


def test_a_server_that_refuses_or_is_not_there_is_said_in_one_sentence_without_the_token(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    studio: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    session_of(tmp_path, bert).close()
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "very-secret")
    places = {
        "http://127.0.0.1:1": "cannot be reached",
        f"{studio.url}/user": "it sent a page",
        studio.url: "refused (401)",
    }
    for url, sentence in places.items():
        assert main(["session", "studio", str(tmp_path / "reviews"), "--url", url]) == 1
        said = capsys.readouterr()
        assert sentence in said.err
        assert said.err.count("\n") == 1
        assert "very-secret" not in said.err + said.out
    for file in (tmp_path / "reviews").rglob("*"):
        assert not file.is_file() or b"very-secret" not in file.read_bytes()
    with Session.open(tmp_path / "reviews") as session:
        assert session.waiting() == []


def test_a_file_of_tasks_is_what_the_server_imports(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    studio: Server,
) -> None:
    session_of(tmp_path, bert).close()
    made = tmp_path / "tasks.json", tmp_path / "interface.xml"
    line = ["session", "tasks", str(tmp_path / "reviews"), "--budget", "30"]
    assert main([*line, "--out", str(made[0]), "--interface", str(made[1])]) == 0
    client = studio.client()
    project = client.projects.create(title="by hand", label_config=made[1].read_text("utf-8"))
    client.projects.import_tasks(project.id, request=json.loads(made[0].read_text("utf-8")))
    assert len(tasks_of(studio, project.id)) == 30


def test_images_are_shown_by_the_server(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    timm_file: Path,  # noqa: F811
    studio: Server,
) -> None:
    folder = studio.root / "pictures of mine"
    folder.mkdir()
    for number in range(6):
        pixels = np.full((40, 40, 3), 40 * number, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number} & ä.png")
    options = ["prior=efficientnet_lite2", f"prior.image.weights={timm_file}",
               "prior.image.pin=null", "prior.image.model=test_efficientnet",
               "prior.image.size=64", f"prior.text.weights={bert}", "prior.text.pin=null",
               "prior.text.max_length=32"]  # fmt: skip
    place = tmp_path / "pictures"
    Session.new(place, folder, ["cat", "dog"], overrides=options).close()
    for _ in range(2):
        project = exchange(place, studio, "--images-root", str(studio.root), "--budget", "2")
    tasks = tasks_of(studio, project)
    assert len(tasks) == 4
    for task in tasks:
        address = studio.url + task["data"]["image"]
        shown = httpx.get(address, headers={"Authorization": f"Token {TOKEN}"})
        assert shown.content == (folder / task["data"]["row"]).read_bytes()
    studio.client().annotations.create(tasks[0]["id"], result=choice("dog", "image"))
    exchange(place, studio, "--images-root", str(studio.root), "--budget", "0")
    with Session.open(place) as session:
        assert session.status().counts == {"cat": 0, "dog": 1}


@contextmanager
def backend(folder: Path, log: Path) -> Iterator[str]:
    """``albench session backend`` as a process of its own; where it listens."""
    code = "import sys; from al_bench.cli.main import main; sys.exit(main())"
    line = [sys.executable, "-c", code, "session", "backend", str(folder), "--port", "0"]
    with started(line, dict(os.environ), log) as process:
        while not (found := re.search(r"http://\S+", log.read_text())):
            assert process.poll() is None, log.read_text()
            sleep(0.2)
        yield found[0].rstrip("/")


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
