"""The page that says what an export is, for whoever finds it later."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files

from al_bench.labelling.settings import Estimate, Settings, Status


def page(settings: Settings, status: Status, estimate: Estimate | str, model: bool) -> str:
    """HTML: how many labels by class and annotator, how good the model is or why nobody knows, and
    how it was made; all texts escaped, nothing fetched. model: whether its weights lie beside the
    page."""
    from jinja2 import Environment

    source = (files("al_bench.labelling") / "report.html").read_text("utf-8")
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        source
    )
    most = max([1, *status.counts.values()])
    return template.render(
        settings=settings, status=status, estimate=estimate, model=model, most=most,
        version=version("al-bench"),
    )  # fmt: skip
