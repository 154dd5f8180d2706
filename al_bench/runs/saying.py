"""What is said of runs while they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import time

from al_bench.progress import Every, span

FEW = 100  # runs of a sweep of which each has its line; of more some have


class Aloud:
    """Of a run alone: a line a round, and one at its end."""

    def round(self, text: str) -> None:
        print(text, flush=True)

    def end(self, text: str, made: bool) -> None:
        """made: now, and not before or by somebody else."""
        print(text, flush=True)


class Silent(Aloud):
    """Nothing."""

    def round(self, text: str) -> None: ...

    def end(self, text: str, made: bool) -> None: ...


@dataclass
class Counted(Aloud):
    """Of a run among many: how many are done, by whatever process, and how long the rest takes.

    total: how many there are; tally: a file that every process of the sweep adds a letter a run to;
    began: when, as the clock says. A round is said where nothing was for some seconds.
    """

    total: int
    tally: Path
    began: float
    due: Every = field(default_factory=Every)

    def round(self, text: str) -> None:
        if self.due():
            print(text, flush=True)

    def end(self, text: str, made: bool) -> None:
        count = self.count("m" if made else "-")
        if self.due() or self.total <= FEW:
            print(f"{count}: {text}", flush=True)

    def failed(self, text: str) -> None:
        """A failure is always said."""
        print(f"{self.count('m')}: failed: {text}", flush=True)

    def count(self, letter: str) -> str:
        """Count one more; how many are done of all, and how long the others take at this pace."""
        try:
            self.tally.parent.mkdir(parents=True, exist_ok=True)
            with self.tally.open("a") as file:
                file.write(letter)
            letters = self.tally.read_text()
        except OSError:  # a full disk, or a machine that does not see the file
            return f"one of {self.total} runs"
        done, made = len(letters), letters.count("m")
        seconds = (time() - self.began) * (self.total - done) / made if made else 0.0
        left = f", {span(seconds)} left" if seconds else ""
        return f"{done} of {self.total} runs{left}"
