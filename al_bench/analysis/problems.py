"""Runs may only be compared where they met the same problem: pool, test rows and answers."""

from __future__ import annotations

import pandas as pd

from al_bench.analysis.keys import Place
from al_bench.analysis.names import Names
from al_bench.configuration.config import PROBLEM


def check_problems(frame: pd.DataFrame, names: Names) -> int:
    """How many runs do not say what problem they met, so that they cannot be checked.

    ValueError where runs of one setting and seed say different ones: their data, weights or code
    differed.
    """
    columns = [f"{group}_config" for group in PROBLEM]
    runs = frame[["id", "setting", "seed", "digest", *columns]].drop_duplicates("id")
    told = runs[runs["digest"] != ""]
    known = told.drop_duplicates([*columns, "seed", "digest"])
    several = known[known.duplicated([*columns, "seed"], keep=False)]
    for (*_, seed), first in several.groupby([*columns, "seed"]):
        place: Place = first["setting"].iloc[0].part(PROBLEM)
        raise ValueError(
            f"{' and '.join(first['id'])} are runs of {names.all(place)}, seed {seed}, but "
            "not on one problem: their data, priors or answers differ "
            f"({', '.join(text[:12] for text in first['digest'])}); `albench run --again ...` "
            "with what they were made by makes them anew"
        )
    return len(runs) - len(told)
