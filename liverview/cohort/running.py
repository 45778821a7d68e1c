"""The ways to run a cohort: in this process, in several ones, or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from liverview.cohort.cluster_choice import ClusterChoice
from liverview.cohort.dask_cluster import Limits, iter_run_on_dask
from liverview.cohort.ledger import Ledger
from liverview.cohort.local import iter_run_here, never
from liverview.cohort.machine import choose, this_machine
from liverview.cohort.processes import Workers, iter_run_in_processes
from liverview.cohort.stopping import folder_check
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.core.stream import Message, Progress


@dataclass(frozen=True)
class RunChoice:
    """The wishes of a person for how a cohort runs.

    Attributes
    ----------
    processes : how many; None chooses by cores, memory and the number of items.
    seconds : that an item may take; None for no limit.
    memory_mb : that a process may hold; None for no limit.
    on : the cluster; None is this machine, without Dask.
    """

    processes: int | None = None
    seconds: float | None = None
    memory_mb: float | None = None
    on: ClusterChoice | None = None

    @property
    def is_limited(self) -> bool:
        """True where only a process that can be ended will do."""
        return self.seconds is not None or self.memory_mb is not None


def iter_run(
    items: Sequence[CohortItem],
    work: CohortWork,
    ledger: Ledger | None,
    choice: RunChoice | None = None,
    stopping: Callable[[], bool] = never,
) -> Iterator[Progress | Message | Attempt]:
    """Do the items; every one that is begun ends as an `Attempt`.

    Parameters
    ----------
    stopping : asked again and again; once it says so, no item is begun any more.

    Raises
    ------
    RunStoppedError : where no result can be written any more.
    ClusterError : where the cluster cannot be used, or is lost.
    """
    choice = choice or RunChoice()
    if choice.on is not None and ledger is not None:
        if items:
            limits = Limits(choice.seconds, choice.memory_mb)
            yield from iter_run_on_dask(items, work, ledger, choice.on, limits, stopping)
        return
    workers = _workers(len(items), work.device, choice)
    alone = workers.count == 1 and not choice.is_limited and not workers.gpus
    if len(items) > 1:
        yield Message(_words(workers, work.device, len(items)))
    folder = None if ledger is None else ledger.folder.parent
    if alone:
        watched = items if folder is None else _iter_while_there(items, folder)
        yield from iter_run_here(watched, work, ledger, stopping)
        return
    yield from iter_run_in_processes(items, work, ledger, workers, stopping)


def _workers(count: int, device: str, choice: RunChoice) -> Workers:
    """The processes for so many items on a device."""
    gpus: tuple[str, ...] = ()
    if device.startswith("cpu"):
        plan = choose(this_machine(), count, choice.processes)
        # A process alone leaves it to torch, as a person has set it.
        threads = plan.threads if plan.processes > 1 else None
        return Workers(plan.processes, threads, (), choice.seconds, choice.memory_mb)
    if device == "cuda":
        visible = _gpus()[: choice.processes]
        gpus = visible[:count] if len(visible) > 1 and count > 1 else ()
    return Workers(max(1, len(gpus)), None, gpus, choice.seconds, choice.memory_mb)


def _gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, as the system names them."""
    import torch

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in given.split(",")] if given else []
    count = torch.cuda.device_count()
    return tuple(names[:count]) if names else tuple(str(number) for number in range(count))


def _words(workers: Workers, device: str, items: int) -> str:
    """The choice of processes and threads, as a sentence."""
    if workers.gpus:
        return f"{items} scans, by {workers.count} processes, each with a GPU of its own."
    if workers.count == 1:
        return f"{items} scans, by one process on {device}."
    threads = workers.threads or 1
    each = "one thread" if threads == 1 else f"{threads} threads"
    return f"{items} scans, by {workers.count} processes of {each} each: --processes sets another."


def _iter_while_there(items: Iterable[CohortItem], folder: Path) -> Iterator[CohortItem]:
    """The items, as long as a folder is the one that it was."""
    check = folder_check(folder)
    for item in items:
        check()
        yield item
