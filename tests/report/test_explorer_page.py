"""The explorer in a real browser: Chromium without a screen, opening a file, and no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.report import stats
from al_bench.report.claims import mean_limits
from al_bench.report.explorer.data import explorer, explorer_data
from al_bench.report.keys import Choice
from al_bench.report.savings import area, efficiency, last_level, median_share
from al_bench.report.stats import Floats
from al_bench.runs.options import Asked
from tests.chromium import IN_A_BROWSER, chromium
from tests.report.frames import LABELS, results, runs

pytest.importorskip("playwright", reason="the tests in a browser need playwright")
from playwright.sync_api import Browser, Page, expect

pytestmark = IN_A_BROWSER
SETS, METHODS, SEEDS = ("one", "two <b>three</b>"), ("margin", "mine", "random"), 4
OLD = "margin"  # whose form has changed since it was run
PATIENCE = 60_000  # milliseconds; a machine may be busy


def curves(number: int) -> Floats:
    """Curves that rise, fall and cross, a row a seed."""
    generator = np.random.default_rng(number)
    rise = 0.3 + (0.05 * number) + 0.3 * (1 - np.exp(-LABELS / 40))
    return np.asarray(rise + generator.normal(0, 0.04, (SEEDS, len(LABELS))))


def asked(choice: Choice) -> Asked | None:
    words = (f"{choice.group}={choice.option}",)
    return None if choice.option == "mine" else Asked(words, choice.option == OLD)


ABOUT = (lambda choice: "image" if choice.option == "one" else "text", asked)


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """Two sets, three methods, four seeds."""
    parts = []
    for number, (name, strategy) in enumerate((s, m) for s in SETS for m in METHODS):
        for seed, curve in enumerate(curves(number)):
            noise = 0.2 if name == "one" else "clean"
            part = runs(strategy, curve, name, noise, seeds=(0.0,), alone=0.4)
            parts.append(part.assign(seed=seed, id=part["id"] + f" {seed}"))
    return explorer_data(results(*parts), ["balanced_accuracy"], *ABOUT, {"strategy": "random"})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    tabs = {"first": data, "second": data | {"single": -1}}
    path.write_text(explorer(tabs, "A <test>"), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, file: str) -> Iterator[Page]:
    """The page, which has to say nothing on the console and ask nobody for anything."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    page, said = context.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url[:4] != "file" else 0)
    page.goto(file)
    drawn(page)
    yield page
    context.close()
    assert said == []


def drawn(page: Page) -> None:
    """Wait until the page is drawn."""
    page.wait_for_function("document.body.dataset.drawn === 'true'")


def rows(page: Page) -> list[str]:
    return page.locator("#board tr").evaluate_all("rows => rows.map(r => r.dataset.method)")


def of(data: dict[str, Any], setting: int, method: int) -> Floats:
    """The stored curves (seeds, points) of a method."""
    found = dict(data["settings"][setting]["curves"][0])[method]
    return np.array(found) / data["unit"]


def test_the_page_computes_what_the_report_does(page: Page, data: dict[str, Any]) -> None:
    """The shared cases: two sets, three methods, four seeds, curves that rise, fall and cross."""
    found = {row["method"]: row for row in page.evaluate("shown.rows")}
    grid = LABELS.astype(float)
    areas = np.array([[area(of(data, s, m), grid) for m in range(3)] for s in range(2)])
    ranks = stats.ranks(areas.mean(axis=2)).mean(axis=0)
    for method in range(3):
        row, spread = found[method], areas[:, method].var(axis=1, ddof=1) / SEEDS
        assert row["rank"] == pytest.approx(ranks[method])
        assert row["area"]["value"] == pytest.approx(areas[:, method].mean())
        limits = mean_limits(np.zeros(2), np.sqrt(spread), np.full(2, 3.0), np.arange(2))[0]
        assert row["area"]["half"] == pytest.approx(limits[1], rel=0.01)
        ends = [last_level(of(data, s, method), grid).mean() for s in range(2)]
        assert row["end"] == pytest.approx(np.mean(ends))
        best = [max({0, 1, 2} - {method}, key=areas[s].mean(axis=1).item) for s in range(2)]
        assert [cell["rival"] for cell in row["cells"]] == best
        compared(page, data, method, "best", best)
        if method != 2:
            compared(page, data, method, "chosen", [2, 2])


