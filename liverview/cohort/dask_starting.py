"""Starting or connecting to what ``--on`` names, by the public classes of Dask alone."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from liverview.cohort.cluster_choice import INSTALL, ClusterChoice, ClusterError

_SUBMIT = {"slurm": "sbatch", "pbs": "qsub", "lsf": "bsub", "sge": "qsub"}
_CLASSES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
_MEMORY_GB = 4  # of a worker where nothing is said: a scan of 512x512x600 and its labels fit
_DASHBOARD = ":0"  # a port that is free: it is said
_SCHEDULER = {"distributed.scheduler.allowed-failures": 1}
# What stays allocated between scans must not make a worker stop taking work, and there is nothing
# to spill: at the limit the nanny ends the worker, which is all that is wanted.
_WORKER = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


@contextlib.contextmanager
def connected(
    choice: ClusterChoice, memory_mb: float | None = None, *, timeout: float = 30.0
) -> Iterator[Any]:
    """A `distributed.Client` of the cluster, which ends with the block where it was started here.

    Parameters
    ----------
    memory_mb : above which a worker that is started here is ended.
    timeout : seconds to wait for a scheduler that runs elsewhere.

    Raises
    ------
    ClusterError : where Dask is not installed, or the cluster cannot be started or reached.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        raise ClusterError(f"--on needs Dask: {INSTALL}.") from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(_SCHEDULER | _WORKER))
        # What becomes of workers is said by what becomes of scans.
        stack.enter_context(_quiet("distributed"))
        try:
            if choice.kind == "address":
                client = _client_of(distributed, choice.options, timeout)
            else:
                start = _local if choice.kind == "local" else _queued
                client = distributed.Client(stack.enter_context(start(choice, memory_mb)))
        except (OSError, RuntimeError, ValueError) as error:
            if isinstance(error, ClusterError):
                raise
            what = choice.options.get("address", choice.kind)
            raise ClusterError(
                f"The Dask cluster {what} cannot be used: {' '.join(str(error).split())}."
            ) from error
        yield stack.enter_context(client)


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _client_of(distributed: Any, options: Mapping[str, Any], timeout: float) -> Any:
    files = {name: value for name, value in options.items() if name.startswith("tls_")}
    security = distributed.Security(require_encryption=True, **files) if files else None
    return distributed.Client(options["address"], security=security, timeout=timeout)


def _local(choice: ClusterChoice, memory_mb: float | None) -> Any:
    from distributed import LocalCluster

    given = choice.options.get("memory")
    return LocalCluster(
        n_workers=choice.options.get("workers", cores()),
        threads_per_worker=1,
        memory_limit=given or (f"{memory_mb:.0f}MB" if memory_mb else "auto"),
        local_directory=choice.options.get("local_directory"),
        silence_logs=logging.CRITICAL,
        dashboard_address=_DASHBOARD,
    )


def _queued(choice: ClusterChoice, memory_mb: float | None) -> Any:
    command = _SUBMIT[choice.kind]
    if shutil.which(command) is None:
        raise ClusterError(
            f"--on {choice.kind} needs {command}, which is not on this machine: run it where jobs "
            "are submitted, or name a scheduler that runs as tcp://HOST:PORT."
        )
    try:
        import dask_jobqueue
    except ImportError as error:
        raise ClusterError(f"--on {choice.kind} needs dask-jobqueue: {INSTALL}.") from error
    options = dict(choice.options)
    jobs = options.pop("jobs", 1)
    each = options.setdefault("cores", 1)
    if memory_mb:
        options.setdefault("memory", f"{each * memory_mb:.0f}MB")
    options.setdefault("memory", f"{each * _MEMORY_GB}GB")
    settings = {"OMP_NUM_THREADS": "1"} | {
        f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": str(value)
        for name, value in _WORKER.items()
    }
    exported = [f"export {name}={value}" for name, value in settings.items()]
    options["job_script_prologue"] = [*exported, *options.get("job_script_prologue", [])]
    cluster = getattr(dask_jobqueue, _CLASSES[choice.kind])(
        processes=each, scheduler_options={"dashboard_address": _DASHBOARD}, **options
    )
    cluster.scale(jobs=jobs)
    return cluster


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
