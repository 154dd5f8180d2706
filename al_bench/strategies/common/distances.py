"""Squared distances in blocks, and the nearest centre of every row, exact only where it matters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from al_bench.core.state import Floats, Ints

BLOCK = 4096  # rows of one matrix product: the whole n x m matrix is never formed
ROUNDING = 4e-6  # squared float32 distances below this fraction of the squared norms are set to 0

Distance: TypeAlias = Callable[[Ints, Ints], Floats]  # (m,) and (c,) row numbers -> (m, c) squared
FULL = 50  # Lloyd's algorithm up to this many clusters; above, mini-batches (as TypiClust does)
LARGE = 50_000_000  # rows times clusters above which `lloyd` takes over from scikit-learn
MOST = 300  # passes of Lloyd's algorithm, as in scikit-learn
PASSES = 2  # mini-batch passes over the rows, at most: a third saves 1 % of the inertia
NEAR_ENOUGH = 1e-5  # relative difference by rounding of two equal squared distances


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices that cut 0..n-1 into pieces of `size`; the last one may be shorter."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def squared_norms(features: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", features, features))


def unit_rows(features: Floats, rows: Ints) -> Floats:
    """(m, d) these rows at length one, in one copy; zero rows stay zero."""
    out: Floats = features[rows]
    norms = np.sqrt(squared_norms(out))
    out /= np.where(norms > 0, norms, 1)[:, None]
    return out


def squared_distances(left: Floats, right: Floats) -> Floats:
    """(m, c) squared Euclidean distances of two sets of rows; rounding residues become zero."""
    distances = left @ right.T
    return settle(distances, squared_norms(left), squared_norms(right))


def settle(dots: Floats, left: Floats, right: Floats) -> Floats:
    """Inner products turned, in place, into squared distances; rounding errors become zero."""
    scale = left[:, None] + right[None]
    dots *= -2
    dots += scale
    scale *= ROUNDING
    dots[dots < scale] = 0
    return dots


class Nearest:
    """Squared distance of each candidate row to its nearest centre, updated lazily.

    A new centre can only lower these distances, so an old distance is an upper bound. The argmax
    needs exact values only for the few rows whose bound reaches it. The result equals that of
    updating every row for every centre. O(u) memory plus one block.

    rows: (u,) candidate row numbers; bounds: (u,) upper bounds to start from, which this changes.
    """

    def __init__(self, rows: Ints, distance: Distance, bounds: Floats) -> None:
        self.rows, self.distance, self.bounds = rows, distance, bounds
        self.centres = np.empty(0, dtype=np.int64)
        self.seen = np.zeros(len(rows), dtype=np.int64)  # number of centres in each bound

    def add(self, centres: Ints) -> None:
        self.centres = np.concatenate([self.centres, centres])

    def refresh(self, at: Ints, until: int) -> None:
        """Update the bounds at these positions with the first `until` centres."""
        for part in blocks(len(at)):
            here = at[part]
            centres = self.centres[self.seen[here].min() : until]
            if len(centres):
                found = self.distance(self.rows[here], centres).min(axis=1)
                self.bounds[here] = np.minimum(self.bounds[here], found)
                self.seen[here] = np.maximum(self.seen[here], until)

    def argmax(self, weights: Floats) -> int:
        """The position of the largest weight times squared distance; of ties the first."""
        now = len(self.centres)
        scores = self.bounds * weights
        best = int(scores.argmax())
        while self.seen[best] < now:
            self.refresh(np.array([best]), now)
            scores[best] = self.bounds[best] * weights[best]
            rivals = np.flatnonzero((scores > scores[best]) & (self.seen < now))
            if len(rivals) > BLOCK:
                rivals = rivals[np.argpartition(-scores[rivals], BLOCK)[:BLOCK]]
            self.refresh(rivals, now)
            scores[rivals] = self.bounds[rivals] * weights[rivals]
            best = int(scores.argmax())
        return best

    def take(self, position: int) -> None:
        """Make this candidate a centre and exclude it from later argmaxes."""
        self.add(self.rows[[position]])
        self.bounds[position] = -np.inf
        self.seen[position] = np.iinfo(np.int64).max


def spread(nearest: Nearest, first: int, count: int, rng: np.random.Generator) -> Ints:
    """(count,) positions by k-means++ seeding (Arthur and Vassilvitskii, 2007): `first`, then each
    drawn with probability proportional to its squared distance to the nearest chosen one; if all of
    these are zero, the first position not yet drawn."""
    nearest.take(first)
    chosen = [first]
    while len(chosen) < count:
        # the winner of an exponential race with these rates is a draw proportional to them
        clocks = rng.standard_exponential(len(nearest.rows), dtype=np.float32)
        chosen.append(nearest.argmax(1 / np.maximum(clocks, 1e-20)))
        nearest.take(chosen[-1])
    return np.array(chosen)


def reach(norms: Floats, first: int) -> Floats:
    """(n,) upper bounds of the squared distances to row `first`, given the squared norms."""
    return np.asarray((np.sqrt(norms) + np.sqrt(norms[first])) ** 2 * (1 + ROUNDING))


def pairwise(features: Floats) -> Floats:
    """(s, s) symmetric squared distances of all pairs, zero on the diagonal: 4 s^2 bytes."""
    squared: Floats = features @ features.T  # BLAS computes one triangle and mirrors it
    norms = np.diag(squared).copy()
    for part in blocks(len(features), 256):
        settle(squared[part], norms[part], norms)
    np.fill_diagonal(squared, 0)
    return squared


def kmeans(
    features: Floats,
    clusters: int,
    rng: np.random.Generator,
    full: float = FULL,
    weights: Floats | None = None,
) -> tuple[Ints, Floats]:
    """(n,) clusters and (c, d) centres by k-means++ and one run: Lloyd's up to `full` clusters."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    clusters = min(clusters, len(features))
    seeds, seed = features[seeding(features, clusters, rng)], int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        if clusters <= full and len(features) * clusters > LARGE:
            return lloyd(features, seeds, weights)
        if clusters <= full:
            method = KMeans(clusters, init=seeds, n_init=1, random_state=seed)
        else:
            options = {"max_iter": PASSES, "random_state": seed, "compute_labels": False}
            method = MiniBatchKMeans(clusters, init=seeds, n_init=1, **options)
        fitted = method.fit(features, sample_weight=weights)
    centres = fitted.cluster_centers_.astype(features.dtype)
    return assign(features, centres), centres


