"""A session as its user meets it: rows come, batches go out, answers come back, a model leaves."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import al_bench
from al_bench.labelling import Answer, Session, Suggestion, settings
from al_bench.labelling.evaluation import audit_of
from al_bench.labelling.settings import _components
from al_bench.labelling.store import FILE
from al_bench.priors import SentenceEncoder
from al_bench.runs import component
from tests.labelling.data import CLASSES, ROWS, blobs, csv, knows, new, npz


def label(session: Session, batches: int = 3, size: int = 20) -> list[Suggestion]:
    """Batches of a session, answered by somebody who knows."""
    every = []
    for _ in range(batches):
        batch = session.suggest(size)
        session.tell(knows(batch))
        every += batch
    return every


def test_a_model_learns_from_what_is_told_but_for_rows_of_the_audit(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        truth = np.array(CLASSES)[blobs()["truth"]]
        before = np.mean(session.predict()["label"] == truth)
        every = label(session)
        after = session.predict()
        assert np.mean(after["label"] == truth) > max(before, 0.9)
        assert list(after.columns)[:3] == ["id", "label", "confidence"]
        assert after["id"].tolist() == [str(row) for row in range(ROWS)]
        now = session.service.snapshot()
        reserved = set(now.pool.reserved.tolist())
        asked = {int(one.id) for one in every if one.kind == "audit"}
        assert asked
        assert asked <= reserved
        assert not {int(one.id) for one in every if one.kind == "query"} & reserved
        trained = session.service.state(now).training
        assert trained is not None
        assert not set(trained.rows.tolist()) & reserved
        unasked = min(reserved - asked)
        session.tell([Answer(str(unasked), "praise", "bob")], unasked=True)
        audit = audit_of(session.service.snapshot())  # of its own questions alone
        assert set(audit.rows.tolist()) == asked
        np.testing.assert_array_equal(audit.answers, blobs()["truth"][audit.rows])
        assert session.estimate().audited == len(asked)


def test_no_row_is_suggested_twice_until_all_were(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        rows: list[str] = []
        while batch := session.suggest(40):
            rows += [one.id for one in batch]
        assert sorted(map(int, rows)) == list(range(ROWS))


def test_a_fifth_of_all_suggestions_is_the_audits_however_small_the_batches(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        kinds = [session.suggest(1)[0].kind for _ in range(20)]
        assert kinds.count("audit") == 4


def test_an_estimate_has_the_truth_in_it(tmp_path: Path) -> None:
    with new(tmp_path, data=npz(tmp_path, n=ROWS)) as session:
        with pytest.raises(ValueError, match="no row drawn at random has an answer yet"):
            session.estimate()
        label(session, batches=6)
        found = session.estimate()
        right = np.mean(session.predict()["label"] == np.array(CLASSES)[blobs()["truth"]])
        assert found.accuracy.low <= right <= found.accuracy.high + 1e-3
        assert list(found.recalls) == CLASSES
        assert found.labels == 120
        assert found.advice.startswith(("stop: ", "go on: "))
        assert found.answer_error is None


def test_advice_is_given_by_all_fits_so_far_also_to_who_opens_a_session_anew(
    tmp_path: Path,
) -> None:
    with new(tmp_path, reserve=0.4) as session:
        label(session, batches=5)
        session.estimate()
        here = session.estimate()
    assert "labels are expected to gain" in here.advice
    with Session.open(tmp_path / "session") as session:
        assert session.estimate() == here
        assert "target of 50.0%" in session.estimate(0.5).advice or "is looked at" in (
            session.estimate(0.5).advice
        )


def test_audit_rows_that_several_answered_say_how_often_people_err(tmp_path: Path) -> None:
    with new(tmp_path, reserve=0.4, audit=0.5) as session:
        batch = session.suggest(60)
        session.tell(knows(batch, "ann"))
        session.tell([Answer(one.id, one.answer, "bob") for one in knows(batch)])
        assert session.estimate().answer_error == pytest.approx(0, abs=1e-6)
        wrong = [one for one in batch if one.kind == "audit"][::3]
        said = {one.id: one.answer for one in knows(wrong)}
        session.tell(
            [Answer(i, CLASSES[CLASSES.index(str(c)) - 1], "bob") for i, c in said.items()]
        )
        error = session.estimate().answer_error
        assert error is not None
        assert 0.05 < error < 0.3


def test_a_session_that_is_opened_again_goes_on_as_if_it_had_stayed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with new(tmp_path / "a") as stays:
        label(stays)
        here = stays.suggest(20)
    new(tmp_path / "b").close()
    for _ in range(3):
        with Session.open(tmp_path / "b" / "session") as session:
            session.tell(knows(session.suggest(20)))
    with Session.open(tmp_path / "b" / "session") as session:
        assert session.suggest(20) == here


OWN = """_target_: al_bench.learners.LinearHead
l2: {}
balance: none
tolerance: 1e-6
iterations: 200
"""


@pytest.mark.parametrize("change", ["parameter", "version"])
def test_a_model_is_fitted_anew_when_what_makes_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    own = tmp_path / "learner" / "own.yaml"
    own.parent.mkdir()
    own.write_text(OWN.format(1))
    with new(tmp_path, learner="own", config_dir=tmp_path) as session:
        label(session)
        before = session.service.fit(session.service.snapshot())
    if change == "parameter":
        own.write_text(OWN.format(100_000))
    else:
        known = component.constants
        monkeypatch.setattr(component, "constants", lambda name: {**known(name), "version": 99})
    _components.cache_clear()  # as in a new process
    with Session.open(tmp_path / "session", tmp_path) as session:
        after = session.service.fit(session.service.snapshot())
        assert after.key != before.key
        assert not (after.probs == before.probs).all()
        assert session.status().fits == 4
    _components.cache_clear()


def test_a_fit_is_kept_in_a_file_and_made_anew_where_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("fitted anew")

    with new(tmp_path) as session:
        label(session)
        here = session.predict()
    file = tmp_path / "session" / "fit.npz"
    for damage in (None, file.read_bytes()[:1000], b""):
        with Session.open(tmp_path / "session") as session, monkeypatch.context() as patch:
            if damage is None:
                patch.setattr("al_bench.labelling.model_service.fitted_state", refuse)
            else:
                file.unlink() if not damage else file.write_bytes(damage)
            pd.testing.assert_frame_equal(session.predict(), here)
            assert session.status().fits == 3


def test_the_last_answer_of_an_annotator_counts_and_undo_brings_back_the_one_before(
    tmp_path: Path,
) -> None:
    with new(tmp_path) as session:
        (one,) = session.suggest(1)
        session.tell([Answer(one.id, "praise", "ann")])
        session.tell([Answer(one.id, "question", "ann")])
        assert session.status().counts == {"complaint": 0, "praise": 0, "question": 1}
        assert session.undo("ann") == one.id
        assert session.status().counts["praise"] == 1
        assert session.undo("bob") is None
        assert session.undo("ann") == one.id
        assert session.undo("ann") is None
        assert [waits.id for waits in session.waiting()] == [one.id]
        first, second = session.suggest(2, "ann")
        session.tell(knows([second], "ann"))
        session.skip(first.number)
        assert [session.undo("ann") for _ in range(3)] == [first.id, second.id, None]


def test_rows_of_which_people_are_not_sure_are_not_asked_again(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        batch = session.suggest(10)
        session.tell([Answer(one.id, None) for one in batch])
        assert session.status().unsure == 10
        assert not {one.id for one in batch} & {one.id for one in session.suggest(100)}


def test_rows_that_wait_are_for_whom_they_were_suggested(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        ann, bob = session.suggest(5, "ann"), session.suggest(5, "bob")
        assert not {one.id for one in ann} & {one.id for one in bob}
        assert session.waiting("ann") == ann
        assert session.waiting() == ann + bob
        session.tell(knows(ann[:2], "bob"))  # what bob says is no answer of ann's
        assert session.waiting("ann") == ann
        session.tell(knows(ann[:2], "ann"))
        assert session.waiting("ann") == ann[2:]
        session.skip(ann[2].number)
        assert session.waiting("ann") == [*ann[3:], ann[2]]
        assert session.withdraw("bob") == 5
        assert session.waiting("bob") == []
        assert session.withdraw() == 3


def test_a_share_of_a_batch_is_what_one_other_person_answered_of_the_audit_first(
    tmp_path: Path,
) -> None:
    with new(tmp_path, overlap=0.2) as session:
        first = session.suggest(20, "ann")
        assert session.tell(knows(first[:18], "ann")) == 18
        waits = {one.id for one in first[18:]}
        second = session.suggest(20, "bob")
        twice = {one.id for one in second} & {one.id for one in first}
        audits = {one.id for one in first if one.kind == "audit"} - waits
        assert len(twice) == 4
        assert audits <= twice or twice <= audits
        assert not twice & waits
        assert {one.kind for one in second if one.id in audits} == {"audit"}
        assert session.waiting("bob") == second
        session.tell(knows(second, "bob"))
        third = {one.id for one in session.suggest(20, "cy")}
        assert not third & twice  # two have answered them
        assert session.status().answered == 34


def test_who_works_alone_and_who_is_nobody_in_particular_sees_no_row_again(tmp_path: Path) -> None:
    with new(tmp_path, overlap=0.5) as session:
        session.tell(knows(session.suggest(40, "ann"), "ann"))
        for annotator in ("ann", None):
            assert session.suggest(20, annotator)
        rows = [one.row for one in session.store.suggestions()]
        assert len(set(rows)) == len(rows) == 80


def test_people_who_take_turns_come_to_know_how_often_they_err(tmp_path: Path) -> None:
    with new(tmp_path, overlap=0.25, reserve=0.4) as session:
        for who in ["ann", "bob"] * 3:
            session.tell(knows(session.suggest(20, who), who))
        assert session.estimate().answer_error == pytest.approx(0, abs=1e-6)
        while batch := session.suggest(50, "ann"):
            session.tell(knows(batch, "ann"))
        assert session.suggest(10, "bob") == []  # where no row is new, none is asked again


def test_several_annotators_are_weighed_by_the_label_model(tmp_path: Path) -> None:
    with new(tmp_path, overrides=["label_model=majority"]) as session:
        batch = session.suggest(30)
        session.tell(knows(batch, "ann"))
        session.tell(knows(batch, "bob"))
        session.tell([Answer(one.id, "question", "cy") for one in batch])
        moment = session.service.snapshot()
        state = session.service.state(moment)
        assert state.annotator_pool is not None
        assert state.annotator_pool.names == ("ann", "bob", "cy")
        np.testing.assert_array_equal(
            state.labels[state.labelled], blobs()["truth"][state.labelled]
        )


def test_an_annotator_selection_says_whom_to_ask(tmp_path: Path) -> None:
    with new(tmp_path, overrides=["annotator_selection=in_turn"], audit=0.0) as session:
        batch = session.suggest(20)
        assert {one.annotator for one in batch} == {None}  # nobody is known yet
        session.tell(knows(batch[:10], "ann") + knows(batch[10:], "bob"))
        who = [one.annotator for one in session.suggest(20)]
        assert {who.count("ann"), who.count("bob")} == {10}


def test_rows_may_arrive_later_with_an_audit_of_their_own(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        every = label(session)
        before = session.service.snapshot().pool.strata
        assert session.add_rows(npz(tmp_path, n=50, seed=3, name="more.npz")) == 50
        assert session.status().rows == ROWS + 50
        after = session.service.snapshot().pool.strata
        np.testing.assert_array_equal(after[:ROWS], before)
        assert after[ROWS:].min() == before.max() + 1
        assert session.status().answered == len(every)
        rows = [int(one.id) for one in session.suggest(200)]
        assert set(range(ROWS, ROWS + 50)) <= set(rows)


def test_classes_may_be_added_and_labels_are_kept(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        label(session)
        with pytest.raises(ValueError, match="came with the embeddings; give a table"):
            session.add_classes(["spam"])
        table = np.hstack([0.9 * blobs()["prior"], np.full((ROWS, 1), 0.1)])
        np.savez(tmp_path / "prior.npz", prior=table)
        session.add_classes(["spam"], tmp_path / "prior.npz")
        assert session.classes == (*CLASSES, "spam")
        assert sum(session.status().counts.values()) == 60
        (one, *_) = session.suggest(10)
        session.tell([Answer(one.id, "spam")])
        assert session.status().counts["spam"] == 1
        assert len(session.predict()) == ROWS


def test_a_table_of_class_probabilities_goes_by_the_rows_names(tmp_path: Path) -> None:
    made = blobs()
    ids = np.array([f"row {row}" for row in range(ROWS)])
    np.savez(tmp_path / "bare.npz", features=made["features"], ids=ids)
    turned = ROWS - 1 - np.arange(ROWS)
    columns = {"id": ids[turned]} | {c: made["prior"][turned, i] for i, c in enumerate(CLASSES)}
    table = csv(tmp_path, columns, "prior.csv")
    with new(tmp_path, data=tmp_path / "bare.npz", prior_table=table) as session:
        rows = session.service.snapshot().pool.rows
        np.testing.assert_allclose(rows.prior, made["prior"], atol=1e-6)
        assert session.suggest(1)[0].id.startswith("row ")


def test_embeddings_without_a_prior_are_asked_about_all_the_same(tmp_path: Path) -> None:
    np.savez(tmp_path / "bare.npz", features=blobs()["features"])
    with new(tmp_path, data=tmp_path / "bare.npz") as session:
        assert not session.has_prior
        label(session, batches=4)
        assert np.mean(session.predict()["label"] == np.array(CLASSES)[blobs()["truth"]]) > 0.9


@pytest.mark.parametrize(
    "options",
    [
        ["strategy=subsample", "strategy@strategy.inner=badge"],
        ["strategy=selective", "learner=linear_residual"],
        ["supervision=self_training", "label_model=null"],
        ["prior=flat", "learner=linear_residual", "learner.l2=3"],
        ["prior=flat", "strategy@init=coreset"],
    ],
    ids=" ".join,
)
def test_options_inside_options_are_taken_as_of_a_run(tmp_path: Path, options: list[str]) -> None:
    with new(tmp_path, overrides=options) as session:
        label(session, batches=2, size=15)
        assert len(session.suggest(15)) == 15
        rows = npz(tmp_path, n=20, seed=5, name="new.npz")
        assert len(session.predict(rows)) == 20


@pytest.mark.parametrize(
    "options",
    [["learner=sklearn"], ["learner=sklearn", "supervision=labels"]],
)
def test_a_model_that_cannot_leave_the_session_predicts_in_it(
    tmp_path: Path, options: list[str]
) -> None:
    with new(tmp_path, audit=0.0, overrides=options) as session:
        label(session, batches=2)
        here = session.predict()
        rows = npz(tmp_path, n=20, seed=5, name="new.npz")
        said = session.predict(rows)
        files = session.export(tmp_path / "final")
    with Session.open(tmp_path / "session") as session:
        pd.testing.assert_frame_equal(session.predict(), here)
        pd.testing.assert_frame_equal(session.predict(rows), said)
        with pytest.raises(ValueError, match="has no prior, which the session's rows have"):
            session.predict(blobs(n=20, seed=5)["features"])
    assert files == ["answers.csv", "labels.csv", "predictions.csv", "report.html"]


@pytest.mark.parametrize("supervision", ["labels", "posterior_labels_pool"])
def test_the_exported_model_says_what_the_sessions_does(tmp_path: Path, supervision: str) -> None:
    with new(tmp_path, supervision=supervision) as session:
        label(session)
        files = session.export(tmp_path / "final")
        here = session.predict(npz(tmp_path, n=30, seed=4, name="new.npz"))
    assert files == ["README.md", "answers.csv", "labels.csv", "model.json", "model.npz",
                     "predictions.csv", "report.html"]  # fmt: skip
    model = al_bench.labelling.ExportedModel.load(tmp_path / "final")
    pd.testing.assert_frame_equal(model.predict(tmp_path / "new.npz"), here)


def test_exported_labels_say_who_said_so(tmp_path: Path) -> None:
    with new(tmp_path, audit=0.0) as session:
        every = label(session, batches=1)
        session.tell(knows(every[:1], "bob"))
        session.export(tmp_path / "final")
        table = pd.read_csv(tmp_path / "final" / "labels.csv", dtype={"id": str}).set_index("id")
        said = {one.id: one for one in knows(every)}
        assert table.loc[every[0].id, "source"] == "ann; bob"
        assert set(table["source"]) == {"ann; bob", "ann", "model"}
        for row, answer in said.items():
            assert table.loc[row, "label"] == answer.answer
        assert table["confidence"].between(0, 1).all()
        page = (tmp_path / "final" / "report.html").read_text()
        assert "20 labels of 150 rows" in page


def test_what_was_cut_before_it_was_whole_is_no_session_and_may_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("al_bench.labelling.session.ingest", cut)
        with pytest.raises(KeyboardInterrupt):
            new(tmp_path)
    with pytest.raises(ValueError, match="is no session"):
        Session.open(tmp_path / "session")
    assert (tmp_path / "session" / FILE).exists()
    with new(tmp_path) as session:
        assert session.status().rows == ROWS


def test_texts_are_embedded_by_the_fastest_engine_that_is_here_and_a_slow_one_is_said(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr("al_bench.priors.weights.device", lambda: SimpleNamespace(type="cpu"))
    monkeypatch.setattr(settings, "find_spec", lambda name: True)
    assert settings.default_prior("text") == settings.default_prior("image") == "packaged_openvino"
    assert settings.default_prior("features") == "packaged"
    assert not recwarn.list
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    with pytest.warns(UserWarning, match=r"by torch; pip install 'al-bench\[openvino\]'"):
        assert settings.default_prior("text") == "packaged"
    monkeypatch.setattr("al_bench.priors.weights.device", lambda: SimpleNamespace(type="cuda"))
    assert settings.default_prior("text") == "packaged"


@pytest.mark.models
def test_a_session_keeps_the_engine_it_was_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["a good day", "a bad day", "good", "good", "bad", "the day"]
    with Session.new(tmp_path / "old", texts, ["good", "bad"], prior="packaged") as session:
        session.tell([Answer(one.id, "good") for one in session.suggest(2)])
        before = session.predict()
        session.export(tmp_path / "final")
    monkeypatch.setattr(SentenceEncoder, "embed", None)  # nothing is embedded anew
    with Session.open(tmp_path / "old") as session:
        assert session.settings.options["prior"] == "packaged"
        pd.testing.assert_frame_equal(session.predict(), before)
    monkeypatch.undo()
    assert "openvino" not in al_bench.load(tmp_path / "final").encoder
    assert before["confidence"][2] == before["confidence"][3]
