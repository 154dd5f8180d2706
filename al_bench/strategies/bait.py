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


@dataclass(frozen=True)
class Bait:
    """Smallest tr(M^-1 F), forward then backward greedy (BAIT: Ash et al., 2021).

    F is the mean Fisher information of a linear head over the labelled and unlabelled rows; a row's
    is the Kronecker product of diag p - p p' and h h'. M is `ridge` I plus the information of
    labelled rows and of the batch. Rows are added greedily, then those that matter least removed.
    O(n c^2 d^2 + (k d)^3) once, then O(u k d c + u c^3 + (k d)^2 c) each of at most 2 `oversample`
    b steps; memory 8 (4 (k d)^2 + 3 u c^2) bytes.

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
        k = state.n_classes
        width = k * features.shape[1]
        information = old * fisher(labelled, k) + self.ridge * np.eye(width)
        inverse = np.linalg.inv(information)
        middle = inverse @ fisher(pool, k) @ inverse / len(seen)
        count = min(int(self.oversample * budget), len(rows))
        return rows[greedy(queried.scaled(np.sqrt(new)), inverse, middle, count, budget)]

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

    features: (n, d); classes: (n, c), ascending; probs: (n, c) of these, summing to one; roots: (n,
    c, c) with rows sqrt(p_j) (onehot(j) - p). The information of a row is the Kronecker product of
    roots' roots and the outer product of its features."""

    features: Floats
    classes: Ints
    probs: Floats
    roots: Floats

    def take(self, rows: slice | Ints) -> Factors:
        return Factors(self.features[rows], self.classes[rows], self.probs[rows], self.roots[rows])

    def scaled(self, factor: float) -> Factors:
        return self._replace(roots=self.roots * factor)

    def seen(self, matrix: Floats) -> Floats:
        """(n, c, m) each row's factor times a matrix (k d, m)."""
        d, m = self.features.shape[1], matrix.shape[1]
        k = len(matrix) // d
        flat = matrix.reshape(k, d, m).transpose(1, 0, 2).reshape(d, k * m)
        flat = flat.astype(self.features.dtype)
        along = (self.features @ flat).reshape(-1, k, m)
        own = np.take_along_axis(along, self.classes[:, :, None], axis=1)
        return np.asarray(self.roots @ own)


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
        out: Floats = product[:, row.classes[0]] @ row.roots[0].T
        for left, right in zip(self.left, self.right, strict=True):
            out -= left @ row.seen(right)[0].T
        return out

    def subtract(self, left: Floats, right: Floats) -> None:
        """Subtract left right', a symmetric product of two (k d, m) matrices."""
        self.left, self.right = [*self.left, left], [*self.right, right]
        if sum(part.shape[1] for part in self.left) > PENDING:
            self.matrix -= np.concatenate(self.left, axis=1) @ np.concatenate(self.right, axis=1).T
            self.left, self.right = [], []


def likeliest(features: Floats, probs: Floats, classes: int) -> Factors:
    count = min(classes, probs.shape[1])
    top = np.sort(np.argsort(-probs, axis=1, kind="stable")[:, :count], axis=1)
    p = np.take_along_axis(probs, top, axis=1).astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    roots = np.sqrt(p)[:, :, None] * (np.eye(count) - p[:, None])
    return Factors(features, top, p, roots)


def pairs(rows: Factors, k: int) -> list[tuple[int, int, Ints, Ints, Ints]]:
    """For classes a, b: a, b, the rows with both as probable classes, positions of a and of b."""
    place = np.full((len(rows.classes), k), -1)
    np.put_along_axis(place, rows.classes, np.arange(rows.classes.shape[1]), axis=1)
    found = []
    for a in range(k):
        for b in range(a, k):
            both = np.flatnonzero((place[:, a] >= 0) & (place[:, b] >= 0))
            found.append((a, b, both, place[both, a], place[both, b]))
    return found


