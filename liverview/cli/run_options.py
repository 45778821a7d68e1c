"""Options of how many scans are run on this machine."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from liverview.core.text import quoted

if TYPE_CHECKING:
    from liverview.cohort.cluster_choice import ClusterChoice
    from liverview.cohort.running import RunChoice

RUN_OPTIONS = "processes", "on", "time_limit", "memory_limit", "retry"
"""The options that `add_run_options` adds, as attributes; None is what was not given."""
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_MEGABYTES = {"MB": 1.0, "GB": 1024.0, "TB": 1024.0**2}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what is said of processes and their limits, and of what has failed before."""
    group = parser.add_argument_group("many scans on this machine")
    group.add_argument(
        "--processes",
        type=_count,
        metavar="N",
        help="how many scans are computed at a time; by default by cores, memory and the number "
        "of scans, or one for each GPU",
    )
    group.add_argument(
        "--on",
        type=_cluster,
        metavar="CLUSTER",
        help="a cluster, by Dask: local, local:N, tcp://HOST:PORT, slurm or pbs, lsf, sge with "
        "options as slurm:queue=short,jobs=20, or FILE.yaml",
    )
    group.add_argument(
        "--time-limit",
        type=_duration,
        metavar="TIME",
        help="of each scan, as 90s, 20m or 1.5h: one that takes longer is stopped and has failed",
    )
    group.add_argument(
        "--memory-limit",
        type=_memory,
        metavar="SIZE",
        help="of each process, as 8GB: one that takes more is ended, and its scan has failed",
    )
    group.add_argument(
        "--retry",
        choices=("failed",),
        help="try again what has failed before, too",
    )


def run_choice(options: argparse.Namespace) -> RunChoice:
    """The choice that the options make of how a cohort runs."""
    from liverview.cohort.running import RunChoice

    return RunChoice(options.processes, options.time_limit, options.memory_limit, options.on)


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no number of processes: give it as 4")
    return int(text)


def _cluster(text: str) -> ClusterChoice:
    from liverview.cohort.cluster_choice import ClusterError, parse_cluster

    try:
        return parse_cluster(text)
    except ClusterError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", text)
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no time: give it as 90s, 20m or 1.5h")
    return seconds


def _memory(text: str) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([MGT]B)", text, re.IGNORECASE)
    megabytes = float(found[1]) * _MEGABYTES[found[2].upper()] if found else 0.0
    if megabytes <= 0:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no size: give it as 800MB or 8GB")
    return megabytes
