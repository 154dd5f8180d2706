"""One call from results to files: a page, tables, figures and all details of one experiment."""

from __future__ import annotations

import json
from pathlib import Path

from al_bench.analysis.analysis import Analysis, analyse
from al_bench.analysis.frame import Results
from al_bench.analysis.spec import ReportSpec
from al_bench.report.figures.figures import figures
from al_bench.report.page import html, page
from al_bench.report.tables.cells import Table
from al_bench.report.tables.render import latex
from al_bench.report.tables.tables import details, summary


def report(results: Results, name: str, out: Path, spec: ReportSpec) -> list[Path]:
    """Write under `out` tables/<name>.md (a page of 200 lines at most) and .tex, figures, every
    table's cells as details/<name>.parquet, and <name>.html with all of it.

    The same results give the same bytes. Returns what was written; ValueError where there is no
    finished run, or the spec selects what the runs do not have.
    """
    return write(analyse(results, spec), name, out)


def write(analysis: Analysis, name: str, out: Path) -> list[Path]:
    """The files of a report whose numbers are there."""
    shown, rest = summary(analysis), details(analysis)
    folder = out / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = figures(analysis, out / "figures" / name)
    texts = {
        folder / f"{name}.md": page(analysis, name, shown, drawn),
        folder / f"{name}.tex": latex(shown, analysis.results.summary()),
        out / f"{name}.html": html(analysis, name, [*shown, *rest], drawn),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    stored = write_details([*shown, *rest], out / "details" / f"{name}.parquet")
    return [*texts, stored, *(path for files in drawn.values() for path in files)]


def write_details(tables: list[Table], path: Path) -> Path:
    """Every cell of every table, as text: table, row, column, value; the notes are metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = [
        (table.title, row, column, value)
        for table in tables
        for row, values in enumerate(table.rows)
        for column, value in zip(table.header, values, strict=True)
    ]
    columns = dict(zip(("table", "row", "column", "value"), zip(*cells, strict=True), strict=True))
    notes = json.dumps({table.title: table.note for table in tables})
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = pa.table(columns).replace_schema_metadata({"notes": notes})
    pq.write_table(stored, path, compression="zstd", compression_level=19)
    return path
