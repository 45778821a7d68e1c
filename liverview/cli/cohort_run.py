"""A cohort on the terminal: how far it is, how it is stopped, and what has failed."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from liverview.cli.printing import iter_with_progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from liverview.cohort.results_written import ResultsWritten
    from liverview.cohort.work import Attempt
    from liverview.core.stream import Message, Progress

_REDRAWN_S = 0.2  # at least, between two drawings of the line
_SAID_S = 60.0  # between two lines where there is no terminal
_STOPPING = (
    "Stopping after the scans under way; again stops at once. The same command goes on from there."
)


class GentleStop:
    """A block in which Ctrl-C, or being asked to end, stops after the scans under way.

    The second time raises KeyboardInterrupt at once.

    Attributes
    ----------
    asked : true once it was asked for.
    insisted : true once it was asked for again.
    """

    def __init__(self) -> None:
        self.asked = self.insisted = False
        self._before: dict[int, object] = {}

    def __call__(self) -> bool:
        return self.asked

    def __enter__(self) -> GentleStop:
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if handler is not signal.SIG_IGN:  # as under nohup
                self._before[number] = handler
                signal.signal(number, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            self.insisted = True
            raise KeyboardInterrupt
        self.asked = True


def write_results(folder: Path, planned: int | None) -> ResultsWritten:
    """Write the tables and the page of a cohort; ``planned`` is how many items it has."""
    from liverview.cohort.results_written import ResultsWritten, iter_write_results
    from liverview.core.stream import result_of

    stream = iter_with_progress_bar(iter_write_results(folder, planned))
    return result_of(stream, ResultsWritten)


def iter_cohort(
    stream: Iterable[Progress | Message | Attempt],
    count: int,
    stop: GentleStop,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Attempt]:
    """Pass on what ends, and show how far a run of so many items is.

    On a terminal one line is redrawn; without one a line comes now and then.

    Raises
    ------
    KeyboardInterrupt : at the end, where it was stopped before all were done.
    """
    from liverview.cohort.work import Attempt
    from liverview.core.stream import Message

    line = ProgressLine(count, clock)
    try:
        for item in stream:
            if isinstance(item, Message):
                line.clear()
                print(item.text, file=sys.stderr)
            elif isinstance(item, Attempt):
                line.count(item)
                line.clear()
                yield item
            if stop.asked:
                line.say_once(_STOPPING)
            line.show()
    finally:
        line.clear()
        close = getattr(stream, "close", None)
        if close is not None:
            close()
    if stop.asked and line.ended < count:
        raise KeyboardInterrupt


class ProgressLine:
    """Counts of what is done, how fast, and how long the rest takes.

    Attributes
    ----------
    ended : how many are done or have failed.
    """

    def __init__(self, count: int, clock: Callable[[], float]) -> None:
        self._count, self._clock = count, clock
        self._began = self._shown = clock()
        self.ended = self._failed = 0
        self._terminal = sys.stderr.isatty()
        self._said: set[str] = set()

    def count(self, attempt: Attempt) -> None:
        self.ended += 1
        self._failed += attempt.outcome == "failed"

    def show(self) -> None:
        """Draw or print it, where it is time to."""
        now = self._clock()
        if now - self._shown < (_REDRAWN_S if self._terminal else _SAID_S):
            return
        self._shown = now
        if self._terminal:
            print(f"\r\033[K{self.words()}", end="", file=sys.stderr, flush=True)
        else:
            print(self.words(), file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.clear()
            print(text, file=sys.stderr, flush=True)

    def words(self) -> str:
        """As "37 of 200 done, 1 failed, 412 scans an hour, 24 min left"."""
        words = f"{self.ended - self._failed:,} of {self._count:,} done"
        if self._failed:
            words += f", {self._failed:,} failed"
        hours = (self._clock() - self._began) / 3600
        if self.ended and hours > 0:
            rate = self.ended / hours
            left = (self._count - self.ended) / rate * 60
            words += f", {rate:,.0f} scans an hour, {_minutes(left)} left"
        return words


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
