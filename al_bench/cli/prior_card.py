"""``albench prior``: the report card of a prior, before anything is queried.

Only here are labels used to evaluate a prior alone. It is evaluated on the whole split and the data
set's own classes, without imbalance and noise.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.core.metrics import balanced_accuracy, calibration_error, recalls
from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints
from al_bench.data.types import Dataset, Prior, Split
from al_bench.report.figures.style import panels, save_png, styled
from al_bench.report.tables.render import NONE, Table, markdown
from al_bench.runs.plan import plan

INDEX = "README.md"
LARGE = 40  # with more classes, the figure shows no class names


def make(
    overrides: Sequence[str], split: str, rows: int | None, name: str | None, extra: Path | None
) -> list[Path]:
    """Evaluate one prior on one data set, print its card and write it as md, json and png."""
    jobs = list(plan(overrides, extra))
    if len(jobs) > 1:
        raise ValueError(f"one card at a time; these overrides stand for {len(jobs)} runs")
    job = jobs[0]
    from al_bench.core.threads import limit_threads
    from al_bench.report.tables.render import print_tables
    from al_bench.runs.component import Component
    from al_bench.runs.run import known_prior, load_dataset

    limit_threads(int(job.at("threads")))
    dataset = load_dataset(Component.of("dataset", job.at("dataset")))
    prior = known_prior(Component.of("prior", job.at("prior")))
    own = prior.choose(dataset.modality) if hasattr(prior, "choose") else prior
    given = {"--split": split, "--rows": rows, "--name": name, "--config-dir": extra}
    more = [str(one) for pair in given.items() if pair[1] not in (None, "test") for one in pair]
    card = {
        "name": name or f"{dataset.name}_{job.choices['prior']}",
        "command": shlex.join(["albench", "prior", *overrides, *more]),
        "split": split,
        "dataset": dataset.key,
        "prior": own.key,
        "encoder": prior.encoder(dataset.modality).key,
        "class_names": list(dataset.class_names),
        "prompts": list(dataset.prompts),
    }
    card |= card_of(*measured(dataset, prior, split, rows, Path(job.at("cache")).expanduser()))
    print_tables(card_tables(card))
    return write_card(card, Path(job.at("results")) / "priors")


def measured(
    dataset: Dataset, prior: Prior, split: str, rows: int | None, cache: Path
) -> tuple[Floats, Ints]:
    """(n, k) zero-shot probabilities, from the cache, and (n,) labels of a split."""
    from al_bench.data.build import embedded

    some = sampled(dataset.train if split == "train" else dataset.test, rows)
    name = split if rows is None else f"{split}, {len(some)} rows"
    return embedded(dataset, name, some, prior, cache)[1], some.labels


def sampled(split: Split, rows: int | None) -> Split:
    """The split, or a random sample of its rows, the same at every call."""
    if rows is None or rows >= len(split):
        return split
    index = np.sort(rng(0, "report card").choice(len(split), size=rows, replace=False))
    return split.take(index)


def card_of(probabilities: Floats, truth: Ints) -> dict[str, Any]:
    """The card of (n, k) zero-shot probabilities and (n,) true classes, in JSON values. Per class:
    rows, `guessed` ones, `expected` sum of probabilities, precision and recall, None without
    rows."""
    k, guess = probabilities.shape[1], probabilities.argmax(axis=1)
    confusion = np.bincount(truth * k + guess, minlength=k * k).reshape(k, k)
    confidence = probabilities.max(axis=1)
    return {
        "rows": len(truth),
        "accuracy": float((truth == guess).mean()),
        "balanced_accuracy": balanced_accuracy(truth, guess, k),
        "ece": calibration_error(confidence, truth == guess),
        "confidence": float(confidence.mean()),
        "truth": confusion.sum(axis=1).tolist(),
        "guessed": confusion.sum(axis=0).tolist(),
        "expected": probabilities.sum(axis=0, dtype=np.float64).tolist(),
        "precision": known(recalls(guess, truth, k)),
        "recall": known(recalls(truth, guess, k)),
        "confusion": confusion.tolist(),
    }


def known(values: Floats) -> list[float | None]:
    """The values with None for NaN, which JSON cannot express."""
    return [None if np.isnan(value) else value for value in values.tolist()]


def card_tables(card: Mapping[str, Any]) -> tuple[Table, Table]:
    cells = [card[name] for name in ("accuracy", "balanced_accuracy", "confidence", "ece")]
    whole = Table(
        f"{card['name']}: {card['rows']} rows of the {card['split']} split",
        ("classes", "accuracy", "balanced accuracy", "mean confidence", "ECE"),
        ((str(len(card["truth"])), *(f"{cell:.3f}" for cell in cells)),),
    )
    columns: Sequence[Sequence[str]] = [
        card["class_names"],
        *([str(count) for count in card[name]] for name in ("truth", "guessed")),
        [f"{mass:.0f}" for mass in card["expected"]],
        *([NONE if x is None else f"{x:.3f}" for x in card[n]] for n in ("precision", "recall")),
    ]
    header = ("class", "rows", "taken for it", "sum of probabilities", "precision", "recall")
    return whole, Table("By class", header, tuple(zip(*columns, strict=True)))


def write_card(card: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write <name>.md, .json and .png of a card with name, command, split and class_names added."""
    folder.mkdir(parents=True, exist_ok=True)
    text, data, image = (folder / f"{card['name']}.{kind}" for kind in ("md", "json", "png"))
    facts = f"Made by: {card['command']}. What weights and data it read: {data.name}."
    text.write_text(markdown(card_tables(card), card["name"], facts), "utf-8")
    data.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", "utf-8")
    draw(card, image)
    (folder / INDEX).write_text(index(folder), "utf-8")
    return [text, data, image]


