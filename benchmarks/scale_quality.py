"""What query rules that look at a part of a large pool lose by it, beside versions that do not.

Used by benchmarks/scale.py. A comparison is of choices from one pool: a criterion of the rule's own
for the rows that it queries, for those of an exact version, and for random ones. What only prunes
is meant to be exact, and compared row by row with itself without pruning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import lru_cache
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from pages import row
from scale_covers import (
    Result,
    at_random,
    choice,
    conditional,
    covered,
    herded,
    kept,
    queried,
    result,
    strategy,
)
from selection import Size, make_pool

from al_bench.arithmetic import entropy
from al_bench.state import Floats, Ints, State
from al_bench.strategies import anchors, bait, cluster_margin
from al_bench.strategies import typiclust as typical
from al_bench.strategies import vessal as streaming
from al_bench.strategies.badge import residuals
from al_bench.strategies.common import clusters
from al_bench.strategies.common.distances import (
    Nearest,
    blocks,
    squared_distances,
    unit_rows,
)
from al_bench.strategies.common.linear import linear_head
from al_bench.strategies.common.ranking import top

TREE = 20_000  # rows whose average-linkage tree is made: 4 GiB, and 100 for 100,000
JOINT = 3  # queries whose answers are enumerated, so that what is compared is no draw


def overlap(left: Ints, right: Ints) -> float:
    """The fraction of rows that are in both of two equally large choices."""
    return len(np.intersect1d(left, right)) / len(right)


# --- exact, but for what is pruned ----------------------------------------------------------------


def pruned(name: str, state: State, budget: int) -> list[Result]:
    """The rows, beside those where every distance is brought up to date for every pick."""

    def plain(self: Nearest, weights: Floats) -> int:
        self.refresh(np.arange(len(self.rows)), len(self.centres))
        return int((self.bounds * weights).argmax())

    ours = choice(strategy(name), state, budget)
    with patch.object(Nearest, "argmax", plain):
        exact = choice(strategy(name), state, budget)
    random = overlap(at_random(state, budget), exact)
    return [result("rows in common", overlap(ours, exact), 1, random)]


def searched(name: str, state: State, budget: int) -> list[Result]:
    """Recall of the nearest unlabelled rows of labelled ones, beside a search in full in double
    precision."""
    rows, count = state.unlabelled, strategy(name).neighbours
    pool = unit_rows(state.rows.features, rows)
    taught = unit_rows(state.rows.features, state.labelled)
    found = np.isfinite(anchors.mean_similarity(pool, taught, count))
    wanted, double = np.zeros(len(rows), dtype=bool), pool.astype(np.float64).T
    for part in blocks(len(taught), 64):
        alike = taught[part].astype(np.float64) @ double
        wanted[np.argpartition(-alike, count - 1, axis=1)[:, :count]] = True
    return [result("recall of neighbours", found[wanted].mean(), 1, wanted.mean())]


def cal(name: str, state: State, budget: int) -> list[Result]:
    """The rows, beside those by neighbours sorted in full in double precision."""
    rule, free = strategy(name), state.unlabelled
    logs = np.log(np.maximum(state.probs.astype(np.float64), 1e-12))
    taught = unit_rows(state.rows.features, state.labelled).astype(np.float64)
    scores = np.empty(len(free))
    for part in blocks(len(free), 1024):
        here = unit_rows(state.rows.features, free[part]).astype(np.float64)
        near = state.labelled[np.argsort(-(here @ taught.T), axis=1)[:, : rule.neighbours]]
        apart = logs[near] - logs[free[part]][:, None]
        scores[part] = np.sum(state.probs[near] * apart, axis=2).mean(axis=1)
    exact = free[top(scores, budget, np.random.default_rng(2))]
    random = overlap(at_random(state, budget), exact)
    return [result("rows in common", overlap(choice(rule, state, budget), exact), 1, random)]


# --- clusters by fewer passes ---------------------------------------------------------------------


def clustered(name: str, state: State, budget: int) -> list[Result]:
    """Mean squared distance of the rows that are clustered to the mean of their cluster, beside
    Lloyd's algorithm until it settles; random: clusters around random rows."""
    where = (typical, "sklearn_kmeans") if name == "typiclust" else (clusters, "kmeans")
    real, lloyd, seen = getattr(*where), clusters.kmeans, list[Result]()

    def exactly(
        features: Floats, count: int, rng: np.random.Generator, full: float = 0,
        weights: Floats | None = None,
    ) -> Any:  # fmt: skip
        found = lloyd(features, count, rng, np.inf, weights)
        return found[0] if name == "typiclust" else found

    def spy(features: Floats, count: int, rng: np.random.Generator, *more: Any) -> Any:
        exact = exactly(features, count, deepcopy(rng), *more)
        found = real(features, count, rng, *more)
        centres = features[np.random.default_rng(2).permutation(len(features))[:count]]
        three = found, exact, clusters.assign(features, centres)
        weights = more[1] if len(more) > 1 else None
        inner = [spread(features, a[0] if isinstance(a, tuple) else a, weights) for a in three]
        seen.append(result(f"spread of {count} clusters of {len(features):,} rows", *inner))
        return found

    with patch.object(*where, spy):
        ours = choice(strategy(name), state, budget)
    if name != "typiclust":
        return seen
    with patch.object(*where, exactly):
        exact = choice(strategy(name), state, budget)
    rows = ours, exact, at_random(state, budget)
    far = [typicality(state, each, strategy(name).neighbours) for each in rows]
    return [*seen, result("squared distance to the 20 nearest rows of the pool", *far)]


