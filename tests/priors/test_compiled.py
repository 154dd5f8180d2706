"""Encoders whose networks OpenVINO runs, beside the reference."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from al_bench.core.state import Floats
from al_bench.data import Packaged
from al_bench.labelling.settings import default_prior
from al_bench.priors.compiled import CompiledSentenceEncoder, CompiledTimmEncoder, widest
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan
from tests.tiny_models import TEXTS, bert, images_by, on_cpu, pictures, texts_by, timm_file

__all__ = ["bert", "on_cpu", "timm_file"]
pytest.importorskip("openvino")


def texts(folder: Path, precision: str, tokens: int = 32) -> CompiledSentenceEncoder:
    return CompiledSentenceEncoder(str(folder), None, tokens, 500, precision)


def images(file: Path, precision: str) -> CompiledTimmEncoder:
    return CompiledTimmEncoder("test_efficientnet", str(file), None, 64, precision)


def cosines(one: Floats, other: Floats) -> Floats:
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(axis=1) / norms


def has_bfloat16() -> bool:
    import openvino

    with widest():  # what OpenVINO reads when it is first used holds from then on
        return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def test_in_float32_features_are_the_references_to_the_last_digits(
    bert: Path, timm_file: Path
) -> None:
    many = [*TEXTS, "a longer text of several words that takes more tokens than the others", ""]
    np.testing.assert_allclose(
        texts(bert, "float32").embed(many), texts_by(bert).embed(many), atol=1e-5
    )
    reference = images_by(timm_file).embed(pictures(20))
    ours = images(timm_file, "float32").embed(pictures(20))
    np.testing.assert_allclose(ours, reference, atol=1e-4 * np.abs(reference).max())


@pytest.mark.skipif(not has_bfloat16(), reason="this processor has no bfloat16")
def test_in_bfloat16_texts_are_nearly_the_references(bert: Path) -> None:
    ours, reference = texts(bert, "bfloat16").embed(TEXTS), texts_by(bert).embed(TEXTS)
    assert cosines(ours, reference).min() > 0.999
    assert np.abs(ours - reference).max() > 0


def test_the_head_of_a_compiled_backbone_is_the_references(timm_file: Path) -> None:
    for ours, reference in zip(
        images(timm_file, "bfloat16").classifier(), images_by(timm_file).classifier(), strict=True
    ):
        np.testing.assert_array_equal(ours, reference)


def test_every_engine_and_format_has_a_key_of_its_own(bert: Path, timm_file: Path) -> None:
    precisions = ("float32", "bfloat16", "auto")
    keys = {e.key for e in (texts_by(bert), *(texts(bert, one) for one in precisions))}
    keys |= {images_by(timm_file).key, images(timm_file, "float32").key}
    assert len(keys) == 6


def test_what_cannot_be_compiled_is_refused_in_a_sentence(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="precision=float16; wanted float32, bfloat16 or auto"):
        texts(bert, "float16").embed(TEXTS)
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "openvino", None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'al-bench\[openvino\]'"):
            texts(bert, "float32", tokens=16).embed(TEXTS)


def test_where_the_processor_has_no_bfloat16_auto_is_float32(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openvino

    class Narrow(openvino.Core):  # type: ignore[misc]
        def get_property(self, device: str, name: str) -> list[str]:
            return ["FP32"]

    monkeypatch.setattr("openvino.Core", Narrow)
    with pytest.raises(ValueError, match="no bfloat16; wanted precision=auto or float32"):
        texts(bert, "bfloat16", tokens=31).embed(TEXTS)
    np.testing.assert_array_equal(
        texts(bert, "auto", tokens=16).embed(TEXTS), texts(bert, "float32", tokens=16).embed(TEXTS)
    )


@pytest.mark.models
@pytest.mark.parametrize(
    ("dataset", "modality", "rows"), [("wordnet_nouns25", "text", 64), ("openclipart", "image", 16)]
)
def test_the_default_of_sessions_agrees_with_the_reference(
    dataset: str, modality: str, rows: int
) -> None:
    data = Packaged(dataset).load()
    some = [data.test.inputs[row] for row in range(rows)]
    priors = [instantiate(plan([f"prior={name}"])[0].config.prior)
              for name in ("packaged", default_prior(modality))]  # fmt: skip
    features = [prior.encoder(modality).embed(some) for prior in priors]
    assert cosines(*features).min() > 0.9999
    said = [prior.probabilities(one, some, data.task)
            for prior, one in zip(priors, features, strict=True)]  # fmt: skip
    assert (said[0].argmax(axis=1) == said[1].argmax(axis=1)).all()
    np.testing.assert_allclose(said[1], said[0], atol=0.02)


def test_torch_stays_held_to_the_instructions_it_was_held_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    with widest():
        assert "ONEDNN_MAX_CPU_ISA" not in os.environ
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    with widest():
        pass
    assert "ONEDNN_MAX_CPU_ISA" not in os.environ
