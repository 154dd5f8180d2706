"""What the page draws."""

import pytest

from al_bench.labelling.page.view import HEIGHT, WIDTH, Point, curve


def places(points: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in points.split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_a_curve_needs_two_estimates() -> None:
    assert curve([]) is None
    assert curve([Point(5, 0.5, 0.4, 0.6)]) is None


def test_a_better_model_is_drawn_higher_and_more_answers_further_right() -> None:
    drawn = curve([Point(5, 0.5, 0.4, 0.6), Point(10, 0.6, 0.5, 0.7), Point(30, 0.8, 0.7, 0.9)])
    assert drawn is not None
    (x0, y0), (x1, y1), (x2, y2) = places(drawn.line)
    assert x0 < x1 < x2
    assert y0 > y1 > y2
    assert (x1 - x0) * 4 == pytest.approx(x2 - x1)


def test_the_band_goes_around_the_line_and_stays_inside_the_drawing() -> None:
    drawn = curve([Point(5, 0.5, 0.1, 0.6), Point(10, 0.9, 0.5, 1.0)])
    assert drawn is not None
    upper, lower = places(drawn.band)[:2], places(drawn.band)[:1:-1]
    for (x, y), (_, above), (_, below) in zip(places(drawn.line), upper, lower, strict=True):
        assert above < y < below
        assert 0 <= x <= WIDTH
        assert 0 <= above < below <= HEIGHT


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    drawn = curve([Point(i, i / 2000, 0, 1) for i in range(1001)])
    assert drawn is not None
    line = places(drawn.line)
    assert len(line) <= 102
    assert drawn.summary == "from 0 % after 0 to 50 % after 1000 answers"
