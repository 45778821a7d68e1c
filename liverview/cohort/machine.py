"""The share of this machine that a run may use: cores and memory, and what follows from them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCAN_MB = 1200
"""Memory of a process at work on scans of 512x512x300: 830 MB were measured, and some to spare."""
_LEAST_SCANS = 4  # of each process: starting one takes as long as a scan
_OWN_MB = 400  # of the process that hands the scans out
_GROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60


@dataclass(frozen=True)
class Share:
    """What this process may use.

    Attributes
    ----------
    cores : by affinity and quota, from 1.
    memory_mb : that is free for it.
    """

    cores: int
    memory_mb: float


@dataclass(frozen=True)
class Plan:
    """How many processes do the work, each with how many threads.

    Attributes
    ----------
    processes : from 1.
    threads : of each.
    """

    processes: int
    threads: int


def this_machine() -> Share:
    """The share of this machine, with the limits of a container or a batch system."""
    return Share(_cores(), _memory_mb())


def choose(share: Share, scans: int, processes: int | None = None) -> Plan:
    """As many processes of one thread as there are cores, memory and scans for.

    Parameters
    ----------
    scans : how many there are to do.
    processes : that a person asks for.
    """
    if processes is None:
        fitting = int((share.memory_mb - _OWN_MB) / SCAN_MB)
        processes = max(1, min(share.cores, fitting, scans // _LEAST_SCANS))
    processes = max(1, min(processes, scans))
    return Plan(processes, max(1, share.cores // processes))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quota = min(_quotas(), default=float(count))
    return max(1, min(count, round(quota)))


def _quotas() -> list[float]:
    """The cores that each group of this process may use at a time."""
    found = []
    for folder in _group_folders("cpu"):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            if (folder / "cpu.max").exists():
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota = (folder / "cpu.cfs_quota_us").read_text()
                period = (folder / "cpu.cfs_period_us").read_text()
            if float(quota) > 0:  # "max" is no number; -1 is none
                found.append(float(quota) / float(period))
    return found


def _memory_mb() -> float:
    free = [_available_bytes()]
    for folder in _group_folders("memory"):
        names = (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        )
        for limit, used in names:
            with contextlib.suppress(OSError, ValueError):
                most = int((folder / limit).read_text())
                if most < _UNLIMITED:
                    free.append(most - int((folder / used).read_text()) + _cached(folder))
    return max(0, min(free)) / (1 << 20)


def _available_bytes() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * next(int(s.split()[1]) for s in lines if s.startswith("MemAvailable:"))
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return 8 << 30


def _cached(folder: Path) -> int:
    """Bytes of files that a group keeps in memory and gives back."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (folder / "memory.stat").read_text().splitlines()
        return next(int(s.split()[1]) for s in lines if s.startswith("inactive_file "))
    return 0


def _group_folders(controller: str) -> list[Path]:
    """The folders of this process's control group and of those around it."""
    found: list[Path] = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "" or controller in controllers.split(","):
                root = _GROUPS if controllers == "" else _GROUPS / controller
                own = root / path.lstrip("/")
                # In a container the path may be the host's, and the root the container's own.
                found += [own, *(p for p in own.parents if p.is_relative_to(root))]
    return list(dict.fromkeys(found)) or [_GROUPS]


def memory_reader() -> Callable[[int], float] | None:
    """A function for the memory that a process holds, MB, by its number; None where none is there."""
    if Path("/proc/self/statm").exists():
        return _held_mb
    try:
        import psutil
    except ImportError:
        return None
    return lambda process: psutil.Process(process).memory_info().rss / (1 << 20)


def _held_mb(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