def spread(features: Floats, assigned: Ints, weights: Floats | None) -> float:
    """Weighted mean squared distance to the mean of the own cluster."""
    weights = np.ones(len(features)) if weights is None else weights
    total = 0.0
    for cluster in np.unique(assigned):
        own = features[assigned == cluster].astype(np.float64)
        part = weights[assigned == cluster]
        total += part @ np.square(own - part @ own / part.sum()).sum(axis=1)
    return total / float(weights.sum())


def typicality(state: State, rows: Ints, neighbours: int) -> float:
    pool = unit_rows(state.rows.features, np.arange(len(state.labels)))
    near = np.partition(squared_distances(pool[rows], pool), neighbours, axis=1)
    return float(near[:, 1 : neighbours + 1].mean())  # without itself


# --- fewer numbers, candidates, leaves ------------------------------------------------------------


def projected(name: str, state: State, budget: int) -> list[Result]:
    """Volume of the whole gradients that are queried, beside one pass over whole gradients."""

    def gradients(
        state: State, rows: Ints, dim: int = 0, rng: np.random.Generator | None = None
    ) -> Floats:
        out = residuals(state.probs[rows])[:, :, None] * state.rows.features[rows][:, None]
        return out.reshape(len(rows), -1)

    rule = strategy(name)

    def value(rows: Ints) -> float:
        own = gradients(state, rows).astype(np.float64)
        return float(np.linalg.slogdet(np.eye(len(rows)) + own @ own.T / rule.ridge)[1])

    ours = choice(rule, state, budget)
    with patch.object(streaming, "projected", gradients):
        exact = choice(rule, state, budget)
    return [result("log volume", *map(value, (ours, exact, at_random(state, budget))))]


def fisher_trace(name: str, state: State, budget: int) -> list[Result]:
    """tr(M^-1 F) of whole features, beside the rule without a limit; less is better."""
    rule, k = strategy(name), state.n_classes
    old, new = rule._weights(len(state.labelled), budget)

    def information(rows: Ints) -> Floats:
        features = linear_head(state).features[rows]
        return bait.fisher(bait.likeliest(features, state.probs[rows], rule.classes), k)

    everything = information(np.concatenate([state.unlabelled, state.labelled]))
    base = old * information(state.labelled) + rule.ridge * np.eye(len(everything))

    def value(rows: Ints) -> float:
        found = np.linalg.solve(base + new * information(rows), everything)
        return float(np.trace(found)) / len(state.labels)

    exact = choice(strategy(name, limit=len(everything)), state, budget)
    rows = choice(rule, state, budget), exact, at_random(state, budget)
    return [result("tr(M⁻¹F), less is better", *map(value, rows))]


def tree(name: str, state: State, budget: int) -> list[Result]:
    """From how many clusters of the tree of all rows the batch comes, beside the rule on it."""
    found: list[Floats] = []
    with patch.object(cluster_margin, "linkage_means", kept(found, cluster_margin.linkage_means)):
        ours = choice(strategy(name), state, budget)
        exact = choice(strategy(name, sample=len(state.labels)), state, budget)

    def value(rows: Ints) -> float:
        return len(np.unique(clusters.assign(unit_rows(state.rows.features, rows), found[1])))

    rows = ours, exact, at_random(state, budget)
    return [result("clusters in the batch", *map(value, rows))]


