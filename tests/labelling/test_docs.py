"""The pages about one's own rows name commands that there are, with options that they have."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import typer

from al_bench.cli.session import app

DOCS = Path(__file__).parents[2] / "docs"
TEXT = "\n".join(
    (DOCS / f"{name}.md").read_text() for name in ("own-data", "labelling", "stopping")
)
LINES = sorted(set(re.findall(r"^albench session (.*)$", TEXT.replace("\\\n", ""), re.MULTILINE)))


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_docs_is_one_and_has_its_options(line: str) -> None:
    name, *arguments = shlex.split(line, comments=True)
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    with command.make_context(name, arguments) as context:
        assert "folder" in context.params


def test_inline_commands_of_the_docs_are_there() -> None:
    names = set(re.findall(r"albench session (\w+)", TEXT))
    assert names <= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_the_csv_of_the_walk_through_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r'^python -c "(.*)"$', TEXT, re.MULTILINE)
    exec(code, {})
    assert len(pd.read_csv("glosses.csv")["text"]) == 14_941
