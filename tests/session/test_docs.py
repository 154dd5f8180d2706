"""What docs/own-data.md shows runs as it stands."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from al_bench.cli.session import app
from al_bench.session import Answer, Session
from tests.session.data import CLASSES
from tests.session.test_sources import small
from tests.tiny_models import bert, on_cpu  # noqa: F401

PAGE = (Path(__file__).parents[2] / "docs" / "own-data.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_widget_of_the_docs_tells_what_is_pressed_until_nothing_is_left(
    tmp_path: Path,
    bert: Path,  # noqa: F811
) -> None:
    (code,) = [block for block in BLOCKS if "def ask(" in block]
    names: dict[str, Any] = {"Answer": Answer}
    exec(code, names)
    ask: Callable[..., Any] = names["ask"]
    texts = tmp_path / "reviews.csv"
    texts.write_text("text\n<b>good</b>\nbad\nwhat?\n")
    with Session.new(tmp_path / "s", texts, CLASSES, overrides=small(bert)) as session:
        box = ask(session, "ann")
        for number in range(3):
            shown, *buttons = box.children
            assert "<b>" not in shown.value
            assert [button.description for button in buttons] == CLASSES
            buttons[1].click()
            assert session.status().counts["praise"] == number + 1
        assert [child.value for child in box.children] == ["nothing is left"]
        assert session.status().annotators == {"ann": 3}


@pytest.mark.parametrize("command", sorted(set(re.findall(r"albench session (\w+)", PAGE))))
def test_every_command_of_the_docs_is_one(command: str) -> None:
    assert command in typer.main.get_command(app).commands
