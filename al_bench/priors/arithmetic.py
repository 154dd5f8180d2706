"""Arithmetic that encoders and rules share."""

from __future__ import annotations

import numpy as np

from al_bench.state import Floats


def unit(vectors: Floats) -> Floats:
    """Rows at length one, in float32; a zero row stays zero."""
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.float32(1e-12)))


def softmax(scores: Floats) -> Floats:
    """Rows to probabilities, in float32."""
    scores = np.asarray(scores, dtype=np.float32)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
