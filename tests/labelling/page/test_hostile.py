"""What nobody sends by the page: refused in one sentence, and nothing is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from al_bench.labelling.page.app import LONGEST
from al_bench.labelling.store import Store
from tests.labelling.page.pages import Browser, field, made, page

FORMS = ("answer", "skip", "undo", "name", "guideline")
FORM = "application/x-www-form-urlencoded"


def written(folder: Path) -> int:
    """How many answers and decisions there are."""
    store = Store.open(folder)
    count = store.count("answers") + store.count("decisions")
    store.close()
    return count


def good(browser: Browser) -> dict[str, str]:
    """The fields of a form that would be taken."""
    shown = browser.see()
    names = ("csrf", "as", "suggestion")
    return {name: field(shown, name) for name in names} | {"answer": "praise", "seconds": "1"}


def assert_refused(browser: Browser, status: int, sent: object) -> None:
    """One line was said, with this status, and nothing reached the disk."""
    text, code = sent.text, sent.status_code  # type: ignore[attr-defined]
    assert code == status, text
    assert text.strip()
    assert "\n" not in text.strip()
    assert "Traceback" not in text
    assert len(text) < 300
    assert written(browser.view.session.service.folder) == 0


def test_the_form_that_the_others_are_made_of_is_taken(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        assert browser.post("/answer", data=good(browser)).status_code == 303
        assert written(tmp_path) == 1


CHANGED: dict[str, tuple[dict[str, str | None], int]] = {
    "a class of no session": ({"answer": "spam"}, 400),
    "an empty class": ({"answer": ""}, 400),
    "a class of markup": ({"answer": "<script>alert(1)</script>"}, 400),
    "a class with a null": ({"answer": "praise\0"}, 400),
    "both a class and not sure": ({"unsure": "1"}, 400),
    "an unknown suggestion": ({"suggestion": "999"}, 404),
    "suggestion 0": ({"suggestion": "0"}, 404),
    "a suggestion in other digits": ({"suggestion": "١"}, 400),
    "a suggestion beyond 64 bits": ({"suggestion": "9" * 400}, 400),
    "negative seconds": ({"seconds": "-3"}, 400),
    "seconds that are no number": ({"seconds": "nan"}, 400),
    "a suggestion of somebody else": ({"as": "bob"}, 403),
    "nobody": ({"as": ""}, 400),
    "a name with a line break": ({"as": "ann\nbob"}, 400),
    "a name that turns the text": ({"as": "ann\u202e"}, 400),
    "a name that fills a page": ({"as": "a" * 5000}, 400),
    "the name of labels that came with the data": ({"as": "given"}, 400),
    "a forged secret": ({"csrf": "forged"}, 403),
    "an empty secret": ({"csrf": ""}, 403),
    "no secret": ({"csrf": None}, 403),
    "no name": ({"as": None}, 400),
    "no suggestion": ({"suggestion": None}, 400),
    "no answer": ({"answer": None}, 400),
    "a comment that fills a page": ({"comment": "a" * 1001}, 400),
}


@pytest.mark.parametrize(("fields", "status"), CHANGED.values(), ids=CHANGED)
def test_an_answer_that_the_page_would_not_send_is_refused(
    tmp_path: Path, fields: dict[str, str | None], status: int
) -> None:
    with page(made(tmp_path)) as browser:
        sent = {k: v for k, v in (good(browser) | fields).items() if v is not None}
        assert_refused(browser, status, browser.post("/answer", data=sent))


BODIES = {
    "no form": (b"praise", 400),
    "escapes that are no UTF-8": (b"as=%FF%FE&csrf=x", 400),
    "JSON": (b'{"answer": "praise"}', 400),
    "a field twice": (b"as=ann&as=bob", 400),
    "a thousand fields": (b"&".join(b"f%d=1" % i for i in range(1000)), 400),
    "more than is read": (b"as=" + b"a" * LONGEST, 413),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_form_is_refused(tmp_path: Path, body: bytes, status: int) -> None:
    with page(made(tmp_path)) as browser:
        browser.see()
        for form in FORMS:
            sent = browser.post(f"/{form}", content=body, headers={"content-type": FORM})
            assert_refused(browser, status, sent)


def test_a_body_that_does_not_say_how_long_it_is_is_refused(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        endless = (b"a" * 1000 for _ in range(3))
        sent = browser.post("/answer", content=endless, headers={"content-type": FORM})
        assert_refused(browser, 411, sent)


ORIGINS = [None, "null", "", "http://evil.example", "http://127.0.0.1.evil.example",
           "https://evil.example/127.0.0.1"]  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_write_from_another_origin_is_refused(tmp_path: Path, origin: str | None) -> None:
    with page(made(tmp_path)) as browser:
        fields = good(browser)
        del browser.headers["origin"]
        headers = {} if origin is None else {"origin": origin}
        for form in FORMS:
            assert_refused(browser, 403, browser.post(f"/{form}", data=fields, headers=headers))


PATHS = ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/%00",
         "/session.sqlite", "/image/0", "/image/99", "/image/../../etc/passwd",
         "/image/..%2f..%2fetc%2fpasswd", "/image/" + "9" * 30]  # fmt: skip
REQUESTS = [
    *(("POST", "/answer", {"content-type": kind}, 415)
      for kind in ("multipart/form-data; boundary=x", "application/json", "text/plain", "")),
    *(("POST", "/answer", {"content-type": FORM, "sec-fetch-site": site}, 403)
      for site in ("cross-site", "same-site", "none")),
    *((method, "/answer", {"content-type": FORM}, 405)
      for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")),
    *(("GET", path, {}, 404) for path in PATHS),  # none leads out of the page
    *(("GET", "/", {"host": host}, 400)
      for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[")),
    ("POST", "/answer", {"host": "evil.example", "origin": "http://evil.example"}, 400),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "headers", "status"), REQUESTS)
def test_what_no_browser_sends_from_this_page_is_refused(
    tmp_path: Path, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    with page(made(tmp_path)) as browser:
        browser.see()
        content = b"as=ann" if headers else None
        sent = browser.request(method, path, content=content, headers=headers)
        assert_refused(browser, status, sent)


def test_a_write_without_the_cookie_is_refused(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        fields = good(browser)
        browser.cookies.clear()
        assert_refused(browser, 403, browser.post("/answer", data=fields))


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1:1234", "[::1]:80"])
def test_this_machines_own_names_are_known_whatever_the_port(tmp_path: Path, host: str) -> None:
    with page(made(tmp_path)) as browser:
        assert browser.get("/name", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("query", ["", "?token=", "?token=secret2", "?token=%FF", "?token=ä"])
def test_a_token_that_is_not_the_one_opens_nothing(tmp_path: Path, query: str) -> None:
    with page(made(tmp_path), token="secret") as browser:
        for path in ("/", "/name", "/panel", "/static/page.js"):
            assert_refused(browser, 403, browser.get(path + query))
        assert_refused(browser, 403, browser.post("/answer" + query, data={"as": "ann"}))
        assert not browser.cookies
        browser.cookies.set("token-80", "forged")
        assert_refused(browser, 403, browser.get("/?as=ann"))


NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</article></section><form action=//evil.example>",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "' hx-get=//evil.example hx-trigger=load x='",
    "\x1b[2J\x07",
    "a" * 200_000,
    "‮txet denrut",
    "&lt;b&gt; stays as it was written",
]


@pytest.mark.parametrize("text", NASTY)
def test_texts_ids_classes_and_names_are_text_on_the_page(tmp_path: Path, text: str) -> None:
    name = re.sub(r"[^\w <>=()/'\"{}*%.:&;!-]", "", text)[:50].strip()
    session = made(tmp_path, texts=[text], classes=(name, "other"))
    with page(session) as browser:
        plain = made(tmp_path / "plain", texts=["text"], classes=("class", "other"))
        with page(plain) as other:
            wanted = tags(other.see())
        assert tags(browser.see(name)) == wanted
        assert "49{%" not in browser.see(name)


def tags(shown: str) -> list[str]:
    """The tags and names of attributes of a page, in their order."""
    from html.parser import HTMLParser

    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(f"{tag} {' '.join(name for name, _ in attrs)}")

    Reader().feed(shown)
    return found


def test_an_answer_that_the_full_disk_does_not_take_is_not_called_saved(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        fields = good(browser)
        connection = browser.view.session.store.connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")  # as if the disk ended here
        taken, sent = 0, browser.post("/answer", data=fields)
        while sent.status_code == 303:
            taken, sent = taken + 1, browser.post("/answer", data=fields)
        assert sent.status_code == 503
        assert "disk is full" in sent.text
        assert written(tmp_path) == taken


# --- images ---------------------------------------------------------------------------------------


def picture(path: Path, size: tuple[int, int] = (40, 20)) -> Path:
    Image.new("RGB", size, "teal").save(path)
    return path


def broken(folder: Path, kind: str) -> Path:
    """An image file that was right when it came, or is nothing that may be sent to a browser."""
    path = folder / "image.png"
    if kind == "no image":
        path.write_text("<script>alert(1)</script>")
    elif kind == "a drawing that could run":
        path.write_text('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')
    elif kind == "cut off":
        whole = picture(folder / "whole.png", (400, 400)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "a bomb":
        picture(path, (8000, 8000))
    return path


@pytest.mark.parametrize("kind", ["no image", "a drawing that could run", "cut off", "a bomb"])
def test_a_file_that_is_no_image_is_not_sent(tmp_path: Path, kind: str) -> None:
    session = made(tmp_path / "s", images=[broken(tmp_path, kind)])
    with page(session) as browser:
        assert 'src="image/1"' in browser.see()
        sent = browser.get("/image/1")
        assert_refused(browser, 422, sent)
        assert str(tmp_path) not in sent.text


def test_an_image_that_changed_or_is_gone_is_not_sent(tmp_path: Path) -> None:
    path = picture(tmp_path / "image.png")
    with page(made(tmp_path / "s", images=[path])) as browser:
        browser.see()
        picture(path, (30, 30))
        assert_refused(browser, 410, browser.get("/image/1"))
        path.unlink()
        assert_refused(browser, 410, browser.get("/image/1"))


def test_an_image_is_sent_as_pixels_alone_and_no_larger_than_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.new("RGB", (4000, 1000), "teal").save(path, pnginfo=secret())
    with page(made(tmp_path / "s", images=[path])) as browser:
        browser.see()
        sent = browser.get("/image/1")
        assert sent.headers["content-type"] == "image/jpeg"
        assert sent.content.startswith(b"\xff\xd8")
        assert b"secret" not in sent.content
        (tmp_path / "sent.jpg").write_bytes(sent.content)
        assert Image.open(tmp_path / "sent.jpg").size == (1600, 400)


def secret() -> object:
    from PIL.PngImagePlugin import PngInfo

    words = PngInfo()
    words.add_text("Comment", "secret")
    return words


def test_a_row_that_was_not_suggested_shows_no_image(tmp_path: Path) -> None:
    images = [picture(tmp_path / f"{i}.png") for i in range(5)]
    with page(made(tmp_path / "s", images=images)) as browser:
        browser.see()
        assert browser.get("/image/3").status_code == 200
        assert_refused(browser, 404, browser.get("/image/4"))
