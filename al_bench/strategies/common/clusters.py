"""K-means and the rows nearest to its centres, for strategies that cover the pool by clusters."""

from __future__ import annotations

import warnings

import numpy as np

from al_bench.core.state import Floats, Ints
from al_bench.strategies.common.distances import (
    Nearest,
    blocks,
    reach,
    settle,
    spread,
    squared_distances,
    squared_norms,
)

FULL = 50  # Lloyd's algorithm up to this many clusters; above, mini-batches (as TypiClust does)
PASSES = 2  # mini-batch passes over the rows, at most: a third saves 1 % of the inertia
NEAR_ENOUGH = 1e-5  # relative difference by rounding of two equal squared distances


def kmeans(
    features: Floats,
    clusters: int,
    rng: np.random.Generator,
    full: float = FULL,
    weights: Floats | None = None,
) -> tuple[Ints, Floats]:
    """(n,) cluster of each row and (c, d) centres, by k-means++ and one run: Lloyd's algorithm for
    at most `full` clusters, mini-batches above. weights: (n,) of the rows in the means."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    clusters = min(clusters, len(features))
    seeds, seed = features[seeding(features, clusters, rng)], int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        if clusters <= full:
            method = KMeans(clusters, init=seeds, n_init=1, random_state=seed)
        else:
            options = {"max_iter": PASSES, "random_state": seed, "compute_labels": False}
            method = MiniBatchKMeans(clusters, init=seeds, n_init=1, **options)
        fitted = method.fit(features, sample_weight=weights)
    centres = fitted.cluster_centers_.astype(features.dtype)
    return assign(features, centres), centres


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
    """(n,) the number of the nearest centre of each row."""
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
    """Positions of exactly min(clusters, n) distinct rows: of every k-means cluster the row nearest
    to its centre, then random rows in place of empty clusters; ties at random."""
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
