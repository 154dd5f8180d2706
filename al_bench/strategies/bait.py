"""BAIT: the batch that leaves the least expected error in Fisher information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from al_bench.core.arrays import above, at_least, one_of, require
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.distances import blocks
from al_bench.strategies.common.posterior import linear_head

WEIGHTINGS = ("counts", "published")
PENDING = 256  # columns of corrections that are collected before they are subtracted at once
STRIP = 2048  # rows whose small matrices are worked on at once: as many as fit in a cache
COLUMNS = 64  # of half a symmetric matrix that are multiplied at once


@dataclass(frozen=True)
class Bait:
    """Smallest tr(M^-1 F), forward then backward greedy (BAIT: Ash et al., 2021).

    F is the mean Fisher information of a linear head over the labelled and unlabelled rows; a row's
    is the Kronecker product of diag p - p p' and h h'. M is `ridge` I plus the information of
    labelled rows and of the batch. Rows are added greedily, then those that matter least removed.
    O(n c^2 d^2 + (k d)^3) once, then O(u k d c + u c^3 + (k d)^2 c) each of at most 2 `oversample`
    b steps; memory 8 (4 (k d)^2 + 2 u c^2) bytes, never u (k d)^2.

        >>> rows = Bait(classes=2).select(state, 10, rng)

    Parameters
    ----------
    classes : most probable classes of a row in its expectation, renormalised; exact for at most
        this many classes
    ridge : added to the diagonal of M; the authors' 1 outweighs what unit-length features tell,
        theirs are longer
    weighting : ``published`` as the authors' code: with l labelled rows and budget b the
        information of a labelled row weighs 1 / (l + b), of a queried row b / (l + b); ``counts``:
        every row weighs one
    oversample : rows added before removal, in multiples of the budget
    limit : largest number of classes times features; above it features are reduced to as many
        principal components as fit; ValueError if none fits
    """

    title = "BAIT"
    version: ClassVar = 2  # 1: approximated by the most probable class against the rest
    classes: int = 10
    ridge: float = 0.01
    weighting: str = "published"
    oversample: float = 2.0
    limit: int = 2560

    def __post_init__(self) -> None:
        one_of(self, WEIGHTINGS, weighting=self.weighting)
        at_least(self, 2, classes=self.classes)
        at_least(self, 1, oversample=self.oversample)
        above(self, 0, ridge=self.ridge)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        if budget >= len(rows):
            return rows
        seen = np.concatenate([rows, state.labelled])
        features = self._projected(linear_head(state).features[seen], state.n_classes)
        pool = likeliest(features, state.probs[seen], self.classes)
        queried, labelled = pool.take(slice(len(rows))), pool.take(slice(len(rows), None))
        old, new = self._weights(len(state.labelled), budget)
        k, ridge = state.n_classes, np.eye(state.n_classes)
        if self.classes >= k:  # without the last class: diag p - p p' has nothing along (1, ..., 1)
            k, ridge = k - 1, ridge[:-1, :-1] - 1 / k
        information = old * fisher(labelled, k)
        information += self.ridge * np.kron(ridge, np.eye(features.shape[1]))
        inverse = np.linalg.inv(information)
        middle = inverse @ fisher(pool, k) @ inverse / len(seen)
        count = min(int(self.oversample * budget), len(rows))
        return rows[greedy(queried._replace(weight=new), inverse, middle, count, budget)]

    def _weights(self, labelled: int, budget: int) -> tuple[float, float]:
        if self.weighting == "counts":
            return 1.0, 1.0
        return 1 / (labelled + budget), budget / (labelled + budget)

    def _projected(self, features: Floats, k: int) -> Floats:
        """(n, d') the features, or their leading principal components if they are too many."""
        kept = self.limit // k
        require(kept > 0, self, f"at least the number of classes, {k}", limit=self.limit)
        if features.shape[1] <= kept:
            return features
        second = np.zeros((features.shape[1],) * 2)
        for part in blocks(len(features)):
            second += features[part].T @ features[part]
        directions = np.linalg.eigh(second)[1][:, -kept:]
        return np.asarray(features @ directions.astype(features.dtype))


class Factors(NamedTuple):
    """Factors of the Fisher information of n rows, in features and most probable classes.

    features: (n, d); classes: (c, n), ascending; roots: (c, n) of their probabilities p; weight: of
    every row. The information of a row is weight (diag p - p p') times (Kronecker) the outer
    product of its features."""

    features: Floats
    classes: Ints
    roots: Floats
    weight: float = 1.0

    def take(self, rows: slice | Ints) -> Factors:
        return self._replace(
            features=self.features[rows], classes=self.classes[:, rows], roots=self.roots[:, rows]
        )

    def seen(self, matrix: Floats) -> Floats:
        """(c, m, n) each row's factor times a matrix (k d, m)."""
        d, m = self.features.shape[1], matrix.shape[1]
        k = len(matrix) // d
        flat = matrix.reshape(k, d, m).transpose(0, 2, 1).reshape(k * m, d)
        along = (flat.astype(self.features.dtype) @ self.features.T).reshape(k, m, -1)
        if len(self.classes) < k:
            along = np.take_along_axis(along, self.classes[:, None], axis=0)
        return self.rooted(along)

    def rooted(self, values: Floats) -> Floats:
        """(c, m, n) a root of each row's weight (diag p - p p') times these values (c, m, n)."""
        rest = np.maximum(1 - np.square(self.roots).sum(axis=0), 0)
        along = (self.roots / (1 + np.sqrt(rest))).astype(values.dtype)
        roots = self.roots.astype(values.dtype)
        out = (values.dtype.type(np.sqrt(self.weight)) * roots)[:, None] * values
        out -= along[:, None] * np.einsum("cn,cmn->mn", roots, out)
        return np.asarray(out)


class SymmetricSum:
    """A matrix (k d, k d) minus low-rank products, some of which are still to be subtracted."""

    def __init__(self, matrix: Floats) -> None:
        self.matrix = matrix
        self.left: list[Floats] = []
        self.right: list[Floats] = []

    def turned(self, row: Factors) -> Floats:
        """(k d, c) the matrix times the transposed factor of one row."""
        width, d = len(self.matrix), row.features.shape[1]
        product = self.matrix.reshape(width, width // d, d) @ row.features[0].astype(np.float64)
        out: Floats = row.rooted(product[:, row.classes[:, 0]].T[:, :, None])[:, :, 0].T
        for left, right in zip(self.left, self.right, strict=True):
            out -= left @ row.seen(right)[:, :, 0].T
        return out

    def subtract(self, left: Floats, right: Floats) -> None:
        """Subtract left right', a symmetric product of two (k d, m) matrices."""
        self.left, self.right = [*self.left, left], [*self.right, right]
        if sum(part.shape[1] for part in self.left) > PENDING:
            self.matrix -= np.concatenate(self.left, axis=1) @ np.concatenate(self.right, axis=1).T
            self.left, self.right = [], []


def likeliest(features: Floats, probs: Floats, classes: int) -> Factors:
    """In these many most probable classes, renormalised, or in all but the last class."""
    count = min(classes, probs.shape[1])
    top = np.sort(np.argsort(-probs, axis=1, kind="stable")[:, :count], axis=1)
    p = np.take_along_axis(probs, top, axis=1).astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    kept = slice(count - (count == probs.shape[1]))
    return Factors(features, top.T[kept].copy(), np.sqrt(p.T[kept]))


def pairs(rows: Factors, k: int) -> list[tuple[int, int, Ints, Ints, Ints]]:
    """For classes a, b: a, b, the rows with both as probable classes, positions of a and of b."""
    c, n = rows.classes.shape
    place = np.full((k, n), -1)
    np.put_along_axis(place, rows.classes, np.arange(c)[:, None], axis=0)
    found = []
    for a in range(k):
        for b in range(a, k):
            both = np.flatnonzero((place[a] >= 0) & (place[b] >= 0))
            found.append((a, b, both, place[a, both], place[b, both]))
    return found


def fisher(rows: Factors, k: int) -> Floats:
    """(k d, k d) the sum of the information of these rows, in double precision; k classes."""
    d = rows.features.shape[1]
    total = np.zeros((k, d, k, d))
    for a, b, both, left, right in pairs(rows, k):
        roots = rows.roots[left, both]
        roots = roots * (rows.roots[right, both] if a != b else np.sqrt(1 - roots**2))
        for part in blocks(len(both)):
            features = rows.features[both[part]]
            features *= roots[part].astype(features.dtype)[:, None]
            total[a, :, b] += features.T @ features if a == b else -features.T @ features
        total[b, :, a] = total[a, :, b]
    return total.reshape(k * d, k * d)


def forms(rows: Factors, matrix: Floats) -> Floats:
    """(c, c, n) V A V' of each row's factor V and a symmetric matrix (k d, k d)."""
    d = rows.features.shape[1]
    k = len(matrix) // d
    cut = matrix.reshape(k, d, k, d).transpose(0, 2, 1, 3).astype(rows.features.dtype)
    cut = np.triu(cut) + np.triu(cut.swapaxes(2, 3), 1)  # h' A h of half the numbers
    c, n = rows.classes.shape
    out = np.empty((c, c, n))
    for part in blocks(n):
        here = rows.take(part)
        for a, b, both, left, right in pairs(here, k):
            features = here.features if len(both) == len(here.features) else here.features[both]
            found = np.zeros(len(both))
            for columns in blocks(d, COLUMNS):
                turned = features[:, : columns.stop] @ cut[a, b, : columns.stop, columns]
                found += np.einsum("ij,ij->i", turned, features[:, columns])
            out[left, right, part.start + both] = found
            out[right, left, part.start + both] = found
    for part in blocks(n, STRIP):
        here = rows.take(part)
        out[..., part] = here.rooted(here.rooted(out[..., part]).swapaxes(0, 1))
    return out


def greedy(rows: Factors, inverse: Floats, middle: Floats, count: int, budget: int) -> Ints:
    """Positions of `budget` rows kept of `count` added ones; changes M^-1 and M^-1 F M^-1."""
    spans, pulls = forms(rows, inverse), forms(rows, middle)
    both = SymmetricSum(inverse), SymmetricSum(middle)
    chosen: list[int] = []
    for _ in range(count):
        gains = changes(spans, pulls, 1)
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
        update(rows, chosen[-1], *both, spans, pulls, 1)
    picked, kept = np.array(chosen), np.ones(count, dtype=np.bool_)
    rows, spans, pulls = rows.take(picked), spans[..., picked], pulls[..., picked]
    for _ in range(count - budget):
        rest = np.flatnonzero(kept)
        least = int(rest[changes(spans[..., rest], pulls[..., rest], -1).argmin()])
        kept[least] = False
        update(rows, least, *both, spans, pulls, -1)
    return picked[kept]


def changes(spans: Floats, pulls: Floats, sign: int) -> Floats:
    """(n,) how much tr(M^-1 F) falls by adding (sign 1) or rises by removing (-1) each row: tr(V
    M^-1 F M^-1 V' (I + sign V M^-1 V')^-1), by elimination, for all rows of a strip at once."""
    out = np.zeros(spans.shape[2])
    for part in blocks(len(out), STRIP):
        left, pull = sign * spans[..., part], pulls[..., part].copy()
        for j in range(len(left)):
            pivot = np.maximum(1 + left[j, j], 1e-12)
            out[part] += pull[j, j] / pivot
            ratio = left[j] / pivot
            across = pull[j] - ratio * (pull[j, j] / 2)
            for i in range(j + 1, len(left)):
                left[i, i:] -= ratio[i] * left[j, i:]
                pull[i, i:] -= ratio[i] * across[i:]
                pull[i, i:] -= across[i] * ratio[i:]
    return out


def update(
    rows: Factors,
    at: int,
    inverse: SymmetricSum,
    middle: SymmetricSum,
    spans: Floats,
    pulls: Floats,
    sign: int,
) -> None:
    """Add a row to M (sign 1) or remove it (-1); all four change in place (Woodbury)."""
    own = rows.take(np.array([at]))
    turned, pulled = inverse.turned(own), middle.turned(own)
    span, pull = own.seen(turned)[..., 0], own.seen(pulled)[..., 0]
    values, vectors = np.linalg.eigh((span + span.T) / 2)
    root = vectors / np.sqrt(np.maximum(1 + sign * values, 1e-12))
    near, far = turned @ root, sign * pulled @ root
    far -= near @ (root.T @ (pull + pull.T) @ root / 4)
    inverse.subtract(sign * near, near)
    both = np.hstack([near, far])
    middle.subtract(both, np.hstack([far, near]))
    for part in blocks(spans.shape[2], STRIP):
        near, far = np.split(rows.take(part).seen(both), 2, axis=1)
        for i, (one, other) in enumerate(zip(near, far, strict=True)):
            spans[i, i:, part] -= sign * np.einsum("mn,jmn->jn", one, near[i:])
            pulls[i, i:, part] -= np.einsum("mn,jmn->jn", one, far[i:])
            pulls[i, i:, part] -= np.einsum("mn,jmn->jn", other, near[i:])