def lloyd(features: Floats, centres: Floats, weights: Floats | None = None) -> tuple[Ints, Floats]:
    """(n,) clusters and (c, d) centres by Lloyd's algorithm from these, up to rounding those of
    scikit-learn: each row is compared with the centres that moved, and with all of them only if one
    of these may be nearer than its own. A centre without rows stays. O(n) memory."""
    from scipy.sparse import csr_array

    n, centres = len(features), centres.copy()
    mass = np.ones(n, dtype=features.dtype) if weights is None else weights.astype(features.dtype)
    assigned, moved, place = np.full(n, -1), np.arange(0), np.full(len(centres), -1)
    own, others = np.full(n, np.inf), np.full(n, -np.inf)  # squared distance, less the row's norm
    for _ in range(MOST):
        before = assigned.copy()
        for part in blocks(n):
            scores = relative(features[part], centres[moved])
            at = place[assigned[part]]
            rows = np.flatnonzero(at >= 0)
            own[part][rows] = scores[rows, at[rows]]
            scores[rows, at[rows]] = np.inf
            others[part] = np.minimum(others[part], scores.min(axis=1, initial=np.inf))
            rows = part.start + np.flatnonzero(own[part] >= others[part])
            scores, index = relative(features[rows], centres), np.arange(len(rows))
            assigned[rows] = best = scores.argmin(axis=1)
            own[rows] = scores[index, best]
            scores[index, best] = np.inf
            others[rows] = scores.min(axis=1)
        changed = assigned != before
        if not changed.any():
            break
        moved = np.unique([assigned[changed], before[changed]])
        moved = moved[moved >= 0]
        place[:] = -1
        place[moved] = np.arange(len(moved))
        rows = np.flatnonzero(place[assigned] >= 0)
        entries = mass[rows], (place[assigned[rows]], rows)
        members = csr_array(entries, shape=(len(moved), n))
        total = np.asarray(members.sum(axis=1))[:, None]
        sums = members @ features
        centres[moved] = np.where(total > 0, sums / np.where(total > 0, total, 1), centres[moved])
    else:
        assigned = assign(features, centres)
    return assigned, centres


def relative(features: Floats, centres: Floats) -> Floats:
    """(m, c) squared distances less the squared norms of the rows."""
    scores: Floats = features @ (-2 * centres.T)
    scores += squared_norms(centres)
    return scores


def sklearn_kmeans(features: Floats, clusters: int, rng: np.random.Generator) -> Ints:
    """(n,) cluster of each row, by scikit-learn as in TypiClust's code, at its defaults of 2022."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    clusters, seed = min(clusters, len(features)), int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        warnings.simplefilter("ignore", RuntimeWarning)  # only duplicates: all distances are zero
        if clusters <= FULL:
            fitted = KMeans(clusters, n_init=10, random_state=seed)
        else:
            fitted = MiniBatchKMeans(clusters, n_init=3, batch_size=5000, random_state=seed)
        return np.asarray(fitted.fit_predict(features).astype(np.int64))


def seeding(features: Floats, count: int, rng: np.random.Generator) -> Ints:
    """(count,) distinct row numbers drawn by k-means++; the first is uniform."""
    norms, rows = squared_norms(features), rng.permutation(len(features))

    def distance(left: Ints, right: Ints) -> Floats:
        return settle(features[left] @ features[right].T, norms[left], norms[right])

    return rows[spread(Nearest(rows, distance, reach(norms[rows], 0)), 0, count, rng)]


def assign(features: Floats, centres: Floats) -> Ints:
    out = np.empty(len(features), dtype=np.int64)
    for part in blocks(len(features)):
        out[part] = squared_distances(features[part], centres).argmin(axis=1)
    return out


def representatives(
    features: Floats,
    clusters: int,
    rng: np.random.Generator,
    full: float = FULL,
    weights: Floats | None = None,
) -> Ints:
    """Positions of the row nearest to each k-means centre, random ones for empty clusters."""
    n = len(features)
    if clusters >= n:
        return rng.permutation(n)
    assigned, centres = kmeans(features, clusters, rng, full, weights)
    gaps = np.empty(n)
    for part in blocks(n):
        gaps[part] = squared_norms(features[part] - centres[assigned[part]])
    smallest = np.full(len(centres), np.inf)
    np.minimum.at(smallest, assigned, gaps)
    order = rng.permutation(n)
    near = order[(gaps <= smallest[assigned] * (1 + NEAR_ENOUGH))[order]]
    chosen = near[np.unique(assigned[near], return_index=True)[1]]
    rest = order[~np.isin(order, chosen)]
    return np.concatenate([chosen, rest[: clusters - len(chosen)]])
