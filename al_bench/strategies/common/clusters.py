"""K-means and the rows nearest to its centres, for the strategies that cover by clusters."""

from __future__ import annotations

import warnings

import numpy as np

from al_bench.state import Floats, Ints
from al_bench.strategies.common.distances import (
    Nearest,
    blocks,
    reach,
    settle,
    spread,
    squared_distances,
    squared_norms,
)

FULL = 50  # clusters up to which Lloyd's algorithm runs; above, mini-batches (as TypiClust does)
PASSES = 2  # most that mini-batches go over the rows: a third saves 1 % of the inertia
NEAR_ENOUGH = 1e-5  # fraction by which rounding may set two equal squared distances apart


def kmeans(features: Floats, clusters: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """(n,) cluster of each row and (c, d) centres, by k-means++ and one run.

    Empty clusters (duplicate rows) are possible and no error. O(n c d) a pass.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    clusters = min(clusters, len(features))
    seeds, seed = features[seeding(features, clusters, rng)], int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        if clusters <= FULL:
            fitted = KMeans(clusters, init=seeds, n_init=1, random_state=seed).fit(features)
        else:
            fitted = MiniBatchKMeans(
                clusters,
                init=seeds,
                n_init=1,
                max_iter=PASSES,
                random_state=seed,
                compute_labels=False,
            ).fit(features)
    centres = fitted.cluster_centers_.astype(features.dtype)
    return assign(features, centres), centres


def seeding(features: Floats, count: int, rng: np.random.Generator) -> Ints:
    """(count,) distinct row numbers drawn by k-means++; the first is uniform."""
    norms, rows = squared_norms(features), rng.permutation(len(features))

    def distance(left: Ints, right: Ints) -> Floats:
        return settle(features[left] @ features[right].T, norms[left], norms[right])

    return rows[spread(Nearest(rows, distance, reach(norms[rows], 0)), 0, count, rng)]


def assign(features: Floats, centres: Floats) -> Ints:
    """(n,) the number of the nearest centre of each row."""
    out = np.empty(len(features), dtype=np.int64)
    for part in blocks(len(features)):
        out[part] = squared_distances(features[part], centres).argmin(axis=1)
    return out


def representatives(features: Floats, clusters: int, rng: np.random.Generator) -> Ints:
    """Positions of exactly min(clusters, n) distinct rows: of every k-means cluster the row nearest
    to its centre, then random rows in place of empty clusters.

    Ties, such as two rows and their mean, fall at random.
    """
    n = len(features)
    if clusters >= n:
        return rng.permutation(n)
    assigned, centres = kmeans(features, clusters, rng)
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
