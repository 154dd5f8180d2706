"""The page in a real browser: Chromium without a screen, driven by Playwright, and the server as a
process of its own, which may be killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from shutil import copytree
from threading import Thread
from typing import Any

import pandas as pd
import pytest
import uvicorn
from PIL import Image

from al_bench.labelling import Session
from al_bench.labelling.ledger import ledger
from al_bench.labelling.page.app import application
from al_bench.labelling.page.serve import listening
from al_bench.labelling.page.view import GUIDELINE, Background, View
from al_bench.labelling.store import Store
from tests.chromium import IN_A_BROWSER, chromium
from tests.labelling.page.pages import Chooser, made

pytest.importorskip("playwright", reason="the tests in a browser need playwright")
from playwright.sync_api import Browser, Page

pytestmark = IN_A_BROWSER
CLASSES = ["complaint", "praise", "question"]
WORDS = ["The parcel came broken", "Wonderful service", "When will my order arrive?"]
PATIENCE = 60_000  # milliseconds; a machine may be busy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of 150 texts."""
    folder = tmp_path_factory.mktemp("embedded") / "reviews"
    frame = pd.DataFrame({"text": [f"{WORDS[i % 3]} (order {i})" for i in range(150)]})
    with Session.new(folder, frame, CLASSES, text="text", overlap=0.0):
        return folder


@pytest.fixture
def folder(embedded: Path, tmp_path: Path) -> Path:
    """The same session, still without answers."""
    return Path(copytree(embedded, tmp_path / "reviews"))


class Server:
    """``albench session label`` as a process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it says where it is."""
        code = "import sys; from al_bench.cli.main import main; sys.exit(main())"
        arguments = ["session", "label", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments, *self.options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server said {line!r}"
        self.address = found[0]

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Server]:
    server = Server(folder, *options)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with served(folder) as server:
        yield server


