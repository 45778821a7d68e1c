"""A segmentation beside two busy programs, with threads that sleep while they wait and without."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from measuring import Row, in_child, median

BUSY = 2
RUNS = 3
TARGET = 2.5  # times the quiet time
PAUSE = 0.1  # seconds
SPINNING = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY")


@contextlib.contextmanager
def busy_neighbors(count: int) -> Iterator[None]:
    """Other programs that compute all the time."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def segment_beside(scan: str, count: str) -> None:
    """Print seconds and the window's longest pause, of every run in a real window."""
    from waiting import Window

    window = Window(Path(scan))
    window.segment()
    with busy_neighbors(int(count)):
        runs = [window.segment() for _ in range(RUNS)]
    window.close()
    print(*(value for _, whole, pause in runs for value in (whole, pause)))


def neighbor_rows(scan: Path) -> list[Row]:
    """Quiet and beside busy programs, as liverview's commands run and as torch does by default."""
    seconds: dict[str, list[float]] = {}
    pauses: dict[str, list[float]] = {}
    as_torch_does = {name: value for name, value in os.environ.items() if name not in SPINNING}
    for threads, environment in (("", dict(os.environ)), (", threads spin", as_torch_does)):
        for count in (BUSY, 0):
            way = f"{f'beside {count} busy programs' if count else 'quiet'}{threads}"
            found = in_child("neighbor", "segment_beside", scan, count, environment=environment)
            seconds[way], pauses[way] = found[::2], found[1::2]
    beside, quiet = (median(runs) for runs in list(seconds.values())[:2])
    pause = median(next(iter(pauses.values())))
    return [
        Row(
            "segment beside busy programs",
            seconds,
            f"at most {TARGET} times the quiet time",
            beside <= TARGET * quiet,
            notes=[f"{beside / quiet:.2f} times the quiet time"],
        ),
        Row("longest pause of the window meanwhile", pauses, "under 0.1 s", pause < PAUSE),
    ]
