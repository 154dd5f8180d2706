"""Send a session's rows to a Label Studio server, and fetch what people answered.

    albench session tasks reviews --budget 100 --out tasks.json --interface interface.xml
    export LABEL_STUDIO_API_KEY=...       # of the server's page Account & Settings
    python examples/label_studio.py send http://127.0.0.1:8080 reviews tasks.json interface.xml
    python examples/label_studio.py fetch http://127.0.0.1:8080 reviews answers.json
    albench session tell reviews answers.json

The first `send` makes the project; send each file once. `fetch` and `tell` may be repeated: only
what is new or was changed counts. Nothing but Python is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

TOKEN = "LABEL_STUDIO_API_KEY"


class Server:
    """A Label Studio server, asked by its HTTP API (https://api.labelstud.io)."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.authorization = f"Token {token}"
        if token.count(".") == 2:  # a personal access token, with which one asks for short ones
            access = self.ask("/api/token/refresh", {"refresh": token})["access"]
            self.authorization = f"Bearer {access}"

    def ask(self, path: str, sent: Any = None) -> Any:
        """The JSON that comes of a GET or, with something to send, of a POST."""
        body = None if sent is None else json.dumps(sent).encode()
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        with urlopen(Request(self.url + path, body, headers), timeout=300) as reply:
            return json.load(reply)

    def project(self, title: str) -> int | None:
        """The number of the project of this title, None where there is none."""
        found = self.ask("/api/projects?" + urlencode({"title": title}))["results"]
        return next((int(one["id"]) for one in found if one["title"] == title), None)

    def send(self, title: str, tasks: Path, interface: Path) -> int:
        """Import a file of tasks into a project, made where there is none; how many they are."""
        number = self.project(title)
        if number is None:
            made = {"title": title, "label_config": interface.read_text("utf-8")}
            number = self.ask("/api/projects", made)["id"]
        sent = json.loads(tasks.read_text("utf-8"))
        return int(self.ask(f"/api/projects/{number}/import", sent)["task_count"])

    def fetch(self, title: str, out: Path) -> int:
        """Write a project's export as JSON; how many tasks in it are annotated."""
        number = self.project(title)
        if number is None:
            raise SystemExit(f"no project is called {title!r}; send its tasks first")
        found = self.ask(f"/api/projects/{number}/export?exportType=JSON")
        out.write_text(json.dumps(found), "utf-8")
        return len(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, files in {"send": ["tasks", "interface"], "fetch": ["out"]}.items():
        command = commands.add_parser(name)
        command.add_argument("url")
        command.add_argument("title")
        for file in files:
            command.add_argument(file, type=Path)
    given = parser.parse_args()
    if TOKEN not in os.environ:
        sys.exit(f"{TOKEN} is not set; wanted the token of the page Account & Settings")
    try:
        server = Server(given.url, os.environ[TOKEN])
        if given.command == "send":
            print(f"{server.send(given.title, given.tasks, given.interface)} tasks sent")
        else:
            print(f"{server.fetch(given.title, given.out)} annotated tasks in {given.out}")
    except HTTPError as error:
        sys.exit(f"{given.url} refused: {error.code} {error.read().decode()[:200]}")
    except URLError as error:
        sys.exit(f"{given.url} cannot be reached: {error.reason}")


if __name__ == "__main__":
    main()
