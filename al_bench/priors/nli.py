"""Texts: zero-shot by natural-language inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from al_bench.arithmetic import softmax
from al_bench.priors.common import check_kind
from al_bench.priors.device import inference
from al_bench.priors.prompts import cut, filled
from al_bench.priors.weights import identity, pretrained
from al_bench.problem.types import Encoder, Prior, Task
from al_bench.state import Floats

BATCH = 64  # pairs of text and hypothesis a forward pass


@dataclass(frozen=True)
class Entailment:
    """Zero-shot by inference: softmax over the classes of how strongly a text entails each filled
    prompt (Yin et al., 2019), the logits of a class's prompts averaged.

    inner: a prior whose encoder makes the features; weights and pin: see
    ``al_bench.priors.weights``, of a sequence classifier with a label "entailment"; max_length:
    tokens of text and hypothesis together, the text is cut; max_characters: see SentenceEncoder.
    """

    brings: ClassVar = ("weights",)

    inner: Prior
    weights: str
    pin: str | None
    max_length: int
    max_characters: int
    precision: str

    @property
    def key(self) -> str:
        return (
            f"nli({identity(self.weights, self.pin)}, tokens={self.max_length}, "
            f"characters={self.max_characters}, {self.precision})"
        )

    def encoder(self, modality: str) -> Encoder:
        check_kind(self, "text", modality)
        return self.inner.encoder(modality)

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k); one forward pass for n k prompts / BATCH pairs, memory of one batch."""
        texts = [cut(text, row, self.max_characters) for row, text in enumerate(inputs)]
        groups = filled(task.class_names, task.prompts)
        logits = self.entailed(texts, [prompt for group in groups for prompt in group])
        return softmax(logits.reshape(len(texts), len(groups), -1).mean(axis=2))

    def entailed(self, texts: Sequence[str], hypotheses: Sequence[str]) -> Floats:
        """(n, h) float32 logits. Pairs of like length share a forward pass."""
        tokenizer, model, label = loaded(self.weights, self.pin, self.precision)
        longest = max(len(tokenizer("", hypothesis)["input_ids"]) for hypothesis in hypotheses)
        places = getattr(model.config, "max_position_embeddings", self.max_length)
        if longest >= self.max_length or self.max_length > places:
            raise ValueError(
                f"max_length={self.max_length}; wanted more than the {longest} tokens of a "
                f"hypothesis and at most the {places} that {self.weights} reads"
            )
        out = np.empty(len(texts) * len(hypotheses), dtype=np.float32)
        order = np.argsort([len(text) for text in texts], kind="stable")
        pairs = (order[:, None] * len(hypotheses) + np.arange(len(hypotheses))).ravel()
        for start in range(0, len(pairs), BATCH):
            some = pairs[start : start + BATCH]
            tokens = tokenizer(
                [texts[pair // len(hypotheses)] for pair in some],
                [hypotheses[pair % len(hypotheses)] for pair in some],
                padding=True,
                truncation="only_first",
                max_length=self.max_length,
                return_tensors="pt",
            ).to(model.device)
            with inference():
                out[some] = model(**tokens).logits[:, label].float().cpu().numpy()
        return out.reshape(len(texts), len(hypotheses))


@lru_cache(maxsize=2)
def loaded(weights: str, pin: str | None, precision: str) -> tuple[Any, Any, int]:
    """Tokenizer, model and the number of its label "entailment", loaded once a process."""
    network = "AutoModelForSequenceClassification"
    model, tokenizer = pretrained(weights, pin, precision, network, "AutoTokenizer")
    labels = model.config.label2id
    entails = [label for name, label in labels.items() if name.lower().startswith("entail")]
    if not entails:
        raise ValueError(f"{weights} has the labels {', '.join(labels)}; wanted an 'entailment'")
    return tokenizer, model, int(entails[0])