def index(folder: Path) -> str:
    """A page of all cards in a folder; of those with the same classes, the best model first."""
    cards = [json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")]
    cards.sort(key=lambda card: (card["class_names"], -card["balanced_accuracy"]))
    rows = [
        (card["name"], str(len(card["truth"])), str(card["rows"]),
         *(f"{100 * card[name]:.1f}" for name in ("accuracy", "balanced_accuracy", "ece")))
        for card in cards
    ]  # fmt: skip
    header = ("card", "classes", "rows", "accuracy, %", "balanced accuracy, %", "ECE, points")
    facts = "Made by albench prior. The file of each card has its command, and figures by class."
    return markdown([Table("All cards", header, tuple(rows))], "How good are the models?", facts)


def draw(card: Mapping[str, Any], path: Path) -> None:
    """Draw the confusion matrix, by true class, and a histogram of predicted and true classes."""
    confusion, names = np.array(card["confusion"], dtype=float), card["class_names"]
    k = len(names)
    with styled():
        side = 2.6 + 0.13 * min(k, LARGE)
        figure, (left, right) = panels(2, side, side, 2)
        shown = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
        image = left.imshow(shown, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        left.set(title=card["name"], xlabel="taken for", ylabel="true class")
        left.grid(visible=False)
        figure.colorbar(image, ax=left, shrink=0.7, label="fraction of the true class")
        places = np.arange(k)
        right.barh(places - 0.2, card["truth"], 0.4, label="truth", color="#7F7F7F")
        right.barh(places + 0.2, card["guessed"], 0.4, label="taken for it", color="#0072B2")
        right.set(title=f"rows of the {card['split']} split", ylim=(k - 0.5, -0.5))
        right.legend(loc="lower right")
        ticks = places[: k if k <= LARGE else 0]
        words = [names[c] for c in ticks]
        left.set_xticks(ticks, words, rotation=90)
        left.set_yticks(ticks, words)
        right.set_yticks(ticks, words)
        save_png(figure, path)
