"""What the tests of data sets share."""

from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIGS = Path(__file__).parents[3] / "configs" / "dataset"


def options(config: str, **changed: Any) -> dict[str, Any]:
    """The constructor arguments of a dataset config."""
    found = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text())
    return {key: value for key, value in {**found, **changed}.items() if key != "_target_"}


@pytest.fixture(autouse=True)
def _no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the user's data folder or writes to the user's cache unless it says so."""
    monkeypatch.delenv("AL_BENCH_DATA", raising=False)
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
