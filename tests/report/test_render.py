"""Tables as Markdown, LaTeX and on a terminal: whatever a name holds is shown, not acted on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from al_bench.report.analysis import analyse
from al_bench.report.results import read_runs
from al_bench.report.spec import ReportSpec
from al_bench.report.tables.render import Table, console, latex, latex_text, markdown, print_tables
from al_bench.report.tables.tables import tables
from tests.fakes import fake_run, fake_runs

QUICK = ReportSpec()


def test_latex_and_markdown_escape_what_they_would_act_on() -> None:
    nasty = r"a_b & 50% {x} \input | <script>"
    assert latex_text(nasty) == (
        r"a\_b \& 50\% \{x\} \textbackslash{}input \textbar{} \textless{}script\textgreater{}"
    )
    table = Table(nasty, (nasty, "n"), ((nasty, "1"),), nasty, frozenset({(0, 1)}))
    text = markdown([table], nasty, nasty)
    assert "<script>" not in text
    assert r"| a\_b &amp; 50% {x} \\input \| &lt;script&gt; | **1** |" in text
    tex = latex([table], "all\nthere")
    assert r"\textbf{1} \\" in tex
    assert r"\toprule" in tex
    assert "<script>" not in tex
    assert "\nthere" not in tex


def latex_faults(text: str) -> list[str]:
    """What would keep LaTeX from compiling our tables, as far as counting shows it."""
    faults = []
    floats = text.split(r"\begin{table}")[1:]
    for body in floats:
        bare = re.sub(r"\\[{}&%$#_]", "", body)
        braces = bare.count("{") - bare.count("}")
        dollars = bare.count("$") % 2
        ends = [body.count(rf"\end{{{name}}}") for name in ("tabular", "table")]
        rules = [body.find(rf"\{name}rule") for name in ("top", "mid", "bottom")]
        columns = len(re.findall(r"\\begin\{tabular\}\{(l+r*)\}", body)[0])
        rows = [line for line in body.splitlines() if line.endswith(r" \\")]
        cells = {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows}
        if braces or dollars or ends != [1, 1] or -1 in rules or rules != sorted(rules):
            faults.append(body[:80])
        if cells - {columns} or re.search(r"(?<!\\)[#%](?!$)", body.replace("{!}{%", "")):
            faults.append(body[:80])
    return faults if floats else ["no table"]


def test_latex_tables_are_balanced_booktabs_with_a_cell_a_column(tmp_path: Path) -> None:
    nasty = r"a_b & 50% {x} \input | $ # <script> ~ ^"
    table = Table(nasty, (nasty, "n"), ((nasty, "1"), ("b", "−∞ ± 2")), nasty, frozenset({(0, 1)}))
    assert not latex_faults(latex([table, table], nasty))
    assert latex_faults(latex([table], nasty).replace("b & ", "b "))
    fake_runs(tmp_path, ("random", "margin"), seeds=2)
    assert not latex_faults(latex(tables(analyse(read_runs(tmp_path), QUICK)), "runs"))
    committed = Path(__file__).parents[2] / "results" / "tables"
    for path in committed.glob("*.tex"):
        assert not latex_faults(path.read_text(encoding="utf-8")), path.name


def printed(table: Table, width: int) -> str:
    from rich.console import Console

    terminal = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    terminal.print(console(table, width))
    return terminal.export_text()


def test_the_console_shows_markup_in_names_as_it_is() -> None:
    assert "[red]x[/red]" in printed(Table("t", ("method", "n"), (("[red]x[/red]", "1"),)), 80)


@pytest.mark.parametrize(("width", "columns"), [(80, 3), (120, 5), (200, 6)])
def test_a_terminal_has_the_columns_that_fit_uncut_and_a_line_a_row(
    width: int, columns: int
) -> None:
    """Six at most."""
    row = ("a long name of a method", *(f"{n}0 % [−100, 100]" for n in range(1, 8)))
    text = printed(
        Table("t", ("method", *(f"{n} saved over all" for n in "abcdefg")), (row,)), width
    )
    (line,) = (line for line in text.splitlines() if line.startswith("│"))
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == list(row[:columns])
    assert f"{8 - columns} more columns are in the report." in " ".join(text.split())


def test_a_report_of_long_names_is_printed_uncut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for start in ("random", "fm_balanced_by_class"):
        for strategy in ("random", "margin", "codecision"):
            fake_run(tmp_path, strategy, "self_training", start=start)
    print_tables(tables(analyse(read_runs(tmp_path), QUICK)))
    text = capsys.readouterr().out
    assert "fm balanced by class start" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 120
