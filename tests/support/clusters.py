"""Shared by tests of cohorts on a cluster: small scans, schedulers, workers."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import nibabel as nib
import numpy as np

from liverview.cohort.cluster_choice import ClusterChoice, parse_cluster
from liverview.cohort.dask_cluster import Limits, iter_run_on_dask
from liverview.cohort.ledger import Ledger
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.core.stream import Message

from support.cohort_works import FileItem

TESTS = Path(__file__).parents[1]
FAST_START = {"DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "forkserver"}
"""In the environment, lets workers start in a moment instead of a second."""


def with_tests() -> dict[str, str]:
    """The environment of a process that has to load works of these tests."""
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def files(folder: Path, names: Sequence[str]) -> list[FileItem]:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.bin").write_text(f"content of {name}")
    return [FileItem(folder / f"{name}.bin") for name in names]


def write_scans(folder: Path, count: int) -> list[Path]:
    """Noise of CT values, each another: 16 x 14 x 8 voxels of 4 x 4 x 5 mm."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"scan_{number:03d}.nii.gz" for number in range(count)]
    for number, path in enumerate(paths):
        voxels = np.random.default_rng(number).normal(60, 40, (16, 14, 8)).astype(np.int16)
        image = nib.Nifti1Image(voxels, np.diag([4.0, 4.0, 5.0, 1.0]))
        image.header.set_xyzt_units("mm")
        nib.save(image, path)
    return paths


def run_on(
    on: str | ClusterChoice,
    items: Sequence[CohortItem],
    work: CohortWork,
    results: Path,
    limits: Limits | None = None,
) -> tuple[dict[str, Attempt], list[str]]:
    """The attempts that a run on a cluster ended with, by item, and its messages."""
    choice = parse_cluster(on) if isinstance(on, str) else on
    attempts, messages = {}, []
    for item in iter_run_on_dask(items, work, Ledger(results), choice, limits):
        if isinstance(item, Attempt):
            assert item.item not in attempts
            attempts[item.item] = item
        elif isinstance(item, Message):
            messages.append(item.text)
    return attempts, messages


@contextlib.contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a scheduler in a process of its own, without workers; and that process."""
    said = folder / "scheduler.log"
    command = ["-m", "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1"]
    with said.open("wb") as log, _process([*command, "--no-dashboard"], log) as process:
        while not (found := re.search(r"Scheduler at: +(\S+)", said.read_text())):
            assert process.poll() is None
            os.sched_yield()
        yield found[1], process


@contextlib.contextmanager
def worker(address: str) -> Iterator[None]:
    """A worker of one thread for a scheduler that runs."""
    command = ["-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    with _process([*command, "--no-nanny"], subprocess.DEVNULL):
        yield


@contextlib.contextmanager
def _process(command: Sequence[str], log: IO[bytes] | int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *command], stderr=log, env=with_tests())
    try:
        yield process
    finally:
        process.kill()
        process.wait()
