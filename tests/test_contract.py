"""Every component that a config names keeps the contract of its kind."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from al_bench.config import build, config_dir, plan
from al_bench.contract import CHECKS, Check

TEN = [[0.91 if row == column else 0.01 for column in range(10)] for row in range(10)]
GIVEN = {("noise", "confusion"): [f"noise.matrix={TEN}"]}  # values a user has to give


def cases() -> list[tuple[str, str, Check]]:
    found = []
    for group, checks in CHECKS.items():
        folder = config_dir() / group
        for path in sorted(folder.rglob("*.yaml")):
            option = str(path.relative_to(folder).with_suffix(""))
            found += [(group, option, check) for check in checks]
    return found


@pytest.mark.parametrize(
    ("group", "option", "check"), cases(), ids=lambda v: getattr(v, "__name__", str(v))
)
def test_every_config_keeps_the_contract(group: str, option: str, check: Check) -> None:
    check(lambda: build(node(group, option)))


@lru_cache(maxsize=1)
def node(group: str, option: str) -> Any:
    return plan([f"{group}={option}", *GIVEN.get((group, option), [])])[0].config[group]


def test_each_kind_of_component_is_found() -> None:
    found = {group for group, _, _ in cases()}
    assert found == set(CHECKS)
    assert Path(config_dir()).is_dir()
