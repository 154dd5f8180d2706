"""Texts: a pretrained transformer fine-tuned as a classifier."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from al_bench.core.arrays import require
from al_bench.core.state import Ints, Rows, TrainingSet
from al_bench.learners.linear import LinearHead
from al_bench.learners.network import Network, NetworkModel
from al_bench.learners.training import Loss, Recipe, check_inputs, fitted, seeded
from al_bench.priors.common import cut
from al_bench.priors.sentence import SentenceEncoder, loaded, masked_mean


@dataclass(frozen=True)
class LoRA:
    """Low-rank updates of all linear layers of a transformer (Hu et al., 2022), through peft.

        >>> learner = TextNetwork(adapter=LoRA(rank=4))

    Parameters
    ----------
    rank : of each update, at least 1
    alpha : an update is scaled by alpha / rank
    """

    rank: int = 8
    alpha: float = 16

    def put_into(self, transformer: Any) -> Any:
        """The transformer with frozen weights and trainable updates; ImportError without peft."""
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise ImportError("LoRA needs peft: pip install 'al-bench[lora]'") from error
        options = {"r": self.rank, "lora_alpha": self.alpha, "target_modules": "all-linear"}
        return get_peft_model(transformer, LoraConfig(**options))


@dataclass
class TextNetwork:
    """Any encoder of transformers, fine-tuned with a linear head (Devlin et al., 2019).

    The head reads the attention-masked mean of the last layer, as sentence encoders are pooled
    (Reimers and Gurevych, 2019), after dropout. The weights are loaded once per process and copied
    for each round.

        >>> learner = TextNetwork(training=Recipe(steps=20, batch=8))

    Parameters
    ----------
    encoder : the pretrained weights and the largest text length
    adapter : trained instead of the encoder's weights, or None
    dropout : fraction of the features dropped before the head, under 1
    probe : fits the head first (`fitted`), or None
    training, loss : the optimiser's recipe, and the loss
    """

    reads: ClassVar = "text"
    encoder: SentenceEncoder = field(default_factory=lambda: SentenceEncoder(max_length=128))
    adapter: LoRA | None = None
    dropout: float = 0.1
    probe: LinearHead | None = None
    training: Recipe = field(
        default_factory=lambda: Recipe(steps=200, batch=16, learning_rate=5e-5)
    )
    loss: Loss = field(default_factory=Loss)

    def __post_init__(self) -> None:
        require(0 <= self.dropout < 1, self, "0 or more and under 1", dropout=self.dropout)

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> NetworkModel:
        """ValueError if the inputs are no texts."""
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
    """(b, d) mean of the last layer's states over the tokens, without padding."""

    def __init__(self, transformer: torch.nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        states = self.transformer(**tokens).last_hidden_state
        return masked_mean(states, tokens["attention_mask"])


@dataclass(frozen=True)
class TextReader:
    """Reads tokens, padded to the longest text of a batch; predicts the shortest texts first."""

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
