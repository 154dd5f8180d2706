"""The pages about one's own rows name commands that there are."""

import re
from pathlib import Path

import pytest
import typer

from al_bench.cli.session import app

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / f"{name}.md" for name in ("own-data", "labelling", "stopping")]
NAMED = {name for page in PAGES for name in re.findall(r"albench session (\w+)", page.read_text())}


@pytest.mark.parametrize("command", sorted(NAMED))
def test_every_command_of_the_docs_is_one(command: str) -> None:
    assert command in typer.main.get_command(app).commands
