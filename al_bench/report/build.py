"""From results to files: a page, tables, figures and all details of one experiment."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from al_bench.report.analysis import Analysis
from al_bench.report.claims import at_once
from al_bench.report.figures.figures import figures
from al_bench.report.results import NOT_AVAILABLE
from al_bench.report.tables.claims import at_a_glance
from al_bench.report.tables.render import Table, headed, latex, markdown_text, section
from al_bench.report.tables.tables import answer, capital, closed, tables

MOST = 40  # rows of a table on the page
LISTED = 5  # most names in a sentence


def write_report(analysis: Analysis, name: str, out: Path) -> list[Path]:
    """Write a page, its table as LaTeX, figures, all cells as details, and HTML with all of it;
    with `report.glance` a page <name>_glance.md too."""
    every, glance = tables(analysis), at_once(analysis.claims, analysis.spec.glance)
    shown = every[: 2 if analysis.claims else 1]
    folder = out / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = figures(analysis, out / "figures" / name)
    texts = {
        folder / f"{name}.md": page(analysis, name, shown, drawn),
        folder / f"{name}.tex": latex(shown, analysis.results.summary()),
        out / f"{name}.html": html(analysis, name, every, drawn),
    }
    if glance:
        table = at_a_glance(glance, analysis.names)
        texts[folder / f"{name}_glance.md"] = page(analysis, name, [table], drawn, "budget")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    stored = write_details(every, out / "details" / f"{name}.parquet")
    return [*texts, stored, *(path for files in drawn.values() for path in files)]


def write_details(tables: Sequence[Table], path: Path) -> Path:
    """Every cell of every table, as text: table, row, column, value; the notes are metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = [
        {"table": table.title, "row": row, "column": column, "value": value}
        for table in tables
        for row, values in enumerate(table.rows)
        for column, value in zip(table.header, values, strict=True)
    ]
    notes = json.dumps({table.title: table.note for table in tables})
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = pa.Table.from_pylist(cells).replace_schema_metadata({"notes": notes})
    pq.write_table(stored, path, compression="zstd", compression_level=19)
    return path


def captions(analysis: Analysis) -> dict[str, str]:
    """What each figure of an experiment shows, in a sentence."""
    names, many = analysis.names, len(analysis.settings)
    metric, method = headed(analysis.spec.metric), names.method(analysis.champion)
    where = f"in {many} settings"
    if many == 1:
        where = f"on {names.setting(analysis.settings[0].curves.setting)}"
    held = [one for one in analysis.claims if one.sets and one.ours == analysis.champion]
    opponents = [one.claim.name for one in held]
    lines = [one.claim.name for one in at_once(analysis.claims, analysis.spec.lines)]
    return {
        "claims": f"{capital(closed(method))} against {listed(opponents, 'opponents')}: the share "
        "of the budget at which it reaches their final accuracy, and the difference in area under "
        "the budget curve, with 95 % CIs over seeds.",
        "budget": f"{capital(metric)} over the budget, mean over the data sets: {closed(method)} "
        f"and {listed(lines, 'others')}.",
        "curves": f"Learning curves of {closed(method)} and other methods {where}: {metric}, mean "
        "over seeds with 95 % t intervals.",
        "ranks": f"Mean ranks of {len(analysis.ranked[0])} methods {where}, with 95 % t "
        "intervals; the best are named, and random.",
        "heat": f"{capital(method)}: gain in area under the curve over the best baseline {where}, "
        "in points.",
        "recall": f"Recall after the last label by the size of the class in the pool, {where}.",
        "precision": f"Right answers among all labels {where}; dotted: the whole pool.",
        "ladder": f"What labels add at the end to each foundation model, by how good it is alone, "
        f"{where}, with 95 % t intervals over seeds; of each query rule the best method.",
    }


def listed(names: Sequence[str], kind: str) -> str:
    """`a, b and c`; of many only how many there are."""
    if len(names) > LISTED:
        return f"{len(names)} {kind}"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def page(
    analysis: Analysis,
    name: str,
    tables: Sequence[Table],
    figures: Mapping[str, Sequence[Path]],
    shown: str = "",
) -> str:
    """A page in Markdown: question, answer, the figure `shown` or the first, tables, and links."""
    spec = analysis.spec
    links = {key: f"../figures/{quote(files[0].name)}" for key, files in figures.items()}
    first = shown if shown in links else next(iter(links), None)
    words = {key: markdown_text(text) for key, text in captions(analysis).items()}
    others = [f"* [{words[key]}]({link})" for key, link in links.items() if key != first]
    file = f"{quote(name)}.parquet"
    alike = [f"{group}: {text}" for group, text in analysis.names.shared().items()]
    missing = missing_parts(analysis)
    ours = dict.fromkeys(result.ours for result in analysis.claims if result.ours)
    named = [f"{analysis.names.method(method)} (configuration {method.id})" for method in ours]
    parts = [
        f"# {markdown_text(spec.question or f'What do the runs of {name} show?')}",
        markdown_text(answer(analysis)),
        f"![{words[first]}]({links[first]})\n\n{words[first]}" if first else "",
        *(section(table, MOST) for table in tables),
        "## What is missing\n\n" * bool(missing)
        + "\n".join(f"* {markdown_text(one)}" for one in missing),
        "## Details",
        markdown_text(f"{analysis.results.summary()}. The same in all: {', '.join(alike)}."),
        markdown_text(f"Ours: {'; '.join(named)}.") if named else "",
        f"Every table, cell by cell, and the configuration of each method: "
        f"[details](../details/{file}) (table, row, column, value). "
        f"Every round of every run: [rounds](../{file}).",
        "More figures:\n\n" * bool(others) + "\n".join(others),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def missing_parts(analysis: Analysis) -> list[str]:
    gone = [analysis.names.all(run.setting) or run.what for run in analysis.results.unavailable]
    found = [f"{n}, {gone.count(n)} runs: {NOT_AVAILABLE}." for n in dict.fromkeys(gone)]
    found += [
        f"Of {choice.option} at most {choice.node['limit']:,} rows of each split were used "
        "(`dataset.limit`): a quick try, and no result of the data set."
        for choice in sorted({setting.choice("dataset") for setting in analysis.parts})
        if "limit" in choice.node
    ]
    found += [f"{why}." for why in analysis.roles.missing]
    found += [f"{c.claim.name}: {why}." for c in analysis.claims for why in c.missing]
    if analysis.problems.unchecked:
        found.append(
            f"{analysis.problems.unchecked} runs do not say what problem they met; whether runs of "
            "one setting and seed had the same pool and answers is not checked for them."
        )
    if analysis.problems.rounded:
        found.append(
            f"{analysis.problems.rounded} problems (a setting and seed) have several digests, as "
            "processors round features otherwise; their sizes, labels and the prior's accuracy are "
            "equal."
        )
    return found


def html(
    analysis: Analysis, name: str, tables: Sequence[Table], figures: Mapping[str, Sequence[Path]]
) -> str:
    """The whole report as one HTML file; text from data is escaped."""
    from jinja2 import Environment, StrictUndefined

    source = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    results, words = analysis.results, captions(analysis)
    drawn = {key: b64encode(files[0].read_bytes()).decode() for key, files in figures.items()}
    return template.render(
        name=name,
        summary=results.summary(),
        failed=[r for r in (*results.failed, *results.unfinished) if r.why != NOT_AVAILABLE],
        missing=missing_parts(analysis),
        shared=analysis.names.shared(),
        figures=[{"caption": words[key], "data": data} for key, data in drawn.items()],
        tables=tables,
        provenance=results.provenance,
    )