def compared(page: Page, data: dict[str, Any], method: int, what: str, rivals: list[int]) -> None:
    """A method's comparisons on the page are those of the report."""
    same, grid = f"shown.rows.find(row => row.method === {method})", LABELS.astype(float)
    wanted, verdicts = [], []
    for s, rival in enumerate(rivals):
        ours, theirs = of(data, s, method), of(data, s, rival)
        wanted.append(efficiency(ours, theirs, grid))
        verdicts.append(stats.Paired(area(ours, grid) - area(theirs, grid)).verdict)
        shown = page.evaluate(f"{same}.cells[{s}].{what}")
        assert (shown["flat"], shown["verdict"]) == (wanted[s].flat, verdicts[s])
        for end in ("share", "low", "high"):  # infinity comes as it is
            assert shown[end] == pytest.approx(getattr(wanted[s], end), abs=1e-6)
    median, row = median_share(wanted, ["one", "two"]), page.evaluate(f"{same}.{what}")
    assert row["share"] == pytest.approx(median.median, abs=1e-6, nan_ok=True)
    assert (row["missed"], row["sets"]) == (median.missed, median.sets)
    assert row["verdicts"] == [verdicts.count(word) for word in ("win", "tie", "loss")]


def test_one_setting_has_the_t_interval_of_its_seeds(page: Page, data: dict[str, Any]) -> None:
    page.locator("#filters").get_by_label("image").check()
    page.wait_for_function("shown.view.settings.length === 1")
    (row,) = (r for r in page.evaluate("shown.rows") if r["method"] == 1)
    areas = area(of(data, 0, 1), LABELS.astype(float))
    assert row["area"]["half"] == pytest.approx(stats.t_band(areas[:, None])[0])
    one = page.evaluate("shown.curves.get(1)")
    band = stats.t_band(of(data, 0, 1))
    assert [p["high"] - p["y"] for p in one] == pytest.approx(band.tolist())


