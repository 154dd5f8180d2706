"""Configs of other installed packages are found through their entry points."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from al_bench.cli.main import main
from al_bench.runs.config import installed_configs

RULE = '''"""Another package's rule."""


class Last:
    """The last unlabelled rows."""

    def select(self, state, budget, rng):
        return state.unlabelled[-budget:]
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages with one, `last_rows`, that brings `strategy=last`."""
    package, about = tmp_path / "last_rows", tmp_path / "last_rows-1.0.dist-info"
    (package / "configs/strategy").mkdir(parents=True)
    (package / "__init__.py").write_text(RULE)
    (package / "configs/__init__.py").touch()
    (package / "configs/strategy/last.yaml").write_text("_target_: last_rows.Last\n")
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: last-rows\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[al_bench.configs]\nlast_rows = last_rows.configs\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    installed_configs.cache_clear()
    yield tmp_path
    installed_configs.cache_clear()
    for name in [name for name in sys.modules if name.startswith("last_rows")]:
        del sys.modules[name]


@pytest.mark.usefixtures("site")
def test_an_installed_strategy_is_listed_checked_and_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", "strategy"]) == 0
    assert "  last " in capsys.readouterr().out
    assert main(["check", "strategy=last"]) == 0
    small = ["dataset=synthetic", "protocol.rounds=1", "logger=none"]
    assert main(["run", "strategy=last", *small]) == 0
    assert main(["status", "strategy=last", *small]) == 0
    assert "1 of 1 done" in capsys.readouterr().out


def test_an_option_that_there_is_already_and_a_folder_that_is_not_there_are_refused(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "last_rows/configs/strategy/margin.yaml").write_text("_target_: last_rows.Last\n")
    assert main(["list", "strategy"]) == 1
    said = capsys.readouterr().err
    assert said == (
        "albench: the package last-rows brings strategy/margin.yaml, and so does al_bench; "
        "rename it\n"
    )
    points = site / "last_rows-1.0.dist-info/entry_points.txt"
    points.write_text("[al_bench.configs]\nlast_rows = last_rows.nowhere\n")
    assert main(["list", "strategy"]) == 1
    assert "names its configs last_rows.nowhere, which is no package" in capsys.readouterr().err
    points.write_text("[al_bench.configs]\nlast_rows = gone.configs\n")
    installed_configs.cache_clear()
    assert main(["list", "strategy"]) == 1
    assert capsys.readouterr().err == (
        "albench: the package last-rows names its configs gone.configs: No module named 'gone'\n"
    )
