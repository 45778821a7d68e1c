"""The scans an hour of two checkouts, by their cohort commands in turn.

    python benchmarks/cohorts.py OLD NEW SCAN [COUNT [ROUNDS]]

OLD and NEW are folders of checkouts; COUNT copies of SCAN are one cohort. CPU time is that of the
command and all its processes: it says which is faster on a machine that is busy, too.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    old, new, scan = (Path(given).resolve() for given in sys.argv[1:4])
    count, rounds = (int(n) for n in [*sys.argv[4:6], *["50", "5"][len(sys.argv[4:6]) :]])
    figures: dict[Path, list[tuple[float, float]]] = {old: [], new: []}
    with tempfile.TemporaryDirectory() as folder:
        scans = Path(folder, "scans")
        scans.mkdir()
        for number in range(count):
            shutil.copy(scan, scans / f"{number:03d}{''.join(scan.suffixes)}")
        for number in range(rounds):
            for checkout in (old, new) if number % 2 == 0 else (new, old):
                figures[checkout].append(_run(checkout, scans, Path(folder, "out")))
    for checkout, runs in figures.items():
        wall, cpu = (statistics.median(values) for values in zip(*runs, strict=True))
        print(
            f"{checkout}: {3600 * count / wall:,.0f} scans an hour, {cpu / count:.2f} s of CPU a "
            f"scan (median of {rounds})"
        )
    ratios = [
        [a / b for a, b in zip(before, after, strict=True)]
        for before, after in zip(figures[old], figures[new], strict=True)
    ]
    wall, cpu = (statistics.median(values) for values in zip(*ratios, strict=True))
    print(f"new is {wall:.2f}x as fast; {cpu:.2f}x by CPU time")


def _run(checkout: Path, scans: Path, out: Path) -> tuple[float, float]:
    """Seconds of the clock and of the CPU."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "liverview", "segment", str(scans), "-o", str(out)]
    before, started = _cpu(), time.perf_counter()
    subprocess.run(
        [*command, "--device", "cpu"],
        check=True,
        capture_output=True,
        cwd=out.parent,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    return time.perf_counter() - started, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
