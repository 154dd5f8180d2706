"""Tiny models of the real architectures, with random weights, saved as a hub would hold them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose
from hydra.utils import instantiate
from PIL import Image

from al_bench.priors.images import TimmEncoder
from al_bench.priors.sentence import SentenceEncoder
from al_bench.runs.composing import composing

WORDS = [
    "a",
    "photo",
    "of",
    "the",
    "cat",
    "dog",
    "ship",
    "this",
    "text",
    "is",
    "about",
    ",",
    ";",
    ":",
    "sea",
    "animal",
    "big",
    "small",
]
TEXTS = ["a photo of the cat", "dog", "the big ship is about the sea , this text", "", "zebra"]
NAMES, PROMPTS = ("cat", "big dog", "ship"), ("a photo of the {}", "this text is about {}")


@pytest.fixture(autouse=True, scope="module")
def on_cpu() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AL_BENCH_DEVICE", "cpu")
        yield


def config(*overrides: str) -> Any:
    with composing():
        return instantiate(compose(overrides=list(overrides)).prior)


def tokenizer(folder: Path, **special: str) -> None:
    """A word tokenizer with a begin and an end token, saved as a model's own."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[A]", "[Z]", *WORDS])}
    inner = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = Whitespace()
    inner.post_processor = TemplateProcessing(
        single="[A] $A [Z]", pair="[A] $A [Z] $B [Z]", special_tokens=[("[A]", 2), ("[Z]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", **special
    ).save_pretrained(folder)


def bert_folder(folder: Path) -> Path:
    """A tiny BERT with its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(
            BertConfig(vocab_size=40, intermediate_size=32, max_position_embeddings=64, **sizes)
        )
    model.save_pretrained(folder)
    tokenizer(folder, cls_token="[A]", sep_token="[Z]")
    return folder


def quantised_folder(folder: Path, bert: Path) -> Path:
    """The same BERT as a dynamically quantised ONNX graph, as far as its weights tell, with its
    tokenizer and settings; beside it, in float32, what the graph stands for."""
    import shutil

    from onnx import helper, numpy_helper, save
    from safetensors.numpy import load_file, save_file

    shutil.copytree(bert, folder)
    (folder / "model.safetensors").unlink()
    arrays, nodes, real = [], [], {}
    for number, (name, weight) in enumerate(load_file(bert / "model.safetensors").items()):
        real[name] = weight
        if weight.ndim == 1 or name.startswith("pooler"):
            arrays += [] if name.startswith("pooler") else [numpy_helper.from_array(weight, name)]
            continue
        table = name if "embeddings" in name else f"onnx::MatMul_{number}"
        columns = weight if "embeddings" in name else weight.T
        zero, scale = np.int8(3), np.float32(np.abs(columns).max() / 100)
        whole = np.round(columns / scale).astype(np.int8) + zero
        parts = {"quantized": whole, "zero_point": np.array(zero), "scale": np.array(scale)}
        arrays += [numpy_helper.from_array(a, f"{table}_{end}") for end, a in parts.items()]
        back = (whole.astype("f4") - np.float32(zero)) * scale
        real[name] = back if "embeddings" in name else np.ascontiguousarray(back.T)
        if "embeddings" not in name:
            place = "/" + name.removesuffix(".weight").replace(".", "/").replace("layer/", "layer.")
            inputs, title = ["x", f"{table}_quantized"], f"{place}/MatMul_quant"
            nodes.append(helper.make_node("MatMulInteger", inputs, [f"y{number}"], name=title))
    save(helper.make_model(helper.make_graph(nodes, "bert", [], [], arrays)), folder / "model.onnx")
    other = folder.with_name(f"{folder.name} in float32")
    shutil.copytree(bert, other)
    save_file(real, other / "model.safetensors", metadata={"format": "pt"})
    return other


def two_towers(folder: Path, kind: str) -> Path:
    """A tiny CLIP or SigLIP with image processor and tokenizer."""
    import torch
    import transformers as hf

    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    size |= {"intermediate_size": 32}
    text = {**size, "vocab_size": 40, "max_position_embeddings": 12, "pad_token_id": 0}
    text |= {"bos_token_id": 2, "eos_token_id": 3}
    vision = {**size, "image_size": 32, "patch_size": 8}
    sides = {"height": 32, "width": 32}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        if kind == "clip":
            settings = hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
            model: Any = hf.CLIPModel(settings)
            hf.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=sides).save_pretrained(
                folder
            )
        else:
            settings = hf.SiglipConfig(text_config=text, vision_config=vision)
            model = hf.SiglipModel(settings)
            torch.nn.init.constant_(model.logit_bias, -3.0)
            torch.nn.init.constant_(model.logit_scale, 2.0)
            hf.SiglipImageProcessor(size=sides).save_pretrained(folder)
    model.save_pretrained(folder)
    tokenizer(folder, bos_token="[A]", eos_token="[Z]")
    return folder


def timm_weights(folder: Path) -> Path:
    """A tiny EfficientNet with an ImageNet-sized head."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = timm.create_model("test_efficientnet", num_classes=1000)
    path = folder / "model.safetensors"
    save_file(model.state_dict(), path)
    return path


def texts_by(folder: Path, **changed: Any) -> SentenceEncoder:
    return replace(SentenceEncoder(str(folder), None, 32, 500, "float32"), **changed)


def images_by(path: Path, size: int = 64) -> TimmEncoder:
    return TimmEncoder("test_efficientnet", str(path), None, size, "float32")


def pictures(n: int = 5, side: int = 40) -> list[Image.Image]:
    generator = np.random.default_rng(0)
    return [
        Image.fromarray(generator.integers(0, 255, (side, side + 9 * i, 3), dtype=np.uint8))
        for i in range(n)
    ]


def causal(folder: Path, kind: str) -> Path:
    """A tiny Llama or GPT-2 with a byte-level BPE tokenizer trained on a few words."""
    import torch
    import transformers as hf
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        [" ".join(WORDS), *TEXTS] * 3, vocab_size=320, special_tokens=["<s>"], show_progress=False
    )
    hf.PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, bos_token="<s>"
    ).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(4)
        if kind == "llama":
            sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
            sizes |= {"num_key_value_heads": 2, "intermediate_size": 48, "vocab_size": 320}
            settings: Any = hf.LlamaConfig(
                max_position_embeddings=128, initializer_range=0.3, **sizes
            )
            hf.LlamaForCausalLM(settings).save_pretrained(folder)
        else:
            settings = hf.GPT2Config(
                vocab_size=320,
                n_positions=128,
                n_embd=32,
                n_layer=2,
                n_head=4,
                initializer_range=0.3,
            )
            hf.GPT2LMHeadModel(settings).save_pretrained(folder)
    return folder


def siglip2(folder: Path) -> Path:
    """A tiny SigLIP 2 that takes images of any number of patches."""
    import torch
    import transformers as hf

    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    size |= {"intermediate_size": 32}
    text = {**size, "vocab_size": 40, "max_position_embeddings": 12, "pad_token_id": 0}
    text |= {"bos_token_id": 2, "eos_token_id": 3, "projection_size": 16}
    vision = {**size, "num_patches": 16, "patch_size": 8}
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = hf.Siglip2Model(hf.Siglip2Config(text_config=text, vision_config=vision))
        torch.nn.init.constant_(model.logit_bias, -3.0)
        torch.nn.init.constant_(model.logit_scale, 2.0)
    hf.Siglip2ImageProcessor(patch_size=8, max_num_patches=16).save_pretrained(folder)
    model.save_pretrained(folder)
    tokenizer(folder, bos_token="[A]", eos_token="[Z]")
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert_folder(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def timm_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return timm_weights(tmp_path_factory.mktemp("timm"))
