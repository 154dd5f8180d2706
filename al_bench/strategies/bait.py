"""BAIT: the batch that leaves the least expected error in Fisher information."""

from __future__ import annotations

import numpy as np

from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.distances import blocks
from al_bench.strategies.common.linear import linear_head

FORMS = ("binary", "isotropic", "exact")


class Bait:
    """Smallest tr(M^-1 F), forward then backward greedy (BAIT: Ash et al., 2021).

    F is the mean Fisher information of unlabelled rows; M is `ridge` I plus the summed information
    of labelled rows and of the batch: with the ridge of the head, the curvature of what the head
    minimises, whatever the scale of the features. `oversample` times the budget is added one by
    one, then the least missed are removed. form ``binary`` sees the likeliest class against the
    rest (factor sqrt(p (1 - p)) h; Huseljic et al., 2024), which takes a row for uninformative
    again where the likeliest class has under one half; ``isotropic`` (ours) spreads the information
    of all k classes, of trace 1 - sum_c p_c^2, evenly over their k - 1 directions, which for two
    classes is exact: O(u d) time a step, O(u d + d^2) memory both. ``exact`` keeps all classes:
    O(u (k d)^2) a step, and ValueError where k d is above `limit`. A model without a linear head is
    one over its log-probabilities.
    """

    def __init__(self, form: str, ridge: float, oversample: float, limit: int) -> None:
        if form not in FORMS:
            raise ValueError(f"Bait got form={form!r}; wanted one of {', '.join(FORMS)}")
        if ridge <= 0 or oversample < 1:
            raise ValueError(
                f"Bait got ridge={ridge}, oversample={oversample}; "
                "wanted a ridge above 0 and an oversample of at least 1"
            )
        self.form, self.ridge, self.oversample, self.limit = form, ridge, oversample, limit

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # the first of equals is a random one
        if budget >= len(rows):
            return rows
        features, probs = linear_head(state).features, state.probs
        labelled = self._factors(features[state.labelled], probs[state.labelled])
        factors = self._factors(features[rows], probs[rows])
        base = self.ridge * np.eye(factors.shape[-1]) + information(labelled)
        target = information(factors) / len(factors)
        count = min(int(self.oversample * budget), len(rows))
        greedy = block_greedy if self.form == "exact" else rank_one_greedy
        return rows[greedy(factors, base, target, count, budget)]

    def _factors(self, features: Floats, probs: Floats) -> Floats:
        """(n, ..., width) rows V such that V'V is the information of each."""
        if self.form == "exact":
            return self._exact_factors(features, probs)
        weights = binary_weights(probs) if self.form == "binary" else isotropic_weights(probs)
        factors: Floats = features * np.sqrt(weights).astype(features.dtype)[:, None]
        return factors

    def _exact_factors(self, features: Floats, probs: Floats) -> Floats:
        """(n, k, k d) rows sqrt(p_j) (onehot(j) - p) times the features: V'V is the information."""
        (n, d), k = features.shape, probs.shape[1]
        if k * d > self.limit:
            raise ValueError(
                f"Bait with form=exact needs {k} classes times {d} features to be at most "
                f"{self.limit}; use form=binary"
            )
        outer = np.sqrt(probs)[:, :, None] * (np.eye(k) - probs[:, None])
        factors = outer[:, :, :, None] * features[:, None, None].astype(np.float64)
        out: Floats = factors.reshape(n, k, k * d)
        return out


def binary_weights(probs: Floats) -> Floats:
    """(n,) information in the answer whether a row is of its likeliest class."""
    sure = probs.max(axis=1, initial=0)
    weights: Floats = np.maximum(sure * (1 - sure), 0)
    return weights


def isotropic_weights(probs: Floats) -> Floats:
    """(n,) mean information in an answer over the k - 1 directions that classes differ in."""
    trace = 1 - np.einsum("ij,ij->i", probs, probs)
    weights: Floats = np.maximum(trace, 0) / max(probs.shape[1] - 1, 1)
    return weights


