"""What is handed over: calibrated probabilities, thresholds, the model's folder, and a server."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import pytest

import al_bench
from al_bench.cli.main import main
from al_bench.core.arrays import softmax
from al_bench.labelling.calibration import Calibration, calibrated, curve
from al_bench.labelling.exported_model import ExportedModel, load
from al_bench.labelling.settings import config_of
from al_bench.runs.config import instantiate
from tests.labelling.data import blobs, knows, new, npz, session_of, truth
from tests.tiny_models import bert  # noqa: F401


def population(n: int, shares: list[float], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes, and scores of a model that was trained at equal shares and is too sure by half."""
    rng = np.random.default_rng(seed)
    classes = rng.choice(len(shares), size=n, p=shares)
    scores = 2 * np.eye(len(shares))[classes] + rng.normal(size=(n, len(shares)))
    return classes, softmax(3 * scores)


def test_probabilities_get_the_shares_and_the_temperature_of_the_pool() -> None:
    classes, probs = population(20_000, [0.9, 0.08, 0.02], 0)
    rows = np.random.default_rng(1).choice(20_000, 400, replace=False)
    found = calibrated(probs, rows, np.eye(3)[classes[rows]], np.full(400, 1 / 400))
    after = found(probs)
    audited = np.bincount(classes[rows], minlength=3) / 400
    np.testing.assert_allclose(after.mean(axis=0), audited, atol=0.02)

    def loss(p: np.ndarray) -> float:
        return -float(np.log(p[np.arange(len(p)), classes]).mean())

    assert loss(after) < 0.75 * loss(probs)
    assert 0.4 < found.inverse_temperature < 1
    high = after[:, 0] > 0.9
    assert (classes[high] == 0).mean() == pytest.approx(after[high, 0].mean(), abs=0.02)


def test_without_an_answer_probabilities_stay() -> None:
    _, probs = population(500, [0.5, 0.3, 0.2], 0)
    nobody = np.empty(0, dtype=np.int64), np.empty((0, 3)), np.empty(0)
    np.testing.assert_allclose(calibrated(probs, *nobody)(probs), probs, atol=1e-3)


def by_hand(probs: np.ndarray, threshold: float) -> tuple[float, float]:
    above = probs >= threshold
    return float(probs[above].mean()), float(probs[above].sum() / probs.sum())


def test_thresholds_are_those_of_a_slow_search() -> None:
    probs = np.random.default_rng(0).beta(0.2, 2, size=150)  # as few as ranks are kept
    made = Calibration(np.ones(1), 1.0, np.zeros(1), curve(probs)[None])
    every = [(t, *by_hand(probs, t)) for t in made.curves[0, 0]]
    f1 = max(every, key=lambda one: 2 * one[1] * one[2] / (one[1] + one[2]))
    assert made.threshold(0, None, None) == f1[0]
    assert made.threshold(0, 0.5, None) == min(t for t, p, _ in every if p >= 0.5)
    assert made.threshold(0, None, 0.9) == max(t for t, _, r in every if r >= 0.9)
    with pytest.raises(ValueError, match=r"no threshold has an expected precision of 1\.1"):
        made.threshold(0, 1.1, None)
    with pytest.raises(ValueError, match="wanted one of them"):
        made.threshold(0, 0.5, 0.5)


@pytest.fixture(scope="module")
def final(tmp_path_factory: pytest.TempPathFactory, bert: Path) -> Path:  # noqa: F811
    """The export of a session of texts, every row answered by ann, one of them twice."""
    folder = tmp_path_factory.mktemp("handover")
    with session_of(folder, bert) as session:
        batch = session.suggest(50, "ann")
        for one in batch:
            wrong = one is batch[0]
            right = truth(one.id)
            names = [name for name in session.classes if (name == right) != wrong]
            session.tell([al_bench.Answer(one.id, names[0], "ann", 1.5)])
        session.tell([al_bench.Answer(batch[0].id, truth(batch[0].id), "ann")])
        session.store.decide("note", {"row": batch[0].row, "annotator": "ann",
                                      "comment": "a slip", "flag": True})  # fmt: skip
        session.export(folder / "final")
    return folder / "final"


