"""Sessions whose labels are certified."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from al_bench.cli.main import main
from al_bench.labelling import Answer, Session
from tests.labelling.data import CLASSES, blobs, new, npz
from tests.labelling.test_rare import NAMES, TRUTH
from tests.labelling.test_rare import knows as rare_knows
from tests.labelling.test_rare import session as rare_session

ROWS = 900
REAL = blobs(ROWS)["truth"]


def taught(folder: Path) -> Session:
    """A session with some answers, none of which is wrong."""
    made = new(folder, data=npz(folder, ROWS))
    for _ in range(2):
        answer(made, made.suggest(40))
    return made


def answer(made: Session, batch: list, error: float = 0.0) -> None:  # type: ignore[type-arg]
    """Everybody who is asked answers; a fraction is wrong."""
    rng = np.random.default_rng(len(made.ledger.answers))
    for one in batch:
        wrong = rng.integers(1, 3) * (rng.random() < error)
        name = CLASSES[(REAL[int(one.id)] + wrong) % 3]
        made.tell([Answer(one.id, name, one.annotator or "ann")])


def test_labels_are_certified_after_about_as_many_answers_as_were_said(tmp_path: Path) -> None:
    with taught(tmp_path) as made:
        first = made.certify(0.05)
        assert 0 < first.answers < ROWS / 2
        assert not first.limits
        assert made.certify(0.05).answers == first.answers  # nothing is drawn anew
        given, now = 0, first
        while not now.limits:
            batch = made.waiting()
            assert all(one.kind == "check" for one in batch)
            given += len(batch)
            answer(made, batch)
            now = made.certify(0.05)
        assert given == pytest.approx(first.answers, rel=0.5)
        assert now.certified.all()
        assert str(now).startswith("certified: with 95 % confidence")
        for c, name in enumerate(CLASSES):
            wrong = np.mean(REAL[now.labels == c] != c)
            assert wrong <= now.limits[name] <= 0.05
        made.export(tmp_path / "final", now)
        table = pd.read_csv(tmp_path / "final" / "labels.csv")
        assert table["certified"].all()
        assert [CLASSES[c] for c in now.labels] == table["label"].tolist()
        assert "certified: with 95 % confidence" in (tmp_path / "final" / "report.html").read_text()


def test_a_plan_follows_the_model_until_its_check_has_an_answer(tmp_path: Path) -> None:
    with taught(tmp_path) as made:
        made.certify(0.05)
        drawn = {one.row for one in made.waiting()}
        rest = [str(row) for row in range(ROWS) if row not in drawn][:5]
        made.tell([Answer(name, CLASSES[REAL[int(name)]]) for name in rest], unasked=True)
        made.certify(0.05)
        assert len(made.store.decided("certificate")) == 2
        assert {one.row for one in made.waiting()} != drawn  # who waited is withdrawn
        answer(made, made.waiting()[:1])
        made.certify(0.05)
        made.certify(0.05)
        assert len(made.store.decided("certificate")) == 2
        made.certify(0.04)
        risks = [one["risk"] for one in made.store.decided("certificate")]
        assert risks == pytest.approx([0.04, 0.04, 0.008])


def test_people_who_err_are_asked_until_one_class_leads(tmp_path: Path) -> None:
    with taught(tmp_path) as made:
        for row in range(3):  # so that there are others to ask
            for who in ("bob", "eve", "dan", "kim"):
                made.tell([Answer(str(row), CLASSES[REAL[row]], who)], unasked=True)
        now, rounds = made.certify(0.05, people=0.05), 0
        lead = made.store.decided("certificate")[-1]["lead"]
        assert lead > 1
        while not now.limits and rounds < 12:
            answer(made, made.waiting(), 0.05)
            now, rounds = made.certify(0.05, people=0.05), rounds + 1
        assert now.limits
        for c, name in enumerate(CLASSES):
            assert np.mean(REAL[now.labels == c] != c) <= now.limits[name]


def test_rows_that_nobody_is_sure_of_count_as_wrong(tmp_path: Path) -> None:
    with taught(tmp_path) as made:
        now, unsure = made.certify(0.05), 0
        while not now.limits:
            batch = made.waiting()
            made.tell([Answer(one.id, None, "ann") for one in batch[:3]])
            unsure += len(batch[:3])
            answer(made, batch[3:])
            now = made.certify(0.05)
        assert np.count_nonzero(~now.certified) > 0
        counts = np.bincount(now.labels, minlength=3)
        assert counts @ np.array([now.limits[name] for name in CLASSES]) >= unsure / 2


def test_a_rare_class_is_certified_to_be_found(tmp_path: Path) -> None:
    with rare_session(tmp_path, rare="odd") as made:
        made.tell(rare_knows(made.suggest(60)))
        now = made.certify(0.2)
        while not now.limits:
            made.tell(rare_knows(made.waiting()))
            now = made.certify(0.2)
        assert now.missed is not None
        found = np.sum((now.labels == 0) & (TRUTH == 0)) / np.sum(TRUTH == 0)
        assert found >= 1 - now.missed >= 0.8
        assert "of it are found" in str(now)
        assert NAMES[0] in now.limits


def test_the_command_says_how_many_answers_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with taught(tmp_path):
        pass
    line = ["session", "export", str(tmp_path / "session"), "--out", str(tmp_path / "out")]
    assert main([*line, "--certify", "0.05"]) == 0
    said = capsys.readouterr().out
    assert "more answers, if at most 0.0% of people's answers are wrong; rows that wait" in said
    table = pd.read_csv(tmp_path / "out" / "labels.csv")
    assert 0 < table["certified"].sum() < ROWS
    assert main([*line, "--certify", "2"]) != 0
    assert "wanted fractions" in capsys.readouterr().err
