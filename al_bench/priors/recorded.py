"""Recorded answers of foundation models, rules or people: a file with one model or several. A row
is matched by its content, so a file may cover any split; a column's name begins with the kind of
its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from al_bench.core.arrays import distributions, one_hot, require, share, softmax, uniform
from al_bench.core.hashing import FOLDER, data_path, digest
from al_bench.core.state import ABSENT, Bools, Floats, Ints
from al_bench.data.types import Prior, Task
from al_bench.priors.common import Around
from al_bench.priors.images import as_image

ID = "row_id"  # cannot be a class name, since these have no underscores
TEXT = "text"  # a file without row_id gets it from this column
KINDS = ("answer", "votes", "prob", "logit")  # `mean` averages the first kind that a file has
MEAN = "mean"
PSEUDO = 0.1  # pseudo-votes added to each class
USUAL = 0.8  # assumed accuracy of plain answers if it cannot be estimated
PEERS = 3  # models needed to estimate accuracy from agreement
Classes = tuple[tuple[str, ...], ...]
SHARED = 1.5  # factor on the errors seen by disagreement: shared errors cannot be seen
MARGIN = 0.05  # smallest distance of an estimated accuracy above chance
SUREST = 0.99  # largest estimated accuracy
ROUNDS = 50


def path_of(file: str) -> Path:
    """The path of the file; FileNotFoundError, in one sentence, if it is missing."""
    path = data_path(file)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {file}, neither in ${FOLDER} nor from here")
    return path


def lines_of(file: Path, places: Mapping[str, int], inputs: Sequence[Any]) -> Ints:
    """(n,) the line of each input; ValueError if the file lacks a row."""
    ids = [row_id(inputs[row], row) for row in range(len(inputs))]
    lines = np.array([places.get(name, -1) for name in ids], dtype=np.int64)
    missing = np.flatnonzero(lines < 0)
    if len(missing):
        row = int(missing[0])
        raise ValueError(
            f"{file} has no answer for {len(missing)} of {len(inputs)} rows, first "
            f"{shown(inputs[row])} with {ID} {ids[row]}"
        )
    return lines


def row_id(source: Any, row: int) -> str:
    """16 hex digits that identify an input by its content; `row` is only for errors."""
    if isinstance(source, str):
        content = b"text" + source.encode("utf-8", "surrogatepass")
    elif isinstance(source, np.ndarray) and source.ndim == 1:
        content = b"features" + np.ascontiguousarray(source, dtype="<f4").tobytes()
    else:
        image = as_image(source, row)
        content = b"image%dx%d" % image.size + image.tobytes()
    return sha256(content).hexdigest()[:16]


def numbers(file: Path, table: Any, columns: Sequence[str]) -> Floats:
    found = np.empty((len(table), len(columns)), dtype=np.float32)
    for c, column in enumerate(columns):
        try:
            found[:, c] = table[column].to_numpy()
        except (TypeError, ValueError):
            raise ValueError(f"{file}: column {column!r} holds no numbers") from None
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        line, c = wrong[0]
        raise ValueError(
            f"{file}: column {columns[c]!r}: line {line} is {found[line, c]}; wanted a number"
        )
    return found


def places_of(file: Path, table: Any, values: Floats) -> Mapping[str, int]:
    """The line of each row, by its row_id or that of its text; two lines of a row are equal."""
    ids = [str(name or "") for name in table[ID].to_pylist()] if ID in table.column_names else []
    texts = table[TEXT].to_pylist() if TEXT in table.column_names else []
    ids += [row_id(text, 0) if text else "" for text in texts]
    places = {name: place % len(table) for place, name in enumerate(ids) if name}
    known = [place for place, name in enumerate(ids) if name]
    last = np.array([places[ids[place]] for place in known], dtype=np.int64)
    lines = np.array(known, dtype=np.int64) % max(len(table), 1)
    differ = np.flatnonzero(np.any(values[lines] != values[last], axis=1))
    if len(differ):
        raise ValueError(
            f"{file}: {ID} {ids[known[differ[0]]]} comes more than once, and not with the same "
            f"values ({len(differ)} such lines)"
        )
    return places


def columns_of(file: Path) -> list[str]:
    import pyarrow.parquet as parquet
    from pyarrow.lib import ArrowInvalid

    try:
        return list(parquet.read_schema(file).names)
    except (ArrowInvalid, OSError) as error:
        raise ValueError(f"{file} is no parquet file: {str(error).splitlines()[0]}") from error


def opened(file: Path, columns: Sequence[str]) -> Any:
    from pyarrow.parquet import read_table

    known = columns_of(file)
    named = [name for name in (ID, TEXT) if name in known and name not in columns]
    lacks = [column for column in columns if column not in known] + [ID] * (not named)
    if lacks:
        raise ValueError(f"{file} has no column {lacks[0]!r}; it has {', '.join(known)}")
    return read_table(file, columns=[*named, *columns])


def shown(source: Any) -> str:
    return repr(source[:40]) if isinstance(source, str) else f"an input ({type(source).__name__})"


@dataclass(frozen=True)
class Recorded(Around):
    """Recorded answers of a model, or the mean of several.

    A file has ``answer_<model>``, the class that a model named, by number or name (-1 or empty: no
    class, so uniform), or one column per class: ``votes_<model>_<class>``, ``prob_`` or ``logit_``.
    Probabilities and logits (Radford et al., 2021) are used as they are, votes with 0.1 added to
    each class. Plain answers and votes are then smoothed to the model's accuracy. With three models
    or more it is estimated from agreement, without labels (see ``accuracies``); otherwise it is 0.8
    for plain answers, and votes are not smoothed.

        >>> prior = Recorded(Given(), "answers.parquet", "gpt4", accuracy=0.8)

    Parameters
    ----------
    inner : a prior whose encoder makes the features
    file : parquet, looked up below $AL_BENCH_DATA first; its ``row_id`` or ``text`` identifies the
        row of a line
    column : a model, with or without the prefix of its columns; several, which are averaged; or
        ``mean``: of all models of the file
    accuracy : the probability of a sure answer, the rest spread evenly; null: as above
    """

    title = "{column} ({file})"
    brings: ClassVar = ("file",)

    inner: Prior
    file: str
    column: str | Sequence[str] = MEAN
    accuracy: float | None = None

    def __post_init__(self) -> None:
        if self.accuracy is not None:
            share(self, accuracy=self.accuracy)

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.column,) if isinstance(self.column, str) else tuple(self.column)

    @property
    def key(self) -> str:
        found = f"sha256:{digest(path_of(self.file))}, {', '.join(self.asked)}"
        return f"recorded({found}, accuracy={self.accuracy})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k); O(n k) time, besides hashing the inputs. ValueError if the file does not fit."""
        file, k = path_of(self.file), len(task.class_names)
        places, found, silent, accuracy = read(file, digest(file), self.asked, spellings(task))
        accuracy = self.accuracy or accuracy
        if accuracy is not None:
            require(accuracy > 1 / k, self, f"more than chance, {1 / k:.3g}", accuracy=accuracy)
            found = np.where(silent, found, smoothed(found, accuracy))
        return np.asarray(found[lines_of(file, places, inputs)])


