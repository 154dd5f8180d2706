"""The documentation as `make site` built it, opened in a browser from its files."""

import re
from pathlib import Path

import pytest

from tests.chromium import IN_A_BROWSER, chromium

pytest.importorskip("playwright", reason="the tests in a browser need playwright")
from playwright.sync_api import expect

SITE = Path(__file__).parents[1] / "build" / "site"
PAGES = ("index.html", "api.html", "gallery.html")
pytestmark = [
    *IN_A_BROWSER,
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="there is no site: make site"),
]


def test_no_page_loads_anything_from_another_host() -> None:
    tags = r"<(?:script|img|iframe|source)\b[^>]*\bsrc=|<link\b[^>]*rel=.?stylesheet[^>]*href="
    loaded = re.compile(f"(?:{tags}).?(?:https?:)?//[^>]*>")
    pages = list(SITE.rglob("*.html"))
    assert {str(page.relative_to(SITE)) for page in pages} >= {*PAGES}
    found = {page.name: loaded.findall(page.read_text("utf-8")) for page in pages}
    assert {name: tags for name, tags in found.items() if tags} == {}


def test_the_site_searches_without_a_network_and_finds_how_to_add_a_strategy_first() -> None:
    with chromium() as browser:
        page, asked = browser.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        for path in (*(SITE / name for name in PAGES), next(SITE.glob("examples/*.html"))):
            page.goto(path.as_uri())
            query = page.get_by_role("textbox", name="Search")
            query.press_sequentially("add strategy")
            first = page.locator(".md-search-result__item").first
            expect(first).to_contain_text(
                re.compile(r"(add|your own).* strateg", re.I), timeout=60_000
            )
        assert {url.partition(":")[0] for url in asked} <= {"file", "blob", "data", "about"}
