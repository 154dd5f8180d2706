"""``albench prior``: the report card of a prior, before anything is queried.

This is the one place where a prior meets labels. It is the whole split that is judged, in the data
set's own classes: imbalance and noise play no part.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.metrics import balanced, calibration_error, recalls
from al_bench.problem.types import Dataset, Prior, Split
from al_bench.rng import rng
from al_bench.runs.plan import plan
from al_bench.state import Floats, Ints

LARGE = 40  # classes beyond which a figure has no names


@dataclass(frozen=True)
class Card:
    """What a prior's zero-shot probabilities are worth on one split.

    By class, (k,): rows of it, rows taken for it, the sum of its probabilities, precision (NaN
    where no row was taken for it) and recall; confusion: (k, k) rows of each class by guess.
    """

    rows: int
    accuracy: float
    balanced_accuracy: float
    ece: float
    confidence: float
    truth: list[int]
    guessed: list[int]
    expected: list[float]
    precision: list[float]
    recall: list[float]
    confusion: list[list[int]]


def judged(probabilities: Floats, truth: Ints) -> Card:
    """The card of (n, k) zero-shot probabilities of (n,) true classes; O(n k)."""
    k, guess = probabilities.shape[1], probabilities.argmax(axis=1)
    confusion = np.bincount(truth * k + guess, minlength=k * k).reshape(k, k)
    hits, guessed = np.diag(confusion), confusion.sum(axis=0)
    sure = probabilities.max(axis=1)
    return Card(
        rows=len(truth),
        accuracy=float((truth == guess).mean()),
        balanced_accuracy=balanced(truth, guess, k),
        ece=calibration_error(sure, truth == guess),
        confidence=float(sure.mean()),
        truth=confusion.sum(axis=1).tolist(),
        guessed=guessed.tolist(),
        expected=probabilities.sum(axis=0, dtype=np.float64).tolist(),
        precision=np.divide(hits, guessed, out=np.full(k, np.nan), where=guessed > 0).tolist(),
        recall=recalls(truth, guess, k).tolist(),
        confusion=confusion.tolist(),
    )


def make(
    overrides: Sequence[str], split: str, rows: int | None, name: str | None, extra: Path | None
) -> list[Path]:
    """Judge one prior on one data set, print its card and write it as md, json and png."""
    jobs = list(plan(overrides, extra))
    if len(jobs) > 1:
        raise ValueError(f"one card at a time; these overrides stand for {len(jobs)} runs")
    job = jobs[0]
    from al_bench.runs.component import Component
    from al_bench.runs.parts import known_prior, loaded
    from al_bench.threads import limit_threads

    limit_threads(int(job.at("threads")))
    dataset = loaded(Component.of("dataset", job.at("dataset")))
    prior = known_prior(Component.of("prior", job.at("prior")))
    cache = Path(job.at("cache")).expanduser()
    card = judged(*measured(dataset, prior, split, rows, cache))
    given = {"--split": split, "--rows": rows, "--name": name, "--config-dir": extra}
    more = [str(one) for pair in given.items() if pair[1] not in (None, "test") for one in pair]
    name = name or f"{dataset.name}_{job.choices['prior']}"
    about = {
        "name": name,
        "command": shlex.join(["albench", "prior", *overrides, *more]),
        "split": split,
        "dataset": dataset.key,
        "prior": chosen(prior, dataset.modality).key,
        "encoder": prior.encoder(dataset.modality).key,
        "class_names": list(dataset.class_names),
        "prompts": list(dataset.prompts),
    }
    return write(card, about, Path(job.at("results")) / "priors")


def measured(
    dataset: Dataset, prior: Prior, split: str, rows: int | None, cache: Path
) -> tuple[Floats, Ints]:
    """(n, k) zero-shot probabilities, cached, and (n,) labels of a split; answers without
    probabilities are smoothed by what train shows."""
    from al_bench.problem.build import embedded
    from al_bench.problem.cache.embeddings import comparing

    def zero_shot(which: str, prior: Prior) -> tuple[Floats, Split]:
        some = sampled(dataset.train if which == "train" else dataset.test, rows)
        name = which if rows is None else f"{which}, {len(some)} rows"
        return embedded(dataset, name, some, prior, cache)[1], some

    said, judged_rows = zero_shot(split, prior)
    recorded = comparing(prior, dataset.modality)
    if recorded is not None:
        pool, other = (zero_shot("train", one)[0] for one in (prior, recorded.inner))
        said = recorded.compare(pool, other)(said)
    return said, judged_rows.labels


def chosen(prior: Prior, modality: str) -> Prior:
    """The prior itself, or the one that it stands for on this kind of data."""
    from al_bench.problem.cache.embeddings import Choosing

    return prior.choose(modality) if isinstance(prior, Choosing) else prior


def sampled(split: Split, rows: int | None) -> Split:
    """The split, or so many of its rows, always the same ones."""
    if rows is None or rows >= len(split):
        return split
    index = np.sort(rng(0, "report card").choice(len(split), size=rows, replace=False))
    return split.take(index)


def write(card: Card, about: dict[str, Any], folder: Path) -> list[Path]:
    """Print the card; write <name>.md, .json and .png."""
    from rich.console import Console

    from al_bench.report.tables.render import console, markdown

    tables = [summary(card, about), by_class(card, about["class_names"])]
    terminal = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables:
        terminal.print(console(table))
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / about["name"]
    text, data, image = (Path(f"{stem}.{kind}") for kind in ("md", "json", "png"))
    facts = f"Made by: {about['command']}. What weights and data it read: {data.name}."
    text.write_text(markdown(tables, about["name"], facts), "utf-8")
    numbers = {key: nan_free(value) for key, value in asdict(card).items()}
    data.write_text(json.dumps(about | numbers, indent=1, allow_nan=False) + "\n", "utf-8")
    draw(card, about, image)
    return [text, data, image]


def nan_free(value: Any) -> Any:
    """The value with None for NaN, which JSON has no word for."""
    if isinstance(value, list):
        return [nan_free(part) for part in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def summary(card: Card, about: dict[str, Any]) -> Any:
    from al_bench.report.tables.cells import Table

    cells = (card.accuracy, card.balanced_accuracy, card.confidence, card.ece)
    return Table(
        f"{about['name']}: {card.rows} rows of the {about['split']} split",
        ("classes", "accuracy", "balanced accuracy", "mean confidence", "ECE"),
        ((str(len(card.truth)), *(f"{cell:.3f}" for cell in cells)),),
    )


def by_class(card: Card, names: Sequence[str]) -> Any:
    from al_bench.report.tables.cells import NONE, Table

    rows = []
    for c, name in enumerate(names):
        fractions = (
            NONE if np.isnan(x) else f"{x:.3f}" for x in (card.precision[c], card.recall[c])
        )
        counts = (str(card.truth[c]), str(card.guessed[c]), f"{card.expected[c]:.0f}")
        rows.append((name, *counts, *fractions))
    header = ("class", "rows", "taken for it", "sum of probabilities", "precision", "recall")
    return Table("By class", header, tuple(rows))


def draw(card: Card, about: dict[str, Any], path: Path) -> None:
    """Confusion (fractions of each true class) beside the histogram of guesses against truth."""
    from al_bench.report.figures.style import panels, save_png, styled

    confusion, names = np.array(card.confusion, dtype=float), about["class_names"]
    k = len(names)
    with styled():
        side = 2.6 + 0.13 * min(k, LARGE)
        figure, (left, right) = panels(2, side, side, 2)
        shown = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
        image = left.imshow(shown, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        left.set(title=about["name"], xlabel="taken for", ylabel="true class")
        left.grid(visible=False)
        figure.colorbar(image, ax=left, shrink=0.7, label="fraction of the true class")
        places = np.arange(k)
        right.barh(places - 0.2, card.truth, 0.4, label="truth", color="#7F7F7F")
        right.barh(places + 0.2, card.guessed, 0.4, label="taken for it", color="#0072B2")
        right.set(title=f"rows of the {about['split']} split", ylim=(k - 0.5, -0.5))
        right.legend(loc="lower right")
        ticks = places[: k if k <= LARGE else 0]
        words = [names[c] for c in ticks]
        left.set_xticks(ticks, words, rotation=90)
        left.set_yticks(ticks, words)
        right.set_yticks(ticks, words)
        save_png(figure, path)
