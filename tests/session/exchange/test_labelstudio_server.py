"""Round trips with a real Label Studio server (make test-labelstudio)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from al_bench.cli.main import main
from al_bench.session import Session
from al_bench.session.exchange import connector
from al_bench.session.values import AUDIT
from tests.session.exchange.server import TOKEN, Server, exchange, marks, tasks_of
from tests.session.exchange.texts import CLASSES, choice, session_of, truth
from tests.tiny_models import bert, timm_file  # noqa: F401

pytestmark = marks


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


def test_a_personal_access_token_opens_a_server_too(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    studio: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session_of(tmp_path, bert).close()
    folder = (tmp_path / "reviews").rename(tmp_path / "personal")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", studio.client().tokens.create().token)
    assert len(tasks_of(studio, exchange(folder, studio, "--budget", "2"))) == 2


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
    for budget in ("2", "4", "4"):
        project = exchange(place, studio, "--images-root", str(studio.root), "--budget", budget)
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
