"""A command keeps the memory that it gives back, and so do its workers; what a user set stays."""

import os
import platform
import subprocess
import sys

import pytest

from al_bench.configuration.memory import SETTINGS

# faults of pages while one array of 64 MiB is made and forgotten ten times
FAULTS = """
import resource, numpy as np
from al_bench.configuration.memory import keep
keep()
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(2**23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
FREE = {k: v for k, v in os.environ.items() if k not in {name for name, *_ in SETTINGS}}


def faults(**given: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=FREE | given, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc")
def test_a_large_array_is_made_again_from_the_pages_of_the_last_one() -> None:
    mapped = {name: str(2**20) for name, *_ in SETTINGS}
    assert 10 * faults() < faults(**mapped)  # tens of each array with huge pages, else thousands
