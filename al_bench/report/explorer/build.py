"""The explorer's page: its data, its scripts and a chart library in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

LIBRARIES = ("vega", "vega-lite")  # unchanged, from the npm packages of these names
SCRIPTS = ("arithmetic", "results", "state", "specs", "charts", "tables", "drawing", "page")


def explorer(data: Mapping[str, Any], title: str) -> str:
    """The whole page of `explorer_data`; the same data give the same text. Takes no network, and
    works from a file."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    here = files("al_bench.report.explorer")

    def read(name: str) -> str:
        return (here / name).read_text(encoding="utf-8")

    scripts = [f"vendor/{name}.min.js" for name in LIBRARIES] + [f"{name}.js" for name in SCRIPTS]
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        read("page.html")
    )
    return template.render(
        title=title,
        data=data,
        json=Markup(embedded(data)),
        style=Markup(read("style.css")),
        scripts=[Markup(closed(read(script))) for script in scripts],
    )


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in, whatever names are in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def closed(script: str) -> str:
    """A script that says nothing of the element it stands in; ValueError where it would end it."""
    if "</script" in script.lower():
        raise ValueError("a script of the explorer has '</script', which would end its element")
    return script