def test_every_method_is_ranked_in_the_settings_it_has_and_they_are_counted(
    browser: Browser, tmp_path: Path
) -> None:
    rise, product = LABELS / 400, "product_balanced_accuracy"
    parts = [
        runs(name, rise + level, dataset).assign(**{product: lambda f: 1 - f["balanced_accuracy"]})
        for name, level, dataset in [
            ("low", 0.45, "one"), ("low", 0.45, "two"), ("high", 0.5, "one"), ("high", 0.5, "two"),
            ("best", 0.6, "two"),
        ]
    ]  # fmt: skip
    found = explorer_data(results(*parts), ["balanced_accuracy", product], *ABOUT)
    path = tmp_path / "some.html"
    path.write_text(explorer({"some": found}, "Some"), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(path.as_uri())
    drawn(page)
    heads = page.locator("#board tr").all_inner_texts()
    assert [text.split()[:2] for text in heads] == [
        ["1.5", "high"], ["2.5", "low"], ["In", "some"], ["1.0", "1"],
    ]  # fmt: skip
    assert "1 of 2" in heads[3]
    assert "best" in heads[3]
    rivals = "shown.rows[0].cells.map(c => results.methods[c.rival].name)"
    assert page.evaluate(rivals) == ["low", "best"]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("#board").get_by_role("button", name="best").click()
    page.locator("#sets").get_by_role("button", name="two", exact=True).click()
    page.wait_for_function("shown.curves.size === 3")
    page.close()


def test_filters_leave_some_and_ranks_are_theirs(page: Page) -> None:
    assert sorted(rows(page)) == sorted(METHODS)
    page.locator("fieldset", has_text="Query rule").get_by_label("margin").check()
    page.locator("fieldset", has_text="Query rule").get_by_label("random").check()
    expect(page.locator("#board tr")).to_have_count(2)
    assert page.evaluate("document.activeElement.value") == "random"  # where the keyboard was
    ranks = page.locator("#board .rank").all_text_contents()
    assert sum(map(float, ranks)) == 3
    page.get_by_role("button", name="show all").click()
    expect(page.locator("#board tr")).to_have_count(3)


def test_a_permalink_opens_the_same_view(page: Page, browser: Browser) -> None:
    page.locator("#filters").get_by_label("20 % label noise").check()
    page.get_by_label("Opponent", exact=True).select_option(label="margin")
    page.get_by_label("Draw random in colour").uncheck()
    page.locator("#board").get_by_role("button", name="mine").click()
    page.wait_for_function("state.method !== null")
    drawn(page)
    page.mouse.move(1, 1)
    page.get_by_label("Metric").focus()
    lines = "document.querySelector('main').innerText.split('\\n').sort().join('\\n')"
    page.wait_for_function("hovered === null")
    page.evaluate("charts.view.runAsync().then(() => null)")
    text = page.evaluate(lines)
    other = browser.new_page(viewport={"width": 1500, "height": 1000})
    other.goto(page.url)
    drawn(other)
    other.wait_for_function(f"text => {lines} === text", arg=text)  # ticks have no order
    assert other.evaluate("JSON.stringify(state)") == page.evaluate("JSON.stringify(state)")
    other.close()


def test_a_link_to_what_is_not_there_opens_the_page_as_it_is(page: Page, file: str) -> None:
    page.goto("about:blank")  # or only the part behind the # would change
    page.goto(f"{file}#noise=loud&against=nobody&tab=900&pin=x&sort=constructor&set=%E0%A4")
    expect(page.locator("#board tr")).to_have_count(3)


def test_a_row_lights_its_curve_with_the_pointer_and_with_the_keyboard(page: Page) -> None:
    page.get_by_label("Draw mine in colour").uncheck()
    page.mouse.move(1, 1)
    page.get_by_label("Metric").focus()
    page.wait_for_function("!shown.colours.has(1) && hovered === null")
    drawn = "charts.view.data('lit').some(one => one.m === 1)"
    assert not page.evaluate(drawn)
    page.locator("#board").get_by_role("button", name="mine").focus()
    page.wait_for_function(drawn)
    page.get_by_label("Metric").focus()
    page.wait_for_function(f"!({drawn})")
    page.locator("#board tr", has_text="mine").hover()
    page.wait_for_function(drawn)


def test_a_tab_shows_the_other_results(page: Page) -> None:
    page.get_by_role("link", name="second").click()
    page.wait_for_function(
        "typeof tab !== 'undefined' && tab === 1 && document.body.dataset.drawn === 'true'"
    )
    expect(page.get_by_label("Opponent", exact=True)).to_have_value("-1")
    page.locator("#board").get_by_role("button", name="mine").click()
    page.wait_for_function("location.hash.includes('tab=1')")


def test_a_set_is_looked_into_and_its_command_given(page: Page) -> None:
    page.locator("#board").get_by_role("button", name="random").click()
    row = page.locator("#sets tr").first
    row.get_by_role("button", name=re.compile("^Command")).click()
    said = page.locator("#command").inner_text()
    assert said.startswith("albench run dataset=one ")
    assert said.endswith("seed=0,1,2,3")
    assert "strategy=random" in said
    expect(page.locator("#renewed")).to_be_empty()
    row.get_by_role("button").first.click()
    expect(page.locator("#chart-title")).to_contain_text("one · 20 % label noise")
    page.locator("#board").get_by_role("button", name="mine").click()
    expect(page.locator("#drill-title")).to_contain_text("mine, set by set")
    page.locator("#sets tr").last.get_by_role("button", name=re.compile("^Command")).click()
    assert "--config-dir YOUR_CONFIGS" in page.locator("#command").inner_text()
    page.locator("#board").get_by_role("button", name="margin").click()
    expect(page.locator("#drill-title")).to_contain_text("margin, set by set")
    page.locator("#sets tr").last.get_by_role("button", name=re.compile("^Command")).click()
    expect(page.locator("#renewed")).to_contain_text("strategy=margin was renewed")


def test_names_never_become_markup(page: Page) -> None:
    assert page.locator("b").count() == 0
    expect(page.locator("h1")).to_have_text("A <test>")
    page.locator("#panels-box > summary").click()
    expect(page.locator("#panels svg")).to_be_visible()
    assert page.locator("b").count() == 0


def test_every_control_has_a_name_and_dark_is_dark(browser: Browser, file: str) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(file)
    drawn(page)
    unnamed = """[...document.querySelectorAll('button, input, select')].filter(one =>
        !(one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.length))"""
    assert page.evaluate(f"{unnamed}.map(one => one.outerHTML)") == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 20, 22)"
    page.close()
