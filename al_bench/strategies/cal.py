"""CAL: rows whose prediction differs from that of their labelled neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least
from al_bench.core.state import Floats, State
from al_bench.strategies.common.distances import blocks, squared_distances, unit_rows
from al_bench.strategies.common.ranking import Ranking


@dataclass(frozen=True)
class Cal(Ranking):
    """Largest divergence from labelled neighbours' predictions (CAL: Margatina et al., 2021).

    Mean over the nearest labelled rows, in unit-length features, of KL(neighbour || row). Without a
    label the choice is random. O(u l d) time, O(u k) memory plus one block.

        >>> rows = Cal(neighbours=5).select(state, 10, rng)

    Parameters
    ----------
    neighbours : nearest labelled rows that a row is compared with
    """

    title = "CAL"
    neighbours: int = 10

    def __post_init__(self) -> None:
        at_least(self, 1, neighbours=self.neighbours)

    def score(self, state: State) -> Floats:
        out = np.zeros(len(state.unlabelled))
        count = min(self.neighbours, len(state.labelled))
        if count == 0:
            return out
        probs = state.probs[state.labelled]
        sharp = np.sum(probs * np.log(np.maximum(probs, 1e-12)), axis=1)  # minus entropy
        labelled = unit_rows(state.rows.features, state.labelled)
        for part in blocks(len(out)):
            here = state.unlabelled[part]
            gaps = squared_distances(unit_rows(state.rows.features, here), labelled)
            near = np.argpartition(gaps, count - 1, axis=1)[:, :count]
            logs = np.log(np.maximum(state.probs[here], 1e-12))
            cross = np.sum(probs[near].mean(axis=1) * logs, axis=1)
            out[part] = sharp[near].mean(axis=1) - cross
        return np.where(out < 1e-6, 0, out)  # below float32 rounding they agree
