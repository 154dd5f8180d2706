"""A real Label Studio server, in an environment of its own, as long as a test needs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from al_bench.cli.main import main

COMMAND = "LABEL_STUDIO"  # environment variable: the server's executable
PATIENCE = 240.0  # seconds until a new server has made its tables
PASSWORD = "only-for-this-test-1"
TOKEN = "0123456789abcdef0123456789abcdef01234567"


marks = [  # of every test that needs the server
    pytest.mark.labelstudio,
    pytest.mark.skipif(COMMAND not in os.environ, reason=f"{COMMAND} names no server"),
    pytest.mark.xdist_group("labelstudio"),
]


@dataclass(frozen=True)
class Server:
    """url: where it listens; root: the folder whose files it may show; process: its own."""

    url: str
    root: Path

    def client(self, token: str = TOKEN) -> Any:
        from label_studio_sdk import LabelStudio

        return LabelStudio(base_url=self.url, api_key=token)

    def join(self, email: str) -> str:
        """Sign somebody up, as the page does; his token."""
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=60) as browser:
            secret = browser.get("/user/signup").text
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', secret)
            assert found
            fields = {"csrfmiddlewaretoken": found[1], "email": email, "password": PASSWORD}
            browser.post("/user/signup", data=fields).raise_for_status()
            return str(browser.get("/api/current-user/token").raise_for_status().json()["token"])


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def started(command: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[Any]:
    """A process and its children, which end with the block."""
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, start_new_session=True
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Label Studio with SQLite on a free port of this machine; it may ask backends there."""
    port = free_port()
    url, root = f"http://127.0.0.1:{port}", folder / "served"
    root.mkdir()
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    own |= {
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(root),
        "ML_BLOCK_LOCAL_IP": "false",
        "SSRF_PROTECTION_ENABLED": "false",  # else no webhook reaches this machine
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    command = [os.environ[COMMAND], "start", "--no-browser", "--internal-host", "127.0.0.1",
               "--port", str(port), "--data-dir", str(folder / "data"), "--username",
               "ann@example.com", "--password", PASSWORD, "--user-token", TOKEN,
               "--enable-legacy-api-token", "--log-level", "WARNING"]  # fmt: skip
    log = folder / "server.log"
    with started(command, own, log) as process:
        began = monotonic()
        while not answers(url):
            if process.poll() is not None or monotonic() - began > PATIENCE:
                raise AssertionError(f"Label Studio did not start:\n{log.read_text()[-2000:]}")
            sleep(0.5)
        yield Server(url, root)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def exchange(folder: Path, studio: Server, *more: str) -> int:
    """What ``albench session studio`` says of itself; the project's number."""
    assert main(["session", "studio", str(folder), "--url", studio.url, *more]) == 0
    (project,) = studio.client().projects.list(title=folder.name)
    return int(project.id)


def tasks_of(studio: Server, project: int) -> list[dict[str, Any]]:
    found = studio.client().tasks.list(project=project, fields="all", page_size=200)
    return [task.dict() for task in found]


@contextmanager
def backend(folder: Path, log: Path, *more: str) -> Iterator[str]:
    """``albench session backend`` as a process of its own; where it listens."""
    code = "import sys; from al_bench.cli.main import main; sys.exit(main())"
    line = [sys.executable, "-c", code, "session", "backend", str(folder), "--port", "0", *more]
    with started(line, dict(os.environ), log) as process:
        while not (found := re.search(r"http://[^/]+:(\d+)/", log.read_text())):
            assert process.poll() is None, log.read_text()
            sleep(0.2)
        yield f"http://127.0.0.1:{found[1]}"
