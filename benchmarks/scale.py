"""Ten thousand scans on a hundred workers, with the real scheduler and client of a cohort on Dask.

    python benchmarks/scale.py --scans 10000 --workers 100

The scheduler is a process of its own, so its CPU time and memory are its own; the workers, all in
another process, wait instead of segmenting, a hundredth of the time. The ledger is written as in
earnest. Prints CPU time per scan of each part, and what follows for more workers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liverview.cohort import dask_cluster
from liverview.cohort.cluster_choice import parse_cluster
from liverview.cohort.ledger import Ledger
from liverview.cohort.work import Attempt, Done
from liverview.core.stream import Progress

SECONDS = 6.0  # a core's, for one scan of 512x512x120
SCALED = 100  # times shorter is the wait
FIGURES = {f"measurement_{number}_ml": 1234.567 for number in range(60)}  # of a usual size
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class NamedItem:
    """A scan that is only a name."""

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class WaitingWork:
    """Stands for segmenting: waits."""

    seconds: float
    kind: str = "segment"
    device: str = "cpu"

    @property
    def made_with(self) -> Mapping[str, str]:
        return {"software": "simulated"}

    def input_sha256(self, item: NamedItem) -> str:
        return "0" * 64

    def iter_do(self, item: NamedItem) -> Generator[Progress, None, Done]:
        yield Progress("Waiting", 0.0)
        time.sleep(self.seconds)
        return Done(FIGURES, lines=("Liver 1,500 mL",), seconds=self.seconds)


def cpu_seconds(process: int) -> float:
    """User and system time of a process (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mb(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


async def keep_workers(said: Path, count: int) -> None:
    """Run workers of one thread in this process until it is killed."""
    import dask
    from distributed import Worker

    # A hundred profilers and monitors in one process would be all that it does.
    dask.config.set(
        {
            "distributed.worker.profile.enabled": False,
            "distributed.admin.system-monitor.interval": "60s",
        }
    )
    address = json.loads(said.read_text())["address"]
    how = {"nthreads": 1, "memory_limit": 0, "dashboard": False}
    workers = [Worker(address, name=str(number), **how) for number in range(count)]
    await asyncio.gather(*workers)
    (said.parent / "ready").touch()
    await asyncio.gather(*(worker.finished() for worker in workers))


@contextmanager
def started(command: list[str], said: Path) -> Iterator[int]:
    """A process that is ready once a file is there; its number."""
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    try:
        while not said.exists():
            if process.poll() is not None:
                raise RuntimeError(f"{command[:3]} has ended")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def simulate(scans: int, workers: int, ahead: int) -> dict[str, Any]:
    """Run a cohort whose workers wait; figures of each part.

    Parameters
    ----------
    ahead : items per worker that are with the scheduler.
    """
    dask_cluster._AHEAD = ahead
    with tempfile.TemporaryDirectory() as name:
        said, ready = Path(name) / "scheduler.json", Path(name) / "ready"
        scheduler = ["-m", "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1"]
        scheduler += ["--no-dashboard", "--scheduler-file", str(said)]
        own = [__file__, "--serve", str(said), "--workers", str(workers)]
        with started(scheduler, said) as pid, started(own, ready) as hosting:
            address = json.loads(said.read_text())["address"]
            before, waited = cpu_seconds(pid), time.monotonic()
            time.sleep(5)
            idle = (cpu_seconds(pid) - before) / (time.monotonic() - waited)
            at_start = peak_mb(pid)
            first = {key: cpu_seconds(one) for key, one in _parts(pid, hosting)}
            began = time.monotonic()
            done = _run(scans, Path(name), address)
            wall = time.monotonic() - began
            spent = {key: cpu_seconds(one) - first[key] for key, one in _parts(pid, hosting)}
            files = [p for p in (Path(name) / "ledger").rglob("*.json") if p.is_file()]
            return {
                "scans": scans,
                "workers": workers,
                "ahead": ahead,
                "done": done,
                "wall_s": round(wall, 1),
                "cpu_ms_per_scan": {key: round(1e3 * s / scans, 2) for key, s in spent.items()},
                "scheduler_idle_cpu_ms_per_worker_s": round(1e3 * idle / workers, 3),
                "scheduler_mb": {"before": round(at_start), "peak": round(peak_mb(pid))},
                "ledger": {
                    "files": len(files),
                    "bytes_per_file": round(sum(p.stat().st_size for p in files) / len(files)),
                    "most_names_in_a_folder": max(
                        len(list(p.iterdir())) for p in (Path(name) / "ledger").iterdir()
                    ),
                },
            }


def pending(scans: int) -> dict[str, Any]:
    """What it costs the scheduler to be given all scans at once; there are no workers."""
    from distributed import Client

    from liverview.cohort.dask_worker import WorkerRun, do_item

    with tempfile.TemporaryDirectory() as name:
        said = Path(name) / "scheduler.json"
        scheduler = ["-m", "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1"]
        scheduler += ["--no-dashboard", "--scheduler-file", str(said)]
        packed = WorkerRun(WaitingWork(0.0), Path(name), Path(name), "run").packed()
        with started(scheduler, said) as pid, Client(scheduler_file=str(said)) as client:
            before, spent = peak_mb(pid), cpu_seconds(pid)
            futures = [
                client.submit(do_item, "0", packed, NamedItem(Path(f"scan_{n}")), 0, key=f"s-{n}")
                for n in range(scans)
            ]
            client.nthreads()  # is answered after all of them
            return {
                "pending": len(futures),
                "bytes_of_the_work": len(packed),
                "scheduler_mb": {"before": round(before), "peak": round(peak_mb(pid))},
                "scheduler_cpu_ms_per_scan": round(1e3 * (cpu_seconds(pid) - spent) / scans, 2),
            }


def _parts(scheduler: int, hosting: int) -> list[tuple[str, int]]:
    return [("scheduler", scheduler), ("client", os.getpid()), ("workers", hosting)]


def _run(scans: int, results: Path, address: str) -> int:
    items = [NamedItem(results / f"scan_{number:06d}") for number in range(scans)]
    work = WaitingWork(SECONDS / SCALED)
    stream = dask_cluster.iter_run_on_dask(items, work, Ledger(results), parse_cluster(address))
    return sum(isinstance(item, Attempt) and item.outcome == "done" for item in stream)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--ahead", type=int, nargs="+", default=[2])
    parser.add_argument("--at-once", action="store_true", help="only submit them, all at once")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # its processes end with it
    if options.serve:
        asyncio.run(keep_workers(options.serve, options.workers))
        return
    if options.at_once:
        print(json.dumps(pending(options.scans), indent=2))
        return
    for ahead in options.ahead:
        print(json.dumps(simulate(options.scans, options.workers, ahead), indent=2), flush=True)


if __name__ == "__main__":
    main()