def opened(browser: Browser, address: str, annotator: str = "ann", **options: Any) -> Page:
    """The page of an annotator in a browser of his own, who gave his name."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.get_by_label("Your name").fill(annotator)
    page.keyboard.press("Enter")
    if options.get("java_script_enabled") is False:  # such a page does not wait by itself
        page.wait_for_url("**/?as=*")
        page.reload()
    shown(page).wait_for_load_state()  # a row may be there before its style sheet is
    return page


def shown(page: Page) -> Page:
    """The page, when it shows a row."""
    page.wait_for_selector('#work[data-state="row"]')
    return page


def row_of(page: Page) -> str:
    return str(shown(page).get_attribute("#row", "aria-label")).removeprefix("Row ")


def press(page: Page, key: str) -> str:
    """Press a key and wait until the page has said what it did; the row it was about."""
    before, said = row_of(page), page.inner_text("#said")
    page.keyboard.press(key)
    changed = """said => document.querySelector('#said').innerText !== said
        && document.activeElement.id === 'row'"""
    until(page, changed, said)
    return before


def until(page: Page, true: str, arg: str | None = None) -> None:
    """Wait until an expression is true; the page's own policy forbids Playwright to poll in it."""
    for _ in range(PATIENCE // 20):
        if page.evaluate(true, arg):
            return
        page.wait_for_timeout(20)
    raise TimeoutError(true)


def right(page: Page) -> str:
    """The key of the right answer to the row that is shown."""
    text = shown(page).inner_text("#row")
    return str(1 + next(i for i, words in enumerate(WORDS) if words in text))


def on_disk(folder: Path) -> dict[tuple[str, str], str | None]:
    """What counts of the answers on the disk, by row and annotator."""
    store = Store.open(folder)
    names = store.names()
    counting = ledger(store.suggestions(), store.answers(), store.decisions()).answers
    store.close()
    return {(names[a.row], a.annotator): a.answer for a in counting}


def test_thirty_rows_are_labelled_by_keyboard_and_are_there_after_a_reload(
    browser: Browser, server: Server
) -> None:
    page = opened(browser, server.address, "ann")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    given = {}
    for _ in range(30):
        key = right(page)
        given[press(page, key), "ann"] = CLASSES[int(key) - 1]
        assert on_disk(server.folder) == given
    assert len(given) == 30
    row = row_of(page)
    page.reload()
    assert row_of(page) == row
    assert page.inner_text("#progress") == "30 rows answered, 30 by you"
    assert page.inner_text("#annotator") == "ann"
    page.wait_for_selector("#measures")
    assert "accuracy" in page.inner_text("#measures")
    assert re.search(r"praise\s+\d+\s+\d+ %", page.inner_text("#counts"))
    page.wait_for_selector("#curve")
    assert complaints == []


def test_keys_undo_put_off_and_say_not_sure(browser: Browser, server: Server) -> None:
    page = opened(browser, server.address, "ann")
    first = press(page, "2")
    second = press(page, "0")
    assert on_disk(server.folder) == {(first, "ann"): "praise", (second, "ann"): None}
    press(page, "u")
    assert row_of(page) == second
    assert on_disk(server.folder) == {(first, "ann"): "praise"}
    press(page, "s")
    assert row_of(page) != second
    press(page, "u")
    assert row_of(page) == second
    press(page, "3")
    assert on_disk(server.folder) == {(first, "ann"): "praise", (second, "ann"): "question"}


def test_nothing_that_was_said_to_be_saved_is_lost_when_the_server_is_killed(
    browser: Browser, server: Server
) -> None:
    page = opened(browser, server.address, "ann")
    given = [press(page, "1") for _ in range(5)]
    waiting = row_of(page)
    server.kill()
    page.keyboard.press("2")
    page.wait_for_selector("#alert:not([hidden])")
    page.wait_for_timeout(4000)  # the panel asks for itself meanwhile
    assert "may not be saved" in page.inner_text("#alert")
    assert row_of(page) == waiting
    assert on_disk(server.folder) == {(row, "ann"): "complaint" for row in given}
    server.start()
    assert press(page, "2") == waiting
    assert on_disk(server.folder)[waiting, "ann"] == "praise"
    assert len(on_disk(server.folder)) == 6


def test_keys_before_the_next_row_is_seen_do_nothing(browser: Browser, server: Server) -> None:
    page = opened(browser, server.address, "ann")
    before = row_of(page)
    page.evaluate(
        """keys => { for (const key of keys) document.querySelector("#row").dispatchEvent(
             new KeyboardEvent("keydown", { key, bubbles: true })); }""",
        list("12su0"),
    )
    changed = "before => document.querySelector('#row').ariaLabel !== `Row ${before}`"
    until(page, changed, before)
    page.wait_for_timeout(300)
    assert on_disk(server.folder) == {(before, "ann"): "complaint"}
    store = Store.open(server.folder)
    assert store.count("answers") == 1
    assert not [d for d in store.decisions() if d.kind in ("skip", "undo")]
    store.close()


# --- pages without a server of their own ----------------------------------------------------------


@contextmanager
def nearby(session: Session) -> Iterator[str]:
    """The address of a session made by hand, served by a thread of this process."""
    listener = listening("127.0.0.1", 0)
    port = listener.getsockname()[1]
    chooser = Chooser(session)
    labelling = View(session, 3, True, Background(chooser.choose, chooser.measure))
    config = uvicorn.Config(application(labelling, port, None), log_level="warning")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def test_images_are_shown_and_a_broken_one_is_put_in_words(
    browser: Browser, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.new("RGB", (60, 40), "teal").save(good)
    bad.write_text("no image")
    with nearby(made(tmp_path / "s", images=[good, bad, good])) as address:
        page = opened(browser, address)
        until(page, "document.querySelector('#row img').naturalWidth === 60")
        press(page, "1")
        page.wait_for_selector("#row p")
        assert "cannot be shown" in page.inner_text("#row")
        assert press(page, "0") == "r1"
        assert row_of(page) == "r2"
    assert on_disk(tmp_path / "s") == {("r0", "ann"): "complaint", ("r1", "ann"): None}


def test_a_class_among_many_is_found_by_typing(browser: Browser, tmp_path: Path) -> None:
    names = [f"animal {i}" for i in range(10)] + ["blue whale", "blue tit", "super"]
    with nearby(made(tmp_path / "s", classes=names)) as address:
        page = opened(browser, address)
        for keys, chosen in (
            (["2"], "animal 1"),
            (["/", "B", "l", "u", "2"], "blue tit"),
            (["/", "s", "u", "Enter"], "super"),
            (["/", "t", "i", "t", "Escape", "3"], "animal 2"),
        ):
            for key in keys[:-1]:
                page.keyboard.press(key)
            row = press(page, keys[-1])
            assert on_disk(tmp_path / "s")[row, "ann"] == chosen


def places(page: Page) -> dict[str, tuple[float, float]]:
    """Where each button of the page is, by its words."""
    found = {}
    for button in page.query_selector_all("#work button"):
        box = button.bounding_box()
        assert box is not None
        found[button.inner_text()] = (box["x"], box["y"])
    return found


def test_buttons_never_move(browser: Browser, tmp_path: Path) -> None:
    texts = ["short", "a long one " * 400, "\n" * 80 + "end", "x" * 3000, "short", "last"]
    with nearby(made(tmp_path / "s", texts=texts)) as address:
        page = opened(browser, address)
        first = places(page)
        assert len(first) == 6
        for key in ("1", "0", "s", "u", "2", "?", "g", "2"):
            page.keyboard.press(key) if key in "?g" else press(page, key)
            assert places(page) == first
        for key in "222":
            page.keyboard.press(key)
            page.wait_for_timeout(500)
            assert places(page) == first
        assert "Nothing is left for you" in page.inner_text("#row")


def test_comments_flags_help_and_guideline_by_keys(browser: Browser, tmp_path: Path) -> None:
    with nearby(made(tmp_path / "s")) as address:
        page = opened(browser, address)
        page.keyboard.press("?")
        assert page.is_visible("text=as often as you like")
        page.keyboard.press("?")
        assert not page.is_visible("text=as often as you like")
        page.keyboard.press("c")
        page.keyboard.type("2 or 3? unsure")
        page.keyboard.press("Enter")
        page.keyboard.press("f")
        assert on_disk(tmp_path / "s") == {}
        press(page, "2")
        assert page.input_value("#comment") == ""
        page.get_by_role("link", name="Earlier answers").click()
        page.get_by_label("flagged").check()
        page.get_by_role("button", name="Find").click()
        assert page.inner_text("#found").startswith("1 found")
        page.get_by_role("link", name="first").click()
        assert page.input_value("#comment") == "2 or 3? unsure"
        press(page, "3")
        assert on_disk(tmp_path / "s") == {("r0", "ann"): "question"}
        page.reload()
        assert row_of(page) == "r1"
        page.keyboard.press("g")
        page.get_by_role("link", name="write it").click()
        page.get_by_label("praise").fill("The writer is content.")
        page.get_by_role("button", name="Save").click()
        shown(page).keyboard.press("g")
        assert page.is_visible("text=The writer is content.")


def test_the_picture_of_the_docs_is_made(browser: Browser, tmp_path: Path) -> None:
    """The labelling page with a rare class, as docs/images/label.png shows it; with the environment
    variable PICTURES it is written there."""
    films = ["A film that takes its time, and is worth every minute of it.",
             "I laughed twice, and both times at the wrong place.",
             "The cast is splendid; the story forgets them half way."]  # fmt: skip
    session = made(tmp_path / "films", texts=films * 20, classes=["praise", "blame", "mixed"])
    session.store.append("metadata", row=44, value='{"author": "M. Hale", "year": "2024"}')
    guide = {"text": "What does the writer think of the film?", "by": "ann",
             "classes": {"praise": "wants you to see it", "mixed": "praise and blame"}}  # fmt: skip
    session.store.decide(GUIDELINE, guide)
    with nearby(session) as address:
        page = opened(browser, address, viewport={"width": 1000, "height": 700})
        for _ in range(44):
            text = shown(page).inner_text("#row")
            press(page, str(1 + next(i for i, film in enumerate(films) if film in text)))
        page.keyboard.press("g")
        until(page, "document.querySelector('#progress').innerText.startsWith('44')")
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    assert picture.size == (1000, 700)
    colours = {colour for _, colour in picture.getcolors(2**20)}
    assert colours >= {(0, 114, 178), (213, 94, 0), (0, 158, 115)}  # of the classes
    if folder := os.environ.get("PICTURES"):
        picture.quantize(128).save(Path(folder) / "label.png", optimize=True)


OURS = r"codecision|likely|look \d|surely|audit|joined|belief|as they come"


def test_no_word_is_of_this_project_alone(browser: Browser, server: Server) -> None:
    page = opened(browser, server.address, "ann")
    for _ in range(12):
        press(page, right(page))
    page.wait_for_selector("#measures")
    page.keyboard.press("?")
    page.keyboard.press("g")
    words = page.inner_text("body")
    page.get_by_role("link", name="Earlier answers").click()
    words += page.inner_text("body")
    assert re.findall(OURS, words, re.IGNORECASE) == []


def test_without_scripts_the_page_works_by_its_buttons(browser: Browser, tmp_path: Path) -> None:
    with nearby(made(tmp_path / "s")) as address:
        page = opened(browser, address, java_script_enabled=False)
        for button in ("praise", "undo", "skip", "not sure"):
            page.get_by_role("button", name=button).click()
        assert on_disk(tmp_path / "s") == {("r1", "ann"): None}
        assert page.url == f"{address}?as=ann"
