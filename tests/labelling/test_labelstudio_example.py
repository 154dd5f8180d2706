"""The example that speaks with a Label Studio server: with a small stand-in, and with a real one
where the command `label-studio` is installed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlparse
from urllib.request import Request, urlopen

import pytest

from al_bench.cli.main import main
from al_bench.labelling import Session
from tests.labelling.data import choice, session_of, truth
from tests.labelling.test_imported import annotation
from tests.tiny_models import bert  # noqa: F401

SCRIPT = Path(__file__).parents[2] / "examples" / "label_studio.py"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "a.personal.token"


class StandIn(BaseHTTPRequestHandler):
    """What the example asks of Label Studio's API, in memory; every task is annotated at once."""

    projects: list[dict[str, Any]]

    def do_GET(self) -> None:
        place = urlparse(self.path)
        if place.path == "/api/projects":
            title = parse_qs(place.query)["title"][0]
            self.reply({"results": [p for p in self.projects if title in p["title"]]})
        else:
            assert self.path == "/api/projects/1/export?exportType=JSON"
            self.reply(self.projects[0]["tasks"])

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/token/refresh":
            assert sent == {"refresh": PERSONAL}
            self.reply({"access": TOKEN})
        elif self.path == "/api/projects":
            self.projects.append(sent | {"id": 1 + len(self.projects), "tasks": []})
            self.reply(self.projects[-1])
        else:
            assert self.path == "/api/projects/1/import"
            for one in sent:
                answer = annotation(len(self.projects[0]["tasks"]), truth(one["data"]["row"]))
                self.projects[0]["tasks"].append(one | {"annotations": [answer]})
            self.reply({"task_count": len(sent)})

    def reply(self, what: Any) -> None:
        given = self.headers["Authorization"]
        known = given in (f"Token {TOKEN}", f"Bearer {TOKEN}") or self.path.endswith("refresh")
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(json.dumps(what if known else {"detail": "Invalid token."}).encode())

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def stand_in() -> Iterator[str]:
    StandIn.projects = []
    server = HTTPServer(("127.0.0.1", 0), StandIn)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def here(tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    session_of(tmp_path, bert).close()
    return tmp_path


def example(*line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *line], capture_output=True, text=True)


def send(url: str, number: int) -> None:
    """A batch of ten, from the session to the server."""
    files = f"tasks{number}.json", f"interface{number}.xml"
    line = ["session", "tasks", "reviews", "--budget", "10"]
    assert main([*line, "--out", files[0], "--interface", files[1]]) == 0
    assert example("send", url, "reviews", *files).stdout == "10 tasks sent\n"


def told(url: str, wanted: int) -> None:
    """The server's answers, back in the session, each once."""
    assert example("fetch", url, "reviews", "answers.json").stdout.startswith(f"{wanted} annotated")
    for _ in range(2):
        assert main(["session", "tell", "reviews", "answers.json"]) == 0
    with Session.open("reviews") as session:
        answers = session.store.answers()
        names = session.store.names()
        assert len(answers) == wanted
        assert all(one.answer == truth(names[one.row]) for one in answers)
        assert session.waiting() == []


@pytest.mark.parametrize("token", [TOKEN, PERSONAL])
def test_batches_go_to_a_server_and_its_answers_come_back_once(
    here: Path, stand_in: str, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", token)
    for number in (1, 2):
        send(stand_in, number)
        told(stand_in, 10 * number)
    assert [project["title"] for project in StandIn.projects] == ["reviews"]


def test_a_server_that_refuses_or_is_not_there_is_said_in_one_sentence(
    here: Path, stand_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (stand_in, "http://127.0.0.1:1"):
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", "wrong")
        done = example("fetch", url, "reviews", "answers.json")
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert ("refused: 401" in done.stderr) == (url == stand_in)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    assert "no project is called" in example("fetch", stand_in, "reviews", "a.json").stderr
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")
    assert "LABEL_STUDIO_API_KEY is not set" in example("fetch", stand_in, "x", "a.json").stderr


@contextmanager
def label_studio(folder: Path) -> Iterator[str]:
    """The real server with SQLite on a free port of this machine; its address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    own |= {"COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": ""}
    command = ["label-studio", "start", "--no-browser", "--internal-host", "127.0.0.1", "--port",
               str(port), "--data-dir", str(folder), "--username", "ann@example.com", "--password",
               "only-for-this-1", "--user-token", TOKEN, "--enable-legacy-api-token"]  # fmt: skip
    process = subprocess.Popen(command, env=own, start_new_session=True)
    until = monotonic() + 300
    try:
        while process.poll() is None and monotonic() < until:
            try:
                urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.mark.skipif(shutil.which("label-studio") is None, reason="label-studio is not installed")
def test_a_real_server_takes_the_tasks_and_gives_the_answers(here: Path) -> None:
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    with label_studio(here / "server") as url:
        send(url, 1)
        asked = Request(f"{url}/api/tasks?project=1&page_size=100", headers=headers)
        for task in json.load(urlopen(asked))["tasks"]:
            answer = {"result": choice(truth(task["data"]["row"])), "lead_time": 2.5}
            place = f"{url}/api/tasks/{task['id']}/annotations"
            urlopen(Request(place, json.dumps(answer).encode(), headers))
        told(url, 10)
