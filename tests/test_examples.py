"""The notebooks of examples/ run from a fresh kernel, and are committed as they ran."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def code_cells(path: Path) -> list[Any]:
    """The cells of a notebook that have something to run."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def test_every_notebook_lies_where_these_tests_look() -> None:
    found = {p for p in EXAMPLES.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}
    assert found == set(NOTEBOOKS)


@each_notebook
def test_a_notebook_runs_without_an_error_and_leaves_the_checkout_alone(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
    (tmp_path / "results").mkdir()
    for table in (EXAMPLES.parent / "results").glob("*.parquet"):
        shutil.copy(table, tmp_path / "results")
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    if path.stem == "committed_results":  # of runs made long ago: it shows what they are now
        assert texts(notebook) == texts(nbformat.read(path, as_version=4))


def texts(notebook: Any) -> list[str]:
    """What the cells print and say, without pictures."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [o.text if o.output_type == "stream" else o.data.get("text/plain", "") for o in outputs]


@each_notebook
def test_a_committed_notebook_was_run_from_top_to_bottom_and_shows_no_error(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert [output for output in outputs if output.output_type == "error"] == []
