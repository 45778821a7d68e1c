"""Measurement for benchmarks: ways side by side in one run, after rounds that do not count."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass
class Row:
    """One comparison.

    Attributes
    ----------
    name : what was done.
    seconds : of every run that counts, per way; the first way is liverview's.
    target : what is to be reached, in words.
    reached : whether it was.
    peak_mb : memory beyond the idle process, per way.
    notes : what the figures do not say.
    """

    name: str
    seconds: dict[str, list[float]]
    target: str = ""
    reached: bool | None = None
    peak_mb: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ours(self) -> list[float]:
        return next(iter(self.seconds.values()))

    def lines(self) -> list[str]:
        """The row as text: best, median and 95th percentile in ms, times liverview's median."""
        verdict = {True: ": reached", False: ": MISSED", None: ""}[self.reached]
        text = [f"{self.name}   [{self.target}{verdict}]" if self.target else self.name]
        middle = statistics.median(self.ours)
        for way, runs in self.seconds.items():
            ms = [1000 * value for value in (min(runs), statistics.median(runs), p95(runs))]
            memory = f"{self.peak_mb[way]:8.0f} MB" if way in self.peak_mb else ""
            ratio = statistics.median(runs) / middle
            text.append(
                f"  {way:<52}{ms[0]:10.1f}{ms[1]:10.1f}{ms[2]:10.1f} ms {ratio:7.2f} x{memory}"
            )
        return [*text, *(f"  {note}" for note in self.notes)]

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "target": self.target,
            "reached": self.reached,
            "ways": {
                way: {
                    "best_s": min(runs),
                    "median_s": statistics.median(runs),
                    "p95_s": p95(runs),
                    "runs": len(runs),
                    "peak_mb": self.peak_mb.get(way),
                }
                for way, runs in self.seconds.items()
            },
            "notes": self.notes,
        }


def p95(runs: list[float]) -> float:
    """The 95th percentile; of fewer than 20 runs, the worst."""
    ordered = sorted(runs)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def median(runs: list[float]) -> float:
    return statistics.median(runs)


def seconds_of(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def alternating(
    ways: Mapping[str, Callable[[], object]], runs: int, warm: int = 1
) -> dict[str, list[float]]:
    """Seconds of every way, one after the other in every round; the first rounds do not count.

    A way may measure itself: a float that it returns takes the place of the time it took.
    """
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(warm + runs):
        for way, action in ways.items():
            started = time.perf_counter()
            result = action()
            taken = time.perf_counter() - started
            if number >= warm:
                seconds[way].append(result if isinstance(result, float) else taken)
    return seconds


def in_child(
    module: str,
    function: str,
    *arguments: object,
    environment: Mapping[str, str] | None = None,
) -> list[float]:
    """The numbers that a function of a benchmark prints in a process of its own."""
    given = ", ".join(repr(str(argument)) for argument in arguments)
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import {module}; "
    code += f"{module}.{function}({given})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return [float(value) for value in done.stdout.split()]


def resident_mb() -> float:
    """Memory that this process holds now (Linux)."""
    return _status("VmRSS")


def peak_mb() -> float:
    """The most memory that this process has held (Linux)."""
    return _status("VmHWM")


def _status(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")
