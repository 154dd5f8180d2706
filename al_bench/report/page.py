"""A report as one HTML file that needs nothing else: tables, figures, every run's id."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.frame import NOT_AVAILABLE, shared
from al_bench.report.figures.maps import champion
from al_bench.report.tables.cells import Table, headed


def captions(analysis: Analysis) -> dict[str, str]:
    metric, method = headed(analysis.spec.metric), champion(analysis)
    return {
        "claims": "Labels saved over the best baseline of each set, summed over all levels, with "
        "bootstrap 95 % intervals; diamonds: means over sets.",
        "curves": f"Learning curves: {metric}, mean over seeds with 95 % t intervals.",
        "savings": "Labels saved, summed over all levels, with bootstrap 95 % intervals.",
        "ranks": "Mean ranks over settings; joined methods do not differ (Nemenyi, 5 %).",
        "heat": f"{method}: gain in area under the curve over the best baseline, in points.",
        "recall": "Recall after the last label by the size of the class in the pool.",
        "precision": "Right answers among all labels; dotted: the whole pool.",
        "prior": f"{method}: quality of the prior alone against labels saved over random.",
    }


def page(
    analysis: Analysis, name: str, tables: Sequence[Table], figures: Mapping[str, Sequence[Path]]
) -> str:
    """The page's HTML; all that comes from data is escaped."""
    from jinja2 import Environment, StrictUndefined

    source = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    words, frame = captions(analysis), analysis.frame
    shown = [
        {"caption": words[key], "data": b64encode(files[0].read_bytes()).decode()}
        for key, files in figures.items()
    ]
    runs = frame.drop_duplicates("id").sort_values(["setting", "method", "seed", "id"])
    return template.render(
        name=name,
        summary=analysis.results.summary(),
        missing=[
            run
            for run in (*analysis.results.failed, *analysis.results.unfinished)
            if run.why != NOT_AVAILABLE  # these have a table of their own
        ],
        shared=shared(frame),
        figures=shown,
        tables=tables,
        provenance=analysis.results.provenance,
        classes=classes(analysis),
        runs=runs[["id", "setting", "method", "seed"]].to_dict("records"),
    )


def classes(analysis: Analysis) -> dict[str, Any]:
    """Class names and sizes of each setting's first run, largest first."""
    found: dict[str, Any] = {}
    for place, part in analysis.frame.groupby("setting"):
        first = part.sort_values(["seed", "id"]).iloc[0]
        if first["class_names"] is not None and first["class_counts"] is not None:
            sizes = zip(first["class_names"], first["class_counts"], strict=True)
            ordered = sorted(((str(n), int(c)) for n, c in sizes), key=lambda pair: -pair[1])
            found[str(place)] = {"seed": int(first["seed"]), "sizes": ordered}
    return found
