"""What pages say of files holds: links lead to files and headings, and quoted paths exist."""

import re
from pathlib import Path

import pytest

from al_bench.cli.main import main
from al_bench.runs.component import identified, name_of
from al_bench.runs.config import resolved, run_spec
from al_bench.runs.plan import composed

ROOT = Path(__file__).parents[1]
PAGES = sorted(p for folder in (".", "docs", "examples") for p in (ROOT / folder).glob("*.md"))
PAGES += sorted((ROOT / "docs").glob("*/**/*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([\w-]+/[\w./-]*\.(?:py|yaml|npz|md))`")
MADE = ("results/", "mine/")  # by runs, and by the reader

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, link: str) -> bool:
    place, _, anchor = link.partition("#")
    target = page.parent / place if place else page
    return target.exists() and (not anchor or anchor in anchors(target))


@each_page
def test_every_link_leads_to_a_file_or_a_heading_of_one(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not leads_somewhere(page, link)] == []


@each_page
def test_every_quoted_path_is_one_of_the_repository_or_the_package(page: Path) -> None:
    paths = [p for p in QUOTED.findall(page.read_text("utf-8")) if not p.startswith(MADE)]
    assert [p for p in paths if not any((ROOT / r / p).exists() for r in ("", "al_bench"))] == []


@each_page
def test_every_command_of_a_page_is_one_that_there_is(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--help"]) == 0
    known = set(re.findall(r"^  (\w+) ", capsys.readouterr().out, re.MULTILINE))
    assert "verify" in known
    lines = re.findall(r"^(?:\S*/)?albench (\w+)", page.read_text("utf-8"), re.MULTILINE)
    assert set(lines) <= known


def test_the_configuration_that_the_method_is_named_by_is_what_its_options_compose() -> None:
    """A default that changes makes another method: its claims are to be made anew, and its name."""
    ours = [
        "strategy=codecision",
        "strategy@init=fm_balanced",
        "supervision=posterior_labels_pool",
        "learner=linear_on_prior",
    ]
    one = run_spec(resolved(composed([*ours, "dataset=vader", "seed=0"], None)).__getitem__)
    groups = ("strategy", "supervision", "init", "learner", "proxy_selection")
    name = name_of(identified({group: one.get(group) for group in groups}))
    assert f"configuration `{name}`" in (ROOT / "docs/method.md").read_text("utf-8")
    assert f"(configuration {name})" in (ROOT / "results/tables/savings.md").read_text("utf-8")


WHERE = re.findall(
    r"^\| .+\? \| `([\w/]+\.py)` \| `(\w+)` \|$",
    (ROOT / "CONTRIBUTING.md").read_text("utf-8"),
    re.M,
)


def test_twenty_questions_of_where_something_is_are_answered_by_one_file_each() -> None:
    assert len(WHERE) >= 20
    assert len(set(WHERE)) == len(WHERE)


@pytest.mark.parametrize(("file", "name"), WHERE)
def test_what_is_asked_for_is_in_the_file_that_the_answer_names(file: str, name: str) -> None:
    text = (ROOT / "al_bench" / file).read_text("utf-8")
    assert re.search(rf"^(class|def) {name}\b", text, re.M)