def joint(name: str, state: State, budget: int) -> list[Result]:
    """Information of a few queries together, beside all rows as candidates."""
    rule = strategy(name)
    predict = rule.posterior.draw(state, rule.models, np.random.default_rng(2))

    def value(rows: Ints) -> float:
        probs = predict(rows).astype(np.float64)  # (b, models, k)
        together = np.ones((rule.models, 1))
        for each in probs:
            together = (together[:, :, None] * each[:, None]).reshape(rule.models, -1)
        return float(entropy(together.mean(axis=0)[None])[0] - entropy(probs).mean(axis=1).sum())

    exact = choice(strategy(name, candidates=len(state.labels)), state, budget)
    rows = choice(rule, state, budget), exact, at_random(state, budget)
    return [result("joint information, nats", *map(value, rows))]


# what each looks at in a large pool, and what compares it
COMPARED: dict[str, tuple[str, Callable[[str, State, int], list[Result]]]] = {
    "coreset": ("exact: bounds skip rows", pruned),
    "pcoreset": ("exact: bounds skip rows", pruned),
    "badge": ("exact draws: bounds skip rows", pruned),
    "seals": ("exact search, block by block", searched),
    "anchoral": ("exact search, block by block", searched),
    "cal": ("exact search, block by block", cal),
    "probcover": ("a sample of the rows", covered),
    "maxherding": ("a sample of the rows", herded),
    "uherding": ("a sample of the rows", herded),
    "flcg": ("a sample of the rows", conditional),
    "flqmi": ("a sample of the rare answers", queried),
    "typiclust": ("mini-batches, as the authors", clustered),
    "centroid": ("mini-batches above 50 clusters", clustered),
    "class_guided": ("mini-batches above 50 clusters", clustered),
    "alfamix": ("mini-batches above 50 clusters", clustered),
    "codecision": ("mini-batches above 50 clusters", clustered),
    "cluster_margin": ("a tree of a sample", tree),
    "batchbald": ("the most informative as candidates", joint),
    "bait": ("principal components of features", fisher_trace),
    "vessal": ("projected gradients", projected),
}
OTHERS = """\
What a rule leaves out by its definition is no approximation (subsample, class_balanced, \
prefilter, pcb, the sub-pools of seals and anchoral). Wrappers take over \
what the rule inside them loses: selective class_guided's, nas probcover's, tailor flqmi's. All \
other rules score every row or sort all of them and are exact at any size; dropquery clusters by \
Lloyd's algorithm at any size, as its authors do."""


def comparisons(size: Size) -> Iterator[Result]:
    """What is compared on pools of at most this size, by the rule's name."""
    for name in COMPARED:
        own = size._replace(rows=min(size.rows, TREE)) if name == "cluster_margin" else size
        own = own._replace(budget=min(size.budget, JOINT)) if name == "batchbald" else own
        yield {"quality": name, **own._asdict()}


def compared(what: Result) -> Result:
    """The results of one comparison, and the seconds of everything in it."""
    size = Size(**{name: what[name] for name in Size._fields})
    state = pool(size._replace(budget=0))
    begun = perf_counter()
    name = what["quality"]
    results = COMPARED[name][1](name, state, size.budget)
    return {"results": results, "took": perf_counter() - begun}


@lru_cache(maxsize=1)
def pool(size: Size) -> State:
    return make_pool(size, False)[0]


def table(records: Sequence[Result]) -> list[str]:
    """One line a criterion, in the order of COMPARED."""
    cells = ["strategy", "in a large pool", "rows", "budget", "criterion"]
    lines = [row(*cells, "rule", "exact", "random"), row(*["---"] * 5, *["---:"] * 3)]
    names = list(COMPARED)
    for record in sorted(records, key=lambda record: names.index(record["what"]["quality"])):
        what = record["what"]
        for found in record["results"]:
            cells = [what["quality"], COMPARED[what["quality"]][0]]
            cells += [f"{what['rows']:,}", f"{what['budget']}", found["criterion"]]
            lines.append(row(*cells, *(number(found[k]) for k in ("rule", "exact", "random"))))
    return [*lines, "", OTHERS]


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