def test_every_answer_is_in_a_csv(final: Path) -> None:
    table = pd.read_csv(final / "answers.csv")
    assert len(table) == 51
    assert table["counts"].tolist() == [False] + 50 * [True]
    assert set(table["annotator"]) == {"ann"}
    assert table.loc[table["flag"], "comment"].tolist() == ["a slip", "a slip"]
    assert pd.to_datetime(table["time"]).is_monotonic_increasing


def test_a_model_is_read_without_pandas_lightning_and_scikit_learn(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        session.tell(knows(session.suggest(40)))
        session.export(tmp_path / "final")
    script = "import sys, al_bench; al_bench.load(sys.argv[1]); print(*sys.modules)"
    line = [sys.executable, "-c", script, str(tmp_path / "final")]
    loaded = subprocess.run(line, capture_output=True, text=True, check=True).stdout.split()
    assert not {"pandas", "pytorch_lightning", "sklearn", "torch"} & set(loaded)


def test_a_loaded_model_answers_from_memory_as_the_file_does(final: Path, tmp_path: Path) -> None:
    model = load(final)
    texts = ["cat hat 1", "dog ship 2", "cat tree 3"]
    table = model.predict(texts)
    probs = model.predict_proba(texts)
    columns = [f"p({name})" for name in model.classes]
    np.testing.assert_allclose(probs, table[columns], atol=2e-3)  # files hold float16
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    free = model.predict_proba(texts, shares=False)
    np.testing.assert_allclose(free, model.predict(texts, shares=False)[columns], atol=2e-3)
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "new.csv")
    line = ["session", "predict", str(final), "--data", str(tmp_path / "new.csv"), "--no-shares"]
    assert main([*line, "--text", "text", "--out", str(tmp_path / "said.csv")]) == 0
    np.testing.assert_allclose(free, pd.read_csv(tmp_path / "said.csv")[columns], atol=2e-3)
    assert model.predict_proba(texts[1:2])[0] == pytest.approx(probs[1], abs=1e-4)
    began = process_time()
    for text in texts * 3:
        model.predict_proba([text])
    assert (process_time() - began) / 9 < 0.1  # of a tiny encoder, on a busy machine
    assert 0 <= model.threshold(model.classes[0]) <= 1
    with pytest.raises(ValueError, match="is no class; wanted one of"):
        model.threshold("none")


def test_wished_thresholds_are_handed_over_and_mark_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with new(tmp_path) as session:
        session.tell(knows(session.suggest(40)))
    line = ["session", "export", str(tmp_path / "session"), "--out", str(tmp_path / "final")]
    wishes = ["--recall", "praise=0.95", "--precision", "question=0.8"]
    assert main([*line, *wishes]) == 0
    model = load(tmp_path / "final")
    wanted = (model.threshold("praise", recall=0.95), model.threshold("question", precision=0.8))
    assert model.thresholds == (None, *wanted)
    for table in (
        pd.read_csv(tmp_path / "final" / "predictions.csv"),
        model.predict(npz(tmp_path)),
    ):
        assert list(table)[-2:] == ["is(praise)", "is(question)"]
        np.testing.assert_array_equal(
            table["is(praise)"], table["p(praise)"] >= round(wanted[0], 6)
        )
    assert "is(praise)" not in model.predict(npz(tmp_path), shares=False)
    card = (tmp_path / "final" / "README.md").read_text()
    assert f"counts as praise from a probability of {wanted[0]:.3f} on, for an expected " in card
    assert "expected precision of 0.8" in card
    for wish, why in (("prase=0.9", "'prase' is no class"), ("praise=2", "2.0 is wished of praise"),
                      ("praise", "wanted a class=0.9")):  # fmt: skip
        assert main([*line, "--precision", wish]) in (1, 2)
        assert why in capsys.readouterr().err
    assert main([*line, "--precision", "praise=0.9", "--recall", "praise=0.9"]) == 1
    assert "wanted one of them" in capsys.readouterr().err


