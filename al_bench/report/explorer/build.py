"""The explorer's page: its data, its scripts and a chart library in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

LIBRARIES = ("vega", "vega-lite")  # unchanged, from the npm packages of these names
SCRIPTS = ("arithmetic", "results", "state", "specs", "charts", "tables", "drawing", "page")


def explorer(tabs: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """The whole page for the `explorer_data` of each tab; the same data give the same text."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    here = files("al_bench.report.explorer")
    names = [f"vendor/{name}.min.js" for name in LIBRARIES] + [f"{name}.js" for name in SCRIPTS]
    page, style, *scripts = (
        (here / name).read_text(encoding="utf-8") for name in ("page.html", "style.css", *names)
    )
    text = json.dumps([*tabs.values()], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (
        Environment(autoescape=True, undefined=StrictUndefined)
        .from_string(page)
        .render(
            title=title,
            tabs=tabs,
            json=Markup(text.replace("<", "\\u003c")),  # cannot close its script element
            style=Markup(style),
            scripts=list(map(Markup, scripts)),
        )
    )