@dataclass(frozen=True)
class Model:
    """A recorded model: the kind of its columns, and the column of each class (-1: of answers)."""

    kind: str
    columns: Mapping[int, str]


def spellings(task: Task) -> Classes:
    """The spellings of each class that a file may use: its names, also with _ for a space."""
    words = zip(task.class_names, task.aliases or [()] * len(task.class_names), strict=True)
    every = [(name, *others) for name, others in words]
    return tuple(tuple({w: 0 for n in one for w in (n, n.replace(" ", "_"))}) for one in every)


@lru_cache(maxsize=4)
def read(
    file: Path, content: str, asked: tuple[str, ...], classes: Classes
) -> tuple[Mapping[str, int], Floats, Bools, float | None]:
    """The line of each row; (lines, k) float32 probabilities; (lines, 1) whether nobody answered;
    and the accuracy of a sure answer, None for no smoothing. Read once per process and content."""
    k, found = len(classes), models_of(file, classes)
    names = [name for one in asked for name in named(file, one, found, classes)]
    kind, alone = found[names[0]].kind, len(names) == 1
    peers = [name for name, model in found.items() if model.kind == kind]
    if not alone or len(peers) < PEERS or kind not in ("answer", "votes"):
        peers = []
    every = {name: found[name] for name in dict.fromkeys([*names, *peers])}
    table = opened(file, list({c: 0 for model in every.values() for c in model.columns.values()}))
    said = {name: by(file, table, name, model, classes) for name, model in every.items()}
    total = np.sum([said[name] for name in names], axis=0)
    count = np.sum([said[name].any(axis=1, keepdims=True) for name in names], axis=0)
    if kind == "answer" and not alone:
        total, count = total + np.float32(PSEUDO), count + np.float32(PSEUDO * k) * (count > 0)
    silent = count == 0
    shares = np.where(silent, uniform(*total.shape), total / np.where(silent, 1, count))
    accuracy = USUAL if kind == "answer" and alone else None
    if peers:
        tables = [said[name] for name in peers]
        chosen = [np.where(p.any(axis=1), p.argmax(axis=1), ABSENT) for p in tables]
        accuracy = float(accuracies(np.stack(chosen, axis=1), k)[peers.index(names[0])])
    return places_of(file, table, shares), shares.astype(np.float32), silent, accuracy


