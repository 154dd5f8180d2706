"""Estimates as they are kept among a session's decisions, so that a curve outlives the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from al_bench.session.page.show import Point
from al_bench.session.values import Estimate, Interval

ESTIMATE = "estimate"  # kind of a decision


def stored(estimate: Estimate, answers: int) -> dict[str, Any]:
    """An estimate that was made after so many answers, as a decision's value."""
    return {
        "answers": answers,
        "audited": estimate.audited,
        "accuracy": numbers(estimate.accuracy),
        "balanced_accuracy": numbers(estimate.balanced_accuracy),
        "recalls": {name: numbers(recall) for name, recall in estimate.recalls.items()},
        "advice": estimate.advice,
    }


def numbers(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def point(value: Mapping[str, Any]) -> Point:
    """Where the estimate of a decision's value lies on the learning curve of accuracy."""
    return Point(value["answers"], *value["accuracy"])
