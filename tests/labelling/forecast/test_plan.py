"""What a plan says, in words and in numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import al_bench
from al_bench.cli.main import main
from al_bench.labelling.forecast.law import Forecast, Law, Sample
from al_bench.labelling.planning import Plan, advice, choice, plan_of
from tests.labelling.data import CLASSES, blobs, knows, new, npz
from tests.labelling.forecast.test_law import facts, made
from tests.tiny_models import bert  # noqa: F401

LABELS = np.array([10.0, 100, 400])


def course(alone: float, random: float, ours: float) -> Forecast:
    """Three courses of arms that rise from the foundation model to these ends."""
    apart = np.array([-0.02, 0.0, 0.02])
    rise = np.array([0.1, 0.8, 1.0])
    ends = {"random": random, "margin": random - 0.02, "codecision": ours}
    curves = {arm: alone + apart[:, None] + rise * (end - alone) for arm, end in ends.items()}
    return Forecast(LABELS, alone + apart, curves, np.full(3, 1 / 3))


@pytest.mark.parametrize(
    ("ends", "arm", "words"),
    [
        ((0.8, 0.6, 0.78), "foundation model", "use the foundation model as it is: 400 labels"),
        ((0.8, 0.6, 0.805), "foundation model", "use the foundation model as it is: 400 labels"),
        ((0.6, 0.7, 0.8), "codecision", "label about 400 rows with codecision: they are"),
        ((0.6, 0.8, 0.8), "random", "at random, which is as good as codecision here"),
    ],
)
def test_what_does_not_pay_is_not_advised(
    ends: tuple[float, float, float], arm: str, words: str
) -> None:
    assert choice(course(*ends)) == arm
    assert words in advice(course(*ends), None, None)


def test_a_target_is_met_already_or_needs_labels_or_is_out_of_reach() -> None:
    one = course(0.6, 0.7, 0.8)
    assert "as it is: the probability that it has 55% already is 100%" in advice(one, 0.55, None)
    assert "label about 100 rows (for 50.00) with codecision to reach 75%" in advice(one, 0.75, 0.5)
    assert "90% is out of reach: 400 labels get there with a probability of 0%" in advice(
        one, 0.9, None
    )


@pytest.fixture(scope="module")
def small() -> Law:
    return Law.of(Sample.of(made(), 50))


def test_a_plan_has_curves_with_bands_and_labels_to_the_target(small: Law) -> None:
    found = plan_of(facts(0.6), small, target=0.7, price=0.1)
    assert set(found.curves["arm"]) == {"foundation model", "random", "margin", "codecision"}
    assert (found.curves["low"] <= found.curves["value"]).all()
    assert (found.curves["value"] <= found.curves["high"]).all()
    assert found.curves["labels"].max() == 120  # 40 of each of three classes
    needed = found.needed["codecision"]
    assert needed.low <= needed.value <= needed.high
    assert found.labelled == 50


def test_it_says_where_it_extrapolates(small: Law) -> None:
    assert plan_of(facts(0.6), small).notes == ()
    (note,) = plan_of(facts(0.95), small).notes[:1]
    assert note.startswith("extrapolated: the foundation model's confidence is 0.95")
    assert "the forecast ends at 120 labels" in plan_of(facts(0.6), small, budget=500).notes[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": 0.99}, "the target is 0.99; wanted a balanced accuracy above 0.333"),
        ({"target": 0.2}, "which is chance"),
        ({"price": 0.0}, "an answer costs 0.0; wanted more than 0"),
        ({"price": float("nan")}, "an answer costs nan"),
        ({"budget": 0}, "the budget is 0 labels; wanted 1 to 1000"),
        ({"budget": 2000}, "the budget is 2000 labels"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(
    small: Law, given: dict[str, float], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        plan_of(facts(0.6), small, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", [-0.1, 0.7])
def test_noise_that_leaves_answers_without_a_word_is_refused(here: Path, noise: float) -> None:
    with pytest.raises(ValueError, match=f"a fraction of {noise} of the answers is wrong"):
        al_bench.plan(npz(here), CLASSES, noise=noise)


def test_a_plan_of_rows_needs_no_session_and_no_label(here: Path) -> None:
    found = al_bench.plan(npz(here, 400), CLASSES)
    assert isinstance(found, Plan)
    assert found.labelled == 0
    assert found.notes[0].startswith("made as without labels; from 30 labels")
    assert not list(here.glob("*/session.sqlite"))


def test_labels_in_a_column_are_read(
    here: Path,
    bert: Path,  # noqa: F811
) -> None:
    texts = [f"word{row % 7} and {row}" for row in range(120)]
    labels = [("a", "b")[row % 2] if row < 40 else None for row in range(120)]
    pd.DataFrame({"text": texts, "is": labels}).to_csv(here / "rows.csv", index=False)
    options = ["prior=minilm", f"prior.text.weights={bert}", "prior.text.pin=null"]
    options += ["prior.text.max_length=32"]
    found = al_bench.plan(here / "rows.csv", ["a", "b", "c"], label="is", overrides=options)
    assert found.labelled == 40
    assert any("no label is of c" in note for note in found.notes)


def test_a_session_is_planned_by_rows_that_it_keeps_to_measure(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with new(here, data=npz(here, 400), reserve=0.5) as session:
        batch = session.suggest(40, audit=True)
        assert {one.kind for one in batch} == {"audit"}
        truth = blobs(400)["truth"]
        names = [one.id for one in batch]
        answers = [CLASSES[truth[int(name)]] for name in names]
        session.tell(pd.DataFrame({"id": names, "answer": answers}))
        assert al_bench.plan(session).labelled == 40
        assert {one.kind for one in session.suggest(10)} == {"query"}  # it has its share
    capsys.readouterr()
    assert main(["session", "plan", "session", "--target", "0.9", "--price", "2"]) == 0
    said = capsys.readouterr().out
    assert "by 40 labels of rows drawn at random" in said
    assert "  codecision " in said
    assert "labels to the target, codecision: " in said
    assert main(["plan", "rows.npz", "--classes", ",".join(CLASSES), "--price", "0"]) == 1
    assert "an answer costs 0.0; wanted more than 0" in capsys.readouterr().err


def test_a_search_for_a_rare_class_is_not_planned(here: Path) -> None:
    two = np.full((60, 2), 0.5, dtype=np.float32)
    with (
        new(here, data=npz(here, 60, prior=two), classes=["a", "b"], rare="a") as session,
        pytest.raises(ValueError, match="drawn by the model's score"),
    ):
        al_bench.plan(session)


def test_known_rows_are_those_of_the_session(here: Path) -> None:
    """Rows that the strategy chose, which are harder than others, do not count."""
    with new(here) as session:
        session.tell(knows(session.suggest(30)))
        assert al_bench.plan(session).labelled == session.status().audited