def models_of(file: Path, classes: Classes) -> dict[str, Model]:
    """The models of a file, by the prefix of their columns, which end in the class, if any."""
    number = {word: c for c, words in enumerate(classes) for word in words}
    columns = columns_of(file)  # the first part of a column's name is its kind
    known = {kind: [c for c in columns if c.partition("_")[0] == kind] for kind in KINDS}
    found = {column: Model("answer", {-1: column}) for column in known.pop("answer")}
    for kind, columns in known.items():
        for column in columns:
            end = max((w for w in number if column.endswith(f"_{w}")), key=len, default="")
            model = column.removesuffix(f"_{end}")
            if end:
                others = found[model].columns if model in found else {}
                found[model] = Model(kind, {**others, number[end]: column})
    return found


def named(file: Path, one: str, found: Mapping[str, Model], classes: Classes) -> list[str]:
    """The models that a name selects, each with one column for each class."""
    known, wanted = columns_of(file), ", ".join(words[0] for words in classes)
    first = next(iter(found.values())).kind if found else None
    names = [n for n in (one, *(f"{kind}_{one}" for kind in KINDS)) if n in found][:1]
    if one == MEAN:
        names = [name for name, model in found.items() if model.kind == first]
    if not names:
        there = list(found) or known
        near = get_close_matches(one, there, n=5, cutoff=0.4) or there[:5]
        raise ValueError(
            f"{file} has no answers {one!r} about the classes {wanted}; near it are "
            f"{', '.join(near)}"
        )
    ours = {column for model in found.values() for column in model.columns.values()}
    for name in (name for name in names if -1 not in found[name].columns):
        columns = found[name].columns
        other = [c for c in known if c.startswith(f"{name}_") and c not in ours]
        lacks = [words[0] for c, words in enumerate(classes) if c not in columns]
        if other or lacks:
            what = f"{other[0]!r}, which is no class" if other else f"none for {lacks[0]!r}"
            raise ValueError(f"{file}: {name!r} has the column {what}; wanted one each of {wanted}")
    return names


def by(file: Path, table: Any, name: str, model: Model, classes: Classes) -> Floats:
    """(lines, k) float32 probabilities by one model; zeros where it named no class."""
    k = len(classes)
    if model.kind == "answer":
        answers = classes_of(file, table, name, classes)
        return np.where((answers == ABSENT)[:, None], np.float32(0), one_hot(answers, k))
    found = numbers(file, table, [model.columns[c] for c in range(k)])
    if model.kind == "logit":
        return softmax(found)
    if model.kind == "prob":
        found = distributions(f"{file}: {name}", found, len(table), k)
    elif np.any(found < 0):
        raise ValueError(f"{file}: {name} has a negative number of votes; wanted 0 or more")
    else:
        found = found + np.float32(PSEUDO)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def classes_of(file: Path, table: Any, column: str, classes: Classes) -> Ints:
    """(lines,) class numbers of a column of answers, ABSENT where no class was named."""
    number: dict[Any, int] = {word: c for c, words in enumerate(classes) for word in words}
    number |= {c: c for c in range(len(classes))} | dict.fromkeys((None, "", ABSENT), ABSENT)
    values = table[column].to_pylist()
    wrong = [line for line, value in enumerate(values) if value not in number]
    if wrong:
        raise ValueError(
            f"{file}: column {column!r}: line {wrong[0]} is {values[wrong[0]]!r}, no class "
            f"({len(wrong)} such lines); wanted {', '.join(words[0] for words in classes)}, or a "
            "number of these from 0"
        )
    return np.array([number[value] for value in values], dtype=np.int64)


def smoothed(probabilities: Floats, accuracy: float) -> Floats:
    """(n, k) probabilities mixed with uniform ones, so that probability 1 becomes `accuracy`."""
    rest = (1 - accuracy) / (probabilities.shape[1] - 1)
    return np.asarray(rest + probabilities * (accuracy - rest), dtype=np.float32)


def accuracies(answers: Ints, n_classes: int) -> Floats:
    """(m,) accuracy of each of m models, from the agreement of (n, m) answers, ABSENT without one,
    by expectation maximisation (Dawid and Skene, 1979). Shared errors cannot be seen: hence the
    factor."""
    n, m = answers.shape
    given = [np.flatnonzero(answers[:, j] != ABSENT) for j in range(m)]
    seen = [one_hot(answers[rows, j], n_classes) for j, rows in enumerate(given)]
    belief = np.full((n, n_classes), 1 / n_classes)
    for rows, one in zip(given, seen, strict=True):
        belief[rows] += one
    belief /= belief.sum(axis=1, keepdims=True)
    for _ in range(ROUNDS):
        logs = np.tile(np.log(belief.mean(axis=0) + 1e-9), (n, 1))
        for rows, one in zip(given, seen, strict=True):
            says = belief[rows].T @ one + 1 / n_classes
            logs[rows] += one @ np.log(says / says.sum(axis=1, keepdims=True)).T
        belief = softmax(logs)
    pairs = zip(given, seen, strict=True)
    right = np.array([(belief[rows] * one).sum() / max(len(rows), 1) for rows, one in pairs])
    return np.clip(1 - SHARED * (1 - right), 1 / n_classes + MARGIN, SUREST)