def fisher(rows: Factors, k: int) -> Floats:
    """(k d, k d) the sum of the information of these rows, in double precision; k classes."""
    d = rows.features.shape[1]
    total = np.zeros((k, d, k, d))
    for a, b, both, left, right in pairs(rows, k):
        weights = (left == right) * rows.probs[both, left]
        weights = weights - rows.probs[both, left] * rows.probs[both, right]
        for part in blocks(len(both)):
            features = rows.features[both[part]]
            weighted = features * weights[part].astype(features.dtype)[:, None]
            total[a, :, b] += features.T @ weighted
        total[b, :, a] = total[a, :, b].T
    return total.reshape(k * d, k * d)


def forms(rows: Factors, matrix: Floats) -> Floats:
    """(n, c, c) V A V' of each row's factor V and a symmetric matrix (k d, k d)."""
    d = rows.features.shape[1]
    k = len(matrix) // d
    cut = matrix.reshape(k, d, k, d).astype(rows.features.dtype)
    out = np.empty_like(rows.roots)
    for a, b, both, left, right in pairs(rows, k):
        block = np.ascontiguousarray(cut[a, :, b])
        for part in blocks(len(both)):
            here = both[part]
            features = rows.features[here]
            found = np.einsum("ij,ij->i", features @ block, features)
            out[here, left[part], right[part]] = found
            out[here, right[part], left[part]] = found
    for part in blocks(len(out)):
        roots = rows.roots[part]
        out[part] = roots @ out[part] @ roots.transpose(0, 2, 1)
    return out


def greedy(rows: Factors, inverse: Floats, middle: Floats, count: int, budget: int) -> Ints:
    """Positions of `budget` rows kept of `count` added ones; changes M^-1 and M^-1 F M^-1."""
    spans, pulls = forms(rows, inverse), forms(rows, middle)
    both = SymmetricSum(inverse), SymmetricSum(middle)
    chosen: list[int] = []
    for _ in range(count):
        gains = trace_gains(spans, pulls)
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
        update(rows, chosen[-1], *both, spans, pulls, 1)
    picked, kept = np.array(chosen), np.ones(count, dtype=np.bool_)
    rows, spans, pulls = rows.take(picked), spans[picked], pulls[picked]
    for _ in range(count - budget):
        least = int(np.where(kept, trace_losses(spans, pulls), np.inf).argmin())
        kept[least] = False
        update(rows, least, *both, spans, pulls, -1)
    return picked[kept]


def trace_gains(spans: Floats, pulls: Floats) -> Floats:
    """(n,) decrease of tr(M^-1 F) by adding each row: tr(V M^-1 F M^-1 V' (I + V M^-1 V')^-1)."""
    out = np.empty(len(spans))
    for part in blocks(len(out)):
        core = np.linalg.inv(spans[part] + np.eye(spans.shape[1]))
        out[part] = np.einsum("nij,nji->n", core, pulls[part])
    return out


def trace_losses(spans: Floats, pulls: Floats) -> Floats:
    """(m,) increase of tr(M^-1 F) by removing each of the rows in M."""
    values, vectors = np.linalg.eigh(spans)
    along = np.einsum("nji,njk,nki->ni", vectors, pulls, vectors)
    return np.asarray((along / np.maximum(1 - values, 1e-12)).sum(axis=1))


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
    span, pull = own.seen(turned)[0], own.seen(pulled)[0]
    core = np.linalg.inv(sign * np.eye(len(span)) + (span + span.T) / 2)
    side = pulled @ core - turned @ (core @ ((pull + pull.T) / 4) @ core)
    inverse.subtract(turned @ core, turned)
    middle.subtract(np.hstack([turned, side]), np.hstack([side, turned]))
    both = np.hstack([turned, side])
    for part in blocks(len(spans)):
        near, far = np.split(rows.take(part).seen(both), 2, axis=2)
        spans[part] -= near @ core @ near.transpose(0, 2, 1)
        across = near @ far.transpose(0, 2, 1)
        pulls[part] -= across + across.transpose(0, 2, 1)
