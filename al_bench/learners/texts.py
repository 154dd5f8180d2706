"""Texts: a pretrained transformer fine-tuned as a classifier."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from al_bench.learners.finetune import check_inputs, fitted
from al_bench.learners.linear import LinearHead
from al_bench.learners.losses import Loss
from al_bench.learners.network import Network, NetworkModel
from al_bench.learners.training import Recipe, seeded
from al_bench.priors.prompts import cut
from al_bench.priors.sentence import SentenceEncoder, loaded, masked_mean
from al_bench.state import Ints, Rows, TrainingSet


class TextNetwork:
    """Any encoder of transformers, fine-tuned: attention-masked mean of the last layer, dropout and
    a linear head (Devlin et al., 2019; pooled as sentence encoders are, Reimers and Gurevych, 2019).

    encoder: where its weights are and how long texts may be; probe: fits the head first
    (`fitted`), or null; training, loss: see `Recipe` and `Loss`. Its weights are loaded once a
    process and copied for each round.
    """

    reads = "text"

    def __init__(
        self,
        encoder: SentenceEncoder,
        dropout: float,
        probe: LinearHead | None,
        training: Recipe,
        loss: Loss,
    ) -> None:
        if not 0 <= dropout < 1:
            raise ValueError(f"TextNetwork got dropout={dropout}; wanted a share below 1")
        self.encoder, self.dropout, self.probe = encoder, dropout, probe
        self.training, self.loss = training, loss

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> NetworkModel:
        """ValueError where the inputs are no texts."""
        reader = TextReader(self.encoder)
        check_inputs("TextNetwork", "texts", reader, rows)
        with seeded(rng):
            body = Pooled(deepcopy(loaded(self.encoder)[1]).float())
            network = Network(body, self.encoder.dim, rows.n_classes, self.dropout)
            return fitted(
                network, reader, rows, training, self.training, self.loss, self.probe, rng
            )


class Pooled(torch.nn.Module):
    """(b, d) mean of the last layer's states where there is a token."""

    def __init__(self, transformer: torch.nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        states = self.transformer(**tokens).last_hidden_state
        return masked_mean(states, tokens["attention_mask"])


@dataclass(frozen=True)
class TextReader:
    """Tokens, padded to the longest text of a batch; the shortest texts are predicted first."""

    encoder: SentenceEncoder

    def batch(self, rows: Rows, train: bool) -> dict[str, Any]:
        most = self.encoder.max_characters
        texts = [cut(text, row, most) for row, text in enumerate(rows.inputs)]
        tokens = loaded(self.encoder)[0](
            texts,
            padding=True,
            truncation=True,
            max_length=self.encoder.max_length,
            return_tensors="pt",
        )
        return dict(tokens)

    def order(self, rows: Rows) -> Ints:
        return np.argsort([len(text) for text in rows.inputs], kind="stable")
