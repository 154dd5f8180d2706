"""Sessions for tests of the page, made by hand, so that nothing has to be embedded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from time import time

from httpx2 import Response
from starlette.testclient import TestClient

from al_bench.core.hashing import digest
from al_bench.labelling import Session
from al_bench.labelling.model_service import ModelService
from al_bench.labelling.page.app import application
from al_bench.labelling.page.view import Background, View
from al_bench.labelling.settings import DEFAULTS, Settings
from al_bench.labelling.store import AUDIT, QUERY, Store

ORIGIN = "http://127.0.0.1"
CLASSES = ("complaint", "praise", "question")


def made(
    folder: Path,
    texts: Sequence[str] = ("first", "second", "third", "fourth", "fifth", "sixth"),
    classes: Sequence[str] = CLASSES,
    images: Sequence[Path] = (),
) -> Session:
    """A session with these rows, and nothing suggested yet."""
    store = Store.create(folder)
    modality = "image" if images else "text"
    settings = Settings(modality, tuple(classes), ("{}",), DEFAULTS)
    with store.writing():
        store.make()
        store.set(settings.stored())
        store.append("arrivals", key="0", n=len(images or texts), time=time())
        for number, text in enumerate(() if images else texts):
            store.append("rows", name=f"r{number}", arrival=1, text=text)
        for number, path in enumerate(images):
            store.append("rows", name=f"r{number}", arrival=1, path=str(path), digest=digest(path))
    return Session(ModelService(folder, store))


class Chooser:
    """Suggests rows in their order, every third one as an audit."""

    def __init__(self, session: Session, batch: int = 3) -> None:
        self.store = session.store
        self.batch = batch
        self.measured = 0

    def choose(self, annotator: str) -> int:
        with self.store.writing():
            rows, before = self.store.count("rows"), self.store.count("suggestions")
            chosen = range(before, min(before + self.batch, rows))
            for row in chosen:
                self.store.append(
                    "suggestions",
                    batch=1,
                    row=row,
                    kind=AUDIT if row % 3 == 2 else QUERY,
                    guess="praise",
                    confidence=0.81,
                    why="torn between two",
                    annotator=annotator,
                    time=time(),
                )
        return len(chosen)

    def measure(self) -> None:
        self.measured += 1


class Browser(TestClient):
    """A browser without scripts before the page of a session; it follows no redirect by itself."""

    def __init__(self, view: View, token: str | None = None) -> None:
        self.view = view
        super().__init__(
            application(view, 80, token),
            base_url=ORIGIN,
            headers={"origin": ORIGIN},
            follow_redirects=False,
        )

    def enter(self, annotator: str) -> Response:
        """Give a name, which this browser keeps."""
        secret = field(self.get("/name").text, "csrf")
        return self.post("/name", data={"csrf": secret, "as": annotator})

    def see(self, annotator: str = "ann") -> str:
        """The page of an annotator, once rows have been chosen for him."""
        if annotator not in self.cookies.get("annotator-80", "").split("|"):
            self.enter(annotator)
        self.get("/", params={"as": annotator})
        wait(self.view.background.chosen.values())
        return self.get("/", params={"as": annotator}).text

    def part(self, annotator: str = "ann") -> str:
        """The working part of the page alone, once rows have been chosen."""
        self.get("/work", params={"as": annotator})
        wait(self.view.background.chosen.values())
        return self.get("/work", params={"as": annotator}).text

    def submit(self, form: str, shown: str, **fields: str) -> Response:
        """Send a form of the page that was shown; fields: besides the hidden ones, or for them."""
        hidden = {name: field(shown, name) for name in ("csrf", "as")}
        if form in ("answer", "skip"):
            hidden["suggestion"] = field(shown, "suggestion")
        return self.post(f"/{form}", data=hidden | fields)


def field(shown: str, name: str) -> str:
    """The value of the first field of a page that is called so."""
    found = re.search(rf'name="{name}" value="([^"]*)"', shown)
    assert found, f"no field {name}"
    return unescape(found[1])


def row_in(shown: str) -> str:
    """The id of the row that a page shows."""
    found = re.search(r'aria-label="Row ([^"]*)"', shown)
    assert found, "no row"
    return unescape(found[1])


@contextmanager
def page(session: Session, guess: bool = True, token: str | None = None) -> Iterator[Browser]:
    chooser = Chooser(session)
    ahead = Background(chooser.choose, chooser.measure)
    with Browser(View(session, 3, guess, ahead), token) as browser:
        yield browser
