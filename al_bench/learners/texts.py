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
from al_bench.priors.common import cut
from al_bench.priors.sentence import SentenceEncoder, loaded, masked_mean
from al_bench.state import Ints, Rows, TrainingSet


@dataclass(frozen=True)
class LoRA:
    """Low-rank changes of all of a transformer's linear layers (Hu et al., 2022), through peft.

    rank: of each change, at least 1; alpha: a change is scaled by alpha / rank.
    """

    rank: int
    alpha: float

    def put_into(self, transformer: Any) -> Any:
        """The transformer with its own weights fixed; ImportError where peft is not installed."""
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise ImportError("LoRA needs peft: pip install 'al-bench[lora]'") from error
        options = {"r": self.rank, "lora_alpha": self.alpha, "target_modules": "all-linear"}
        return get_peft_model(transformer, LoraConfig(**options))


class TextNetwork:
    """Any encoder of transformers, fine-tuned with a linear head (Devlin et al., 2019).

    The head reads the attention-masked mean of the last layer, as sentence encoders are pooled
    (Reimers and Gurevych, 2019), after dropout.

    encoder: where its weights are and how long texts may be; adapter: trained in place of the
    encoder's weights, or null; probe: fits the head first (`fitted`), or null; training, loss: see
    `Recipe` and `Loss`. The weights are loaded once a process and copied for each round.
    """

    reads = "text"

    def __init__(
        self,
        encoder: SentenceEncoder,
        adapter: LoRA | None,
        dropout: float,
        probe: LinearHead | None,
        training: Recipe,
        loss: Loss,
    ) -> None:
        if not 0 <= dropout < 1:
            raise ValueError(f"TextNetwork got dropout={dropout}; wanted a fraction below 1")
        self.encoder, self.adapter, self.dropout = encoder, adapter, dropout
        self.probe, self.training, self.loss = probe, training, loss

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> NetworkModel:
        """ValueError where the inputs are no texts."""
        reader = TextReader(self.encoder)
        check_inputs("TextNetwork", "texts", reader, rows)
        with seeded(rng):
            transformer = deepcopy(loaded(self.encoder)[1]).float()
            if self.adapter is not None:
                transformer = self.adapter.put_into(transformer)
            network = Network(Pooled(transformer), self.encoder.dim, rows.n_classes, self.dropout)
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
