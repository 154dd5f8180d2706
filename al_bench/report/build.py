"""One call from results to files: tables, figures and a page of one experiment."""

from __future__ import annotations

from pathlib import Path

from al_bench.analysis.analysis import Analysis, analyse
from al_bench.analysis.frame import Results
from al_bench.analysis.spec import ReportSpec
from al_bench.report.figures.figures import figures
from al_bench.report.page import page
from al_bench.report.tables.render import latex, markdown
from al_bench.report.tables.tables import tables


def report(results: Results, name: str, out: Path, spec: ReportSpec) -> list[Path]:
    """Write tables/<name>.md and .tex, figures/<name>_*.png and .pdf and <name>.html under `out`.

    The same results give the same bytes. Returns what was written; ValueError where there is no
    finished run, or the spec names what the runs do not have.
    """
    return write(analyse(results, spec), name, out)


def write(analysis: Analysis, name: str, out: Path) -> list[Path]:
    """The files of a report whose numbers are there."""
    shown, summary = tables(analysis), analysis.results.summary()
    folder = out / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.md", folder / f"{name}.tex"]
    written[0].write_text(markdown(shown, name, summary), encoding="utf-8")
    written[1].write_text(latex(shown, summary), encoding="utf-8")
    drawn = figures(analysis, out / "figures" / name)
    written += [path for files in drawn.values() for path in files]
    written.append(out / f"{name}.html")
    written[-1].write_text(page(analysis, name, shown, drawn), encoding="utf-8")
    return written
