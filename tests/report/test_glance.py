"""The README's table, recomputed from the rounds by nothing but pandas, NumPy and scikit-learn."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

RESULTS = Path(__file__).parents[2] / "results"
PLAIN, PRODUCT = METRICS = ["balanced_accuracy", "product_balanced_accuracy"]
ARM = ["strategy", "supervision", "init", "learner", "loss"]
AS_PUBLISHED = ("labels", "random", "linear", "weights")
PUBLISHED = {
    "random", "confidence", "margin", "entropy", "coreset", "badge", "galaxy", "direct", "base",
    "tail_first", "tail_first_product", "pcb", "fm_stratified", "prioral", "alfamix", "dropquery",
}  # fmt: skip
OURS = (
    "codecision", "posterior_labels_pool", "fm_balanced", "linear_on_prior", "class_weights", PLAIN,
)  # fmt: skip
SINGLE = ("alfamix", "smoothed", "fm_balanced", "linear", "logit_adjustment l2 0.1")


def share(ours: pd.DataFrame, level: float) -> float:
    """Where the isotonic mean curve first has the level, in % of the budget; inf if never."""
    x, y = (
        ours.columns.to_numpy(float),
        IsotonicRegression().fit_transform(ours.columns, ours.mean()),
    )
    if y[-1] < level - 1e-9:
        return np.inf
    at = max(int(np.argmax(y >= level - 1e-9)), 1)
    return float(100 * np.interp(level, y[at - 1 : at + 1], x[at - 1 : at + 1]) / x[-1])


def test_the_table_at_a_glance_is_what_pandas_makes_of_the_rounds() -> None:
    columns = ["seed", "round", "n_labels", "dataset", "noise_config", "protocol"]
    columns.append("learner_config")
    frame = pd.read_parquet(RESULTS / "savings.parquet", columns=[*columns, *ARM[:4], *METRICS])
    frame["rate"] = frame["noise_config"].str.extract(r'"rate":([0-9.]+)').astype(float)
    loss, l2 = (
        frame["learner_config"].str.extract(p)[0] for p in (r'"balance":"(\w+)"', r'"l2":([0-9.]+)')
    )
    frame["loss"] = loss.where(l2.isin(["1", "12"]), loss + " l2 " + l2)
    frame = frame[frame["protocol"] != "full"].astype(dict.fromkeys(METRICS, float))
    x = frame.groupby(["dataset", "rate", "round"])["n_labels"].transform("mean").round()
    rows: dict[Any, list[list[float]]] = {}
    for (rate, _), part in frame.assign(x=x).groupby(["rate", "dataset"]):
        alone, some = (
            part[part["round"] == 0].groupby("seed")[PLAIN].mean(),
            part[part["round"] > 0],
        )
        curves = {
            (*arm, metric): rounds.pivot(index="seed", columns="x", values=metric)
            for arm, rounds in some.groupby(ARM)
            if arm in (OURS[:5], SINGLE) or (arm[1:] == AS_PUBLISHED and arm[0] in PUBLISHED)
            for metric in METRICS
        }
        ours, half = curves[OURS], len(alone) // 2
        areas = {a: np.trapezoid(curves[a], curves[a].columns, axis=1) for a in curves}
        found = [(alone.mean(), share(ours, alone.mean()))]
        for names in (
            [a for a in curves if a[1:5] == AS_PUBLISHED], [a for a in curves if a[:5] == SINGLE]
        ):  # fmt: skip
            one, other = (
                max(names, key=lambda a: areas[a][h].mean())
                for h in np.split(np.arange(2 * half), 2)
            )
            rival = pd.concat([curves[other].iloc[:half], curves[one].iloc[half:]])
            start, end = rival.mean().iloc[[0, -1]]
            found.append(
                (end, share(ours.loc[rival.index], end) if end - start >= 0.02 else np.nan)
            )
        levels, shares = zip(*found, strict=True)
        rows.setdefault(rate, []).append([*levels, ours.mean().iloc[-1], *shares])
    page = (RESULTS / "tables" / "savings_glance.md").read_text("utf-8")
    shown = re.findall(r"^\| (?:no|\d+ %) label noise \| (.+) \|$", page, re.MULTILINE)
    for text, (_, sets) in zip(shown, sorted(rows.items()), strict=True):
        known = [column[~np.isnan(column)] for column in np.array(sets).T]
        wanted = [f"{100 * column.mean():.1f}" for column in known[:4] if len(column)]
        wanted += [f"{np.median(column):.0f}" for column in known[4:] if len(column)]
        assert text.split(" | ") == wanted
