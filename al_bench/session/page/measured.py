"""Estimates as they are kept among a session's decisions, so that a curve outlives the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from al_bench.session.page.show import Point
from al_bench.session.values import Estimate, Interval

ESTIMATE = "estimate"  # kind of a decision


@dataclass(frozen=True)
class Measured:
    """How good the model was after so many answers, each measure by its name."""

    answers: int
    audited: int
    measures: Mapping[str, Interval]
    advice: str

    @classmethod
    def by(cls, estimate: Estimate, answers: int) -> Self:
        """An estimate that was made after so many answers."""
        measures = {
            "accuracy": estimate.accuracy,
            "balanced accuracy": estimate.balanced_accuracy,
            **{f"recall of {name}": recall for name, recall in estimate.recalls.items()},
        }
        return cls(answers, estimate.audited, measures, estimate.advice)

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Self:
        """The estimate of a decision's value."""
        measures = {name: Interval(*numbers) for name, numbers in value["measures"].items()}
        return cls(value["answers"], value["audited"], measures, value["advice"])

    def value(self) -> dict[str, Any]:
        """The same as a decision's value."""
        measures = {name: (one.value, one.low, one.high) for name, one in self.measures.items()}
        return {
            "answers": self.answers,
            "audited": self.audited,
            "measures": measures,
            "advice": self.advice,
        }


def point(value: Mapping[str, Any]) -> Point:
    """Where the estimate of a decision's value lies on the learning curve of accuracy."""
    return Point(value["answers"], *value["measures"]["accuracy"])
