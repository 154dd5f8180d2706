"""The site's pages are the repository's, where they lie: a hook of MkDocs (`make site`).

Every page goes into the site under its own path, so that links between pages mean there what they
mean in the repository. A file of another kind that a page links to goes in as it is; a folder gets
a page that lists what it holds. Two pages are made: the API and the figures.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = (
    "*.md", "docs/**/*.md", "examples/*.md", "examples/*.ipynb",
    "results/tables/*.md", "results/benchmarks/*.md", "results/priors/*.md",
)  # fmt: skip
LAST = ("CHANGELOG", "results/", "gallery")
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
EXPORT = re.compile(r"^from \.?[\w.]* import \w+ as (\w+)$", re.MULTILINE)
API = ("", "strategies", "supervision", "priors", "learners", "belief", "crowd", "data",
       "labelling")  # fmt: skip


def local(page: Path, link: str) -> Path | None:
    """The file or folder of the repository that a page's link leads to."""
    target = (page.parent / link).resolve()
    return target if "://" not in link and target.exists() else None


def linked(pages: list[Path]) -> list[Path]:
    """What pages link to and is no page, sorted."""
    links = [(page, link) for page in pages for _, link, _ in LINK.findall(page.read_text("utf-8"))]
    found = {target for page, link in links if (target := local(page, link)) is not None}
    return sorted(found - set(pages))


def listing(folder: Path) -> str:
    """A page of the files in a folder."""
    inside = sorted(path for path in folder.iterdir() if path.is_file())
    lines = [f"* [{path.name}]({path.name})" for path in inside]
    return "\n".join([f"# {folder.relative_to(ROOT)}", "", *lines, ""])


def gallery(pages: list[Path]) -> str:
    """A page of all figures of result pages: by the page's question, with what each shows."""
    parts = ["# Figures", "", "By the question that they help to answer; each question is a page."]
    shown = set()
    for page in pages:
        text = page.read_text("utf-8")
        question = text.partition("\n")[0].removeprefix("# ")
        for caption, figure in re.findall(r"\[([^\]]*)\]\(([^)]+\.png)\)", text):
            place = (page.parent / figure).resolve().relative_to(ROOT)
            heading = (
                [] if question in shown else ["", f"## [{question}]({page.relative_to(ROOT)})"]
            )
            parts += [] if place in shown else [*heading, "", f"![{caption}]({place})", "", caption]
            shown |= {question, place}
    return "\n".join([*parts, ""])


def api() -> str:
    """A page of all public names, from the packages' stubs."""
    parts = ["# API"]
    for package in API:
        name = ".".join(filter(None, ("al_bench", package)))
        stub = (ROOT / name.replace(".", "/") / "__init__.pyi").read_text("utf-8")
        parts += ["", f"# {name}"]
        parts += [f"\n::: {name}.{public}" for public in EXPORT.findall(stub)]
    return "\n".join([*parts, ""])


@event_priority(100)  # before notebooks become pages
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put the repository's pages, and what they link to, in the place of the folder's own."""
    for file in list(files):
        if file.src_dir == config.docs_dir:
            files.remove(file)
    pages = sorted(path for pattern in PAGES for path in ROOT.glob(pattern))
    texts = [page for page in pages if page.suffix == ".md"]
    others = linked(texts)
    folders = [path for path in others if path.is_dir()]
    inside = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    scripts = {ROOT / script for script in config.extra["polyfills"]}
    for path in {*pages, *inside, *scripts, *(path for path in others if path.is_file())}:
        files.append(File(path.relative_to(ROOT).as_posix(), str(ROOT), config.site_dir, False))
    for folder in folders:
        place = (folder.relative_to(ROOT) / "index.md").as_posix()
        files.append(File.generated(config, place, content=listing(folder)))
    tables = [page for page in texts if page.parent == ROOT / "results/tables"]
    files.append(File.generated(config, "gallery.md", content=gallery(tables)))
    files.append(File.generated(config, "api.md", content=api()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to folders lead to pages that list them; a search finds changes and results last."""
    source = ROOT / page.file.src_uri
    if page.file.src_uri.startswith(LAST):
        page.meta["search"] = {"boost": 0.1}

    def whole(link: re.Match[str]) -> str:
        target = local(source, link[2])
        if target is None or not target.is_dir():
            return link[0]
        return f"{link[1]}{link[2].rstrip('/')}/index.md{link[3]}"

    return LINK.sub(whole, markdown)
