"""Parts found by their seeds: small ones at once, an organ in a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QObject

from liverview.core.box import Box
from liverview.editing.parts import Part, Seed, iter_find_part
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job
from liverview.ui.live.live_result import StartJob
from liverview.ui.state.session import Session

_AT_ONCE = 1_500_000  # voxels that are looked at without a job
Found = Callable[[tuple[Part, ...]], object]


class PartSearch(QObject):
    """Finds parts in the labels as they are; a later search takes the place of an earlier one."""

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._start = start
        self._job: Job | None = None

    @property
    def is_running(self) -> bool:
        return self._job is not None

    def find(self, seeds: Sequence[Seed], then: Found) -> None:
        """Find parts, each once, and give them to a function, at once where they are small."""
        self.cancel()
        found = self._find_at_once(seeds)
        if found is not None:
            then(found)
            return
        store = self._session.store
        self._job = job = self._start(generators.iter_find_parts(store.snapshot(), tuple(seeds)))
        job.yielded.connect(partial(self._on_found, job, store.version, seeds, then))

    def cancel(self) -> None:
        """Forget the search that is under way."""
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _find_at_once(self, seeds: Sequence[Seed]) -> tuple[Part, ...] | None:
        """The parts; None where that would take too long."""
        labels, looked_at = self._session.labels, 0
        found: list[Part] = []
        for seed in seeds if labels is not None else ():
            assert labels is not None
            if any(one.label is seed.label and one.contains(seed.voxel) for one in found):
                continue
            for step in iter_find_part(labels.voxels, seed):
                if isinstance(step, Box):
                    looked_at += int(np.prod(step.shape))
                elif step is not None:
                    found.append(step)
                if looked_at > _AT_ONCE:
                    return None
        return tuple(found)

    def _on_found(
        self, job: Job, version: int, seeds: Sequence[Seed], then: Found, item: object
    ) -> None:
        if job is not self._job or not isinstance(item, tuple):
            return
        self._job = None
        if version != self._session.store.version:  # labels have changed meanwhile
            self.find(seeds, then)
        else:
            then(item)
