"""The page as a browser without scripts meets it: who sees what, and what becomes of answers."""

import re
from concurrent.futures import wait
from pathlib import Path
from threading import Event

import pytest

from al_bench.labelling import Answer, Interval, SessionEstimate
from al_bench.labelling.page.view import (
    ESTIMATE,
    EVERY,
    HEIGHT,
    WIDTH,
    Point,
    curve,
    stored_estimate,
)
from al_bench.labelling.store import Store
from tests.labelling.page.pages import field, made, page, row_in


def answers(folder: Path) -> list[tuple[int, str, str | None]]:
    """What is on the disk, read by somebody else."""
    store = Store.open(folder)
    found = [(a.row, a.annotator, a.answer) for a in store.answers()]
    store.close()
    return found


def test_a_visitor_is_asked_for_a_name_once(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        assert browser.get("/").headers["location"] == "name"
        sent = browser.enter(" Änne O'Neil ")
        assert sent.headers["location"] == "./?as=%C3%84nne+O%27Neil"
        assert browser.get("/?as=bob").headers["location"] == "name"
        again = browser.get("/")
        assert again.headers["location"] == sent.headers["location"]
        assert "Änne O&#39;Neil" in browser.get(again.headers["location"]).text


def test_an_answer_is_on_the_disk_when_the_page_goes_on(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        shown = browser.see()
        assert row_in(shown) == "r0"
        sent = browser.submit("answer", shown, answer="praise", seconds="2.5")
        assert sent.status_code == 303
        assert answers(tmp_path) == [(0, "ann", "praise")]
        shown = browser.see()
        assert row_in(shown) == "r1"
        assert "saved: “first” – praise" in shown
        browser.headers["hx-request"] = "true"  # htmx gets the next row as a part of the page
        sent = browser.submit("answer", shown, unsure="1")
        assert sent.text.startswith("<section")
        assert row_in(sent.text) == "r2"
        assert answers(tmp_path)[1:] == [(1, "ann", None)]
        assert "saved: “second” – not sure" in sent.text


def test_two_annotators_see_different_rows_until_all_are_answered(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        seen: dict[str, list[str]] = {"ann": [], "bob": []}
        for _ in range(3):
            for name, rows in seen.items():
                shown = browser.see(name)
                rows.append(row_in(shown))
                browser.submit("answer", shown, answer="praise")
        assert not set(seen["ann"]) & set(seen["bob"])
        assert sorted(seen["ann"] + seen["bob"]) == [f"r{i}" for i in range(6)]
        assert "Nothing is left for you" in browser.part()
        assert len(answers(tmp_path)) == 6


def test_undo_brings_the_row_back_and_the_answer_counts_no_more(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        browser.submit("answer", browser.see(), answer="praise")
        browser.submit("answer", browser.see(), answer="question")
        for row in ("r1", "r0", "r0"):  # the third time nothing is left to take back
            browser.submit("undo", browser.see())
            assert row_in(browser.see()) == row
        browser.submit("answer", browser.see(), answer="complaint")
        assert "saved: “first” – complaint" in browser.see()
        assert "<strong>1</strong> rows answered, 1 by you" in browser.see()


def test_a_skipped_row_comes_last_and_undo_takes_back_what_came_last(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        browser.submit("skip", browser.see())
        assert "put off: “first”" in browser.see()
        browser.submit("answer", browser.see(), answer="praise")  # r1
        for row in ("r1", "r0"):
            browser.submit("undo", browser.see())
            assert row_in(browser.see()) == row


def test_the_guess_is_shown_after_an_answer_and_never_of_a_row_that_measures(
    tmp_path: Path,
) -> None:
    said = ["", "; the model guessed praise (81 %)", ", as the model guessed", "", "; the model"]
    with page(made(tmp_path)) as browser:
        for row, answer in enumerate(["question", "praise", "praise", "question"]):
            shown = browser.see()
            assert row_in(shown) == f"r{row}"
            assert ("the model guessed" in shown, said[row] in shown) == (row in (1, 2), True)
            browser.submit("answer", shown, answer=answer)
        assert said[4] in browser.see()
    with page(made(tmp_path / "without"), guess=False) as browser:
        browser.submit("answer", browser.see(), answer="question")
        assert "guessed" not in browser.see()


def test_every_row_looks_the_same_before_its_answer(tmp_path: Path) -> None:
    with page(made(tmp_path, texts=["text"] * 6)) as browser:
        pages = set()
        for _ in range(3):  # the third one measures the model
            browser.see()
            pages.add(re.sub(r'Row r\d|value="\d"| disabled|<p id="said.*', "", browser.part()))
            browser.submit("skip", browser.see())
        assert len(pages) == 1


def test_an_earlier_answer_is_found_and_corrected(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        browser.see()
        browser.submit("answer", browser.see("bob"), answer="praise")
        browser.submit("answer", browser.see(), answer="praise", comment="  is it\n irony? ")
        browser.submit("answer", browser.see(), answer="question", flag="1")
        listed = browser.get("/answers?as=ann").text
        assert listed.index("“second”") < listed.index("“first”")
        assert "“fourth”" not in listed  # which bob answered
        for asked, rows in {
            "q=IRON": {"first"},
            "q=seco": {"second"},
            "flag=1": {"second"},
            "answer=praise": {"first"},
            "q=third": set(),
        }.items():
            listed = browser.get(f"/answers?as=ann&{asked}").text
            assert set(re.findall("“(.*?)”", listed)) == rows
        again = browser.get("/?as=ann&again=1").text
        assert row_in(again) == "r0"
        assert ">is it irony?</textarea>" in again
        assert re.search('value="praise"[^>]*aria-current', again)
        browser.submit("answer", again, answer="complaint")
        assert answers(tmp_path)[-1] == (0, "ann", "complaint")
        assert browser.view.session.status().counts == {
            "complaint": 1, "praise": 1, "question": 1,
        }  # fmt: skip
        assert "irony" not in browser.get("/answers?as=ann").text  # it was deleted with this answer
        browser.submit("undo", browser.see())
        assert browser.view.session.status().counts["praise"] == 2
        for number, status in (("5", 403), ("99", 404), ("x", 400)):
            assert browser.get(f"/?as=ann&again={number}").status_code == status


def test_a_guideline_is_written_by_anybody_and_seen_by_everybody(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        browser.see()
        secret = field(browser.get("/guideline?as=ann").text, "csrf")
        fields = {"csrf": secret, "as": "ann", "text": "Look <twice>", "class2": "is happy"}
        assert browser.post("/guideline", data=fields).status_code == 303
        shown = browser.see("bob")
        assert "Look &lt;twice&gt;" in shown
        assert 'title="is happy"' in shown
        assert "last by ann" in shown
        refused = browser.post("/guideline", data=fields | {"class2": "x" * 501})
        assert (refused.status_code, "501 characters" in refused.text) == (400, True)


def test_columns_of_the_data_are_shown_beside_the_text(tmp_path: Path) -> None:
    session = made(tmp_path)
    session.store.append("metadata", row=0, value='{"author": "A. <b>"}')
    with page(session) as browser:
        shown = browser.see()
        assert "<dt>author</dt><dd>A. &lt;b&gt;</dd>" in shown
        browser.submit("answer", shown, answer="praise")
        assert "author" not in browser.see()


def test_what_is_rare_is_counted_and_a_goal_is_approached(tmp_path: Path) -> None:
    session = made(tmp_path, texts=[f"text {i}" for i in range(60)])
    with page(session) as browser:
        panel = "/panel?as=ann"
        browser.see()
        assert 'id="rarest"' not in browser.get(panel).text
        told = [Answer(f"r{i}", "praise" if i else "complaint") for i in range(30)]
        told += [Answer(f"r{i}", "question") for i in range(30, 45)]
        session.tell(told[:10], unasked=True)
        assert "complaint: 1 found<" not in browser.get(panel).text  # of question there is none
        assert "question: none found<" in browser.get(panel).text
        session.tell(told, unasked=True)
        assert "complaint: 1 found, none in the last 40<" in browser.get(panel).text
        assert "<progress" not in browser.get(panel).text
        browser.view.goal = 300
        assert '<progress max="300" value="45"' in browser.get(panel).text


def test_the_page_waits_while_rows_are_chosen_and_says_what_went_wrong(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        tried = Event()

        def choose(annotator: str) -> int:
            tried.wait()
            raise OSError("the disk is full")

        browser.view.background.choose = choose
        browser.enter("ann")
        assert 'data-state="waiting"' in browser.get("/", params={"as": "ann"}).text
        tried.set()
        assert "the disk is full" in browser.part()


def test_the_counts_are_of_all_annotators(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        browser.submit("answer", browser.see("ann"), answer="praise")
        browser.submit("answer", browser.see("bob"), answer="praise")
        browser.submit("answer", browser.see("bob"), unsure="1")
        panel = browser.get("/panel", params={"as": "ann"}).text
        assert "praise</span></th><td>2</td>" in panel
        assert "not sure</span></th><td>1</td>" in panel
        assert "recall" not in panel
        assert "<strong>3</strong> rows answered, 1 by you" in panel


def test_the_model_is_measured_again_after_some_answers(tmp_path: Path) -> None:
    with page(made(tmp_path, texts=[f"text {i}" for i in range(30)])) as browser:
        measured = []
        browser.view.background.measure = lambda: measured.append(1)
        shown = browser.see()
        wait([browser.view.background.measured])
        before = len(measured)
        for _ in range(EVERY):
            assert browser.submit("answer", shown, answer="praise").status_code == 303
            shown = browser.part()
        wait([browser.view.background.measured])
        assert len(measured) == before + 1


def test_a_class_that_was_added_later_is_on_the_next_page(tmp_path: Path) -> None:
    session = made(tmp_path)
    with page(session) as browser:
        assert 'value="thanks"' not in browser.see()
        session.store.set({"classes": ["complaint", "praise", "question", "thanks"]})
        browser.submit("answer", browser.see(), answer="thanks")
        assert answers(tmp_path) == [(0, "ann", "thanks")]


def test_what_another_process_wrote_is_seen(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        browser.see()
        other = Store.open(tmp_path)
        other.append("answers", row=0, annotator="ann", answer="praise", source="suggested", time=1)
        other.close()
        assert row_in(browser.see()) == "r1"


def test_rows_without_text_or_image_are_shown_by_their_id(tmp_path: Path) -> None:
    session = made(tmp_path, texts=())
    with session.store.writing():
        session.store.append("rows", name="embedding 17", arrival=1)
    with page(session) as browser:
        assert '<p class="text" dir="auto">embedding 17</p>' in browser.see()


def test_every_page_is_made_of_its_own_files_alone(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        for path in ("/", "/name", "/static/page.css", "/nothing", "/image/9"):
            headers = browser.get(path).headers
            assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
        shown = browser.see().replace("<!doctype html>", "")
        assert not [part for part in ("//", "<style", " style=", " onclick") if part in shown]


def test_a_link_of_another_site_has_no_rows_chosen(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        for path in ("/?as=eve", "/work?as=eve", "/panel?as=eve"):
            assert browser.get(path).status_code in (303, 403)
        assert not browser.view.background.chosen


def test_people_who_share_a_browser_keep_their_own_pages(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:
        seen = [row_in(browser.see(name)) for name in ("ann", "bob|cy", "ann", "bob|cy")]
        assert seen == ["r0", "r3", "r0", "r3"]
        assert browser.get("/").headers["location"] == "./?as=bob%7Ccy"


def estimate(accuracy: float) -> SessionEstimate:
    recalls = {"praise": Interval(0.5, 0.25, 1.0)}
    advice = "go on: it is not <b>good</b> yet"
    one = Interval(accuracy, accuracy - 0.1, accuracy + 0.1)
    return SessionEstimate(one, Interval(0.66, 0.5, 0.75), recalls, 12, 4, advice)


def test_estimates_are_shown_as_they_grow_and_are_there_after_a_restart(tmp_path: Path) -> None:
    session = made(tmp_path)
    session.store.decide(ESTIMATE, stored_estimate(estimate(0.6), 5))
    with page(session) as browser:
        browser.see()
        panel = browser.get("/panel?as=ann").text
        assert "60 % <small>[50 %, 70 %]" in panel
        assert "66 % <small>[50 %, 75 %]" in panel
        assert "praise</span></th><td>0</td><td>50 % <small>[25 %, 100 %]" in panel
        assert "After 5 answers, by 4 rows drawn at random" in panel
        assert "not &lt;b&gt;good&lt;/b&gt; yet" in panel
        assert "polyline" not in panel
        session.store.decide(ESTIMATE, stored_estimate(estimate(0.8), 10))
        panel = browser.get("/panel?as=ann").text
        assert "80 % <small>[70 %, 90 %]" in panel
        assert "from 60 % after 5 to 80 % after 10 answers" in panel
        assert "polyline" in panel


def test_what_keeps_the_model_from_being_measured_is_said(tmp_path: Path) -> None:
    with page(made(tmp_path)) as browser:

        def measure() -> None:
            raise ValueError("no row drawn at random has an answer yet")

        browser.view.background.measure = measure
        browser.see()
        wait([browser.view.background.measured])
        assert "no row drawn at random has an answer yet" in browser.get("/panel?as=ann").text


def places(points: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in points.split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_a_curve_goes_up_and_right_inside_its_band() -> None:
    assert curve([]) is None
    assert curve([Point(5, 0.5, 0.4, 0.6)]) is None
    drawn = curve([Point(5, 0.5, 0.4, 0.6), Point(10, 0.6, 0.5, 0.7), Point(30, 0.8, 0.7, 0.9)])
    assert drawn is not None
    (x0, y0), (x1, y1), (_, y2) = line = places(drawn.line)
    assert y0 > y1 > y2
    assert (x1 - x0) * 4 == pytest.approx(line[2][0] - x1)
    upper, lower = places(drawn.band)[:3], places(drawn.band)[:2:-1]
    for (x, y), (_, above), (_, below) in zip(line, upper, lower, strict=True):
        assert 0 <= x <= WIDTH
        assert 0 <= above < y < below <= HEIGHT


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    drawn = curve([Point(i, i / 2000, 0, 1) for i in range(1001)])
    assert drawn is not None
    line = places(drawn.line)
    assert len(line) <= 102
    assert drawn.summary == "from 0 % after 0 to 50 % after 1000 answers"