def information(factors: Floats) -> Floats:
    """(d, d) sum of V'V over the rows, in double precision; zero without rows."""
    out = np.zeros((factors.shape[-1],) * 2)
    for part in blocks(len(factors)):
        flat = factors[part].reshape(-1, factors.shape[-1])
        out += flat.T @ flat
    return out


def rank_one_greedy(factors: Floats, base: Floats, target: Floats, count: int, budget: int) -> Ints:
    """Positions kept of `count` added: every row's forms are updated by two products a step."""
    inverse = np.linalg.inv(base)
    middle = inverse @ target @ inverse
    spans, forms = quadratic(factors, inverse), quadratic(factors, middle)
    chosen: list[int] = []
    for _ in range(count):
        gains = forms / (1 + spans)
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
        inverse, middle = updated(factors, chosen[-1], inverse, middle, spans, forms, 1)
    at = np.array(chosen)
    picked = factors[at].astype(np.float64)
    spans, forms = quadratic(picked, inverse), quadratic(picked, middle)
    kept = np.ones(count, dtype=np.bool_)
    for _ in range(count - budget):
        losses = np.where(kept, forms / np.maximum(1 - spans, 1e-12), np.inf)
        least = int(losses.argmin())
        kept[least] = False
        inverse, middle = updated(picked, least, inverse, middle, spans, forms, -1)
    return at[kept]


def quadratic(factors: Floats, matrix: Floats) -> Floats:
    """(n,) v' A v of each row, in double precision."""
    out = np.empty(len(factors))
    matrix = matrix.astype(factors.dtype)
    for part in blocks(len(factors)):
        out[part] = np.einsum("ij,ij->i", factors[part] @ matrix, factors[part])
    return out


def updated(
    factors: Floats,
    at: int,
    inverse: Floats,
    middle: Floats,
    spans: Floats,
    forms: Floats,
    sign: int,
) -> tuple[Floats, Floats]:
    """M^-1 and M^-1 F M^-1 after a row joins M (sign 1) or leaves it (-1), by Sherman-Morrison.

    spans and forms, all rows' quadratic forms of the two, are updated in place.
    """
    row = factors[at].astype(np.float64)
    turned, pulled = inverse @ row, middle @ row
    scale, form = sign + row @ turned, row @ pulled
    seen = factors @ np.stack([turned, pulled], axis=1).astype(factors.dtype)
    along, across = seen[:, 0].astype(np.float64), seen[:, 1].astype(np.float64)
    spans -= along**2 / scale
    forms += (along / scale) * (along * form / scale - 2 * across)
    both = np.outer(turned, pulled)
    inverse = inverse - np.outer(turned, turned) / scale
    middle = middle - (both + both.T) / scale + np.outer(turned, turned) * form / scale**2
    return inverse, middle


def block_greedy(factors: Floats, base: Floats, target: Floats, count: int, budget: int) -> Ints:
    """Positions kept of `count` added, with a factor of k rows for each pool row."""
    total = base
    chosen: list[int] = []
    for _ in range(count):
        gains = trace_changes(factors, total, target, 1)
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
        total = total + factors[chosen[-1]].T @ factors[chosen[-1]]
    while len(chosen) > budget:
        least = int(trace_changes(factors[chosen], total, target, -1).argmin())
        gone = factors[chosen.pop(least)]
        total = total - gone.T @ gone
    return np.array(chosen)


def trace_changes(factors: Floats, total: Floats, target: Floats, sign: int) -> Floats:
    """(n,) what adding (1) or removing (-1) each row's information changes in tr(M^-1 F)."""
    inverse = np.linalg.inv(total)
    middle = inverse @ target @ inverse
    out = np.empty(len(factors))
    unity = np.eye(factors.shape[1])
    for part in blocks(len(factors), 256):
        block = factors[part]
        turned = block.transpose(0, 2, 1)
        core = unity + sign * (block @ inverse @ turned)
        out[part] = np.trace(np.linalg.solve(core, block @ middle @ turned), axis1=1, axis2=2)
    return out