def test_the_card_and_the_json_name_what_the_model_is(final: Path) -> None:
    card = json.loads((final / "model.json").read_text())
    assert card["formula"].startswith("log p = log_softmax(weight @ x + bias + ")
    words = (final / "README.md").read_text()
    for part in ("even & plain", "50 of them", "| balanced accuracy |", "Intended use", "1 people",
                 "Thresholds with the highest expected F1: even & plain 0."):  # fmt: skip
        assert part in words, part
    report = (final / "report.html").read_text()
    for part in ("What is taken for what", "precision of", "answers.csv"):
        assert part in report, part
    assert "<b>" not in report.replace("&lt;b&gt;", "")


@pytest.mark.parametrize(
    ("prior", "name"),
    [("minilm", "sentence-transformers/all-MiniLM-L6-v2: sentence("),
     ("bge", "BAAI/bge-small-en-v1.5: sentence("),
     ("mpnet", "sentence(sentence-transformers/all-mpnet-base-v2@")],
)  # fmt: skip
def test_an_encoder_is_named_as_people_know_it(final: Path, prior: str, name: str) -> None:
    encoder = instantiate(config_of({"prior": prior}, (), None).prior).encoder("text")
    model = replace(ExportedModel.load(final), encoder=encoder.key)
    assert model.encoder_name.startswith(name)


def test_a_rare_error_is_shown_and_the_confusion_is_of_all_rows(tmp_path: Path) -> None:
    from al_bench.labelling.diagnostics import audit_check

    with new(tmp_path, reserve=0.5, audit=0.5) as session:
        session.tell(knows(session.suggest(100)))
        check = audit_check(session.service, session.service.snapshot())
        assert check is not None
        assert check.confusion.sum() == pytest.approx(1)
        shares = np.bincount(blobs()["truth"], minlength=3) / 150
        np.testing.assert_allclose(check.confusion.sum(axis=1), shares, atol=0.15)
        wrong = 1 - np.trace(check.confusion)
        assert (wrong > 0) == bool(check.errors)
        assert session.estimate().accuracy.value == pytest.approx(1 - wrong, abs=0.1)
        found = session.predict()
        assert list(found) == ["id", "label", "confidence"] + [f"p({c})" for c in session.classes]
        assert not np.allclose(found.iloc[:, 3:], session.predict(shares=False).iloc[:, 3:])
        assert (found["label"] == session.predict(shares=False)["label"]).all()


def test_a_model_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        session.tell(knows(session.suggest(40)))
        session.export(tmp_path / "final")
    kept = dict(np.load(tmp_path / "final" / "model.npz"))
    old = {name: array for name, array in kept.items() if not name.startswith("calibration.")}
    np.savez(tmp_path / "final" / "model.npz", **old)
    model = load(tmp_path / "final")
    table = model.predict(npz(tmp_path))
    assert table.equals(model.predict(npz(tmp_path), shares=False))
    with pytest.raises(ValueError, match="earlier version"):
        model.threshold("praise")
    for name, array in {"offsets": np.zeros(2), "curves": np.zeros((3, 3, 0))}.items():
        np.savez(tmp_path / "final" / "model.npz", **kept | {f"calibration.{name}": array})
        with pytest.raises(ValueError, match="is no card of an exported model"):
            load(tmp_path / "final")


def test_the_example_serves_a_model(final: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastapi", reason="the example needs fastapi")
    from importlib.util import module_from_spec, spec_from_file_location

    from starlette.testclient import TestClient

    monkeypatch.setenv("MODEL", str(final))
    spec = spec_from_file_location("serve", Path(__file__).parents[2] / "examples" / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "serve", module)
    spec.loader.exec_module(module)
    client = TestClient(module.app)
    assert client.get("/").json()["classes"] == list(module.model.classes)
    found = client.post("/predict", json={"texts": ["cat hat 1", "dog ship 2"]}).json()
    assert sum(found[0]["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert client.post("/predict", json={"texts": []}).status_code == 422
    assert client.post("/predict", json={"texts": [" "]}).status_code == 422
