"""What the page draws."""

import pytest

from al_bench.labelling.page.view import HEIGHT, WIDTH, Point, curve


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
