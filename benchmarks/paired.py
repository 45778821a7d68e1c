"""Two checkouts side by side: the whole of ``liverview segment``, and ``segment()`` alone.

    python benchmarks/paired.py OLD_TREE NEW_TREE SCAN [--pairs 5] [--threads N]
        [--reference LABELS]

Both run in turns, each in a process of its own by the Python that runs this, so that what else the
machine does meets both. Printed are the medians of wall time, CPU time and peak memory, how many
times as fast the new one is, in how many voxels their labels differ, and Dice by label: of both
with each other, and of each with a reference. The memory of segment() is that beyond the scan
and the labels, its networks with it, where the system tells it (Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

_ALONE = """
import json, sys, time
import liverview as lv
from liverview.inference.segmentation import load_models

def held(name):
    try:
        lines = open("/proc/self/status").read().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name + ":")), 0)

scan = lv.read(sys.argv[1])
load_models()  # torch and all that inference imports are there from here on
try:
    open("/proc/self/clear_refs", "w").write("5")  # the most so far is what is held now
except OSError:
    pass
before = held("VmRSS")
labels = lv.segment(scan, device="cpu")  # the networks are loaded from here on
peak = held("VmHWM") - before - labels.voxels.nbytes / 1024
started, cpu = time.perf_counter(), time.process_time()
lv.segment(scan, device="cpu")
print(json.dumps([time.perf_counter() - started, time.process_time() - cpu, peak]))
"""
_KIB_PER_MIB = 1024


@dataclass(frozen=True)
class Run:
    """Wall and CPU time in s, and peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare two checkouts on one scan.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of OpenMP; by default all cores")
    parser.add_argument("--reference", type=Path, help="labels to compare both with")
    options = parser.parse_args()
    trees, scan = [options.old.resolve(), options.new.resolve()], options.scan.resolve()
    with tempfile.TemporaryDirectory() as folder:
        labels = [Path(folder) / f"{name}.nii.gz" for name in ("old", "new")]
        whole: list[list[Run]] = [[], []]
        alone: list[list[Run]] = [[], []]
        for pair in range(options.pairs):
            for number in (0, 1) if pair % 2 == 0 else (1, 0):
                tree = trees[number]
                command = ["-m", "liverview", "segment", str(scan), "--device", "cpu"]
                command += ["-o", str(labels[number]), "--overwrite"]
                whole[number].append(_run(tree, command, options.threads)[0])
                printed = _run(tree, ["-c", _ALONE, str(scan)], options.threads)[1]
                wall, cpu, peak = json.loads(printed)
                alone[number].append(Run(wall, cpu, peak / _KIB_PER_MIB))
        _print_table({"liverview segment": whole, "segment() alone": alone})
        _print_agreement("old and new", *labels)
        if options.reference is not None:
            for name, path in zip(("old", "new"), labels, strict=True):
                _print_agreement(f"{name} and reference", path, options.reference)


def _run(tree: Path, arguments: Sequence[str], threads: int | None) -> tuple[Run, str]:
    """Run the Python of this process on a tree, outside of it; returns what it printed, too."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    script = (
        "import json, resource, subprocess, sys, time\n"
        "started = time.perf_counter()\n"
        "done = subprocess.run([sys.executable, *sys.argv[1:]], stdout=subprocess.PIPE)\n"
        "wall = time.perf_counter() - started\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "run = [wall, used.ru_utime + used.ru_stime, used.ru_maxrss]\n"
        "print(json.dumps([done.returncode, run, done.stdout.decode()]))\n"
    )
    with tempfile.TemporaryDirectory() as nowhere:  # or Python would find a tree where it is run
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env=environment,
            cwd=nowhere,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    code, (wall, cpu, peak), printed = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{tree} ended with {code}: run {' '.join(arguments[:4])} there to see.")
    return Run(wall, cpu, peak / _KIB_PER_MIB), printed


def _print_table(measured: dict[str, list[list[Run]]]) -> None:
    print(f"{'median of pairs':32} {'old':>9} {'new':>9} {'old / new':>10}")
    for name, (old, new) in measured.items():
        for field, unit in (("wall", "s"), ("cpu", "s of CPU"), ("peak", "MiB at most")):
            before, after = (median(getattr(run, field) for run in runs) for runs in (old, new))
            times = before / after if after else 0.0
            print(f"{name + ', ' + unit:32} {before:9.2f} {after:9.2f} {times:9.2f}x")


def _print_agreement(pair: str, old: Path, new: Path) -> None:
    from liverview.core.labels import Label
    from liverview.files import images

    first, second = (images.read_labels(path).voxels for path in (old, new))
    differ = int(np.count_nonzero(first != second))
    print(f"{pair}: {differ} of {first.size} voxels differ ({100 * differ / first.size:.5f} %)")
    for label in list(Label)[1:]:
        one, other = first == label, second == label
        total = int(one.sum()) + int(other.sum())
        dice = 2 * int((one & other).sum()) / total if total else 1.0
        print(f"{pair}: Dice of {label.name.lower()}: {dice:.5f}")


if __name__ == "__main__":
    main()
