"""Two workers at one scan, as where the scheduler takes one for lost that is at work still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from liverview.cohort import dask_worker
from liverview.cohort.attempting import begun_attempt
from liverview.cohort.dask_worker import WorkerRun
from liverview.cohort.ledger import Ledger
from liverview.cohort.tasks import Task
from liverview.cohort.work import Attempt
from liverview.core.stream import Progress
from liverview.files.atomic import TargetError


@dataclass
class Hindered:
    """Work that finds what another worker has written, which ends when it is looked for."""

    results: Path
    outcome: str
    kind: str = "segment"
    device: str = "cpu"
    made_with: Mapping[str, str] = field(default_factory=dict)
    other: Attempt | None = None

    def input_sha256(self, item: Task) -> str:
        return "same"

    def iter_do(self, item: Task) -> Iterator[Progress]:
        yield Progress("Reading", 0.0)
        self.other = begun_attempt(self, item, Ledger(self.results))
        Ledger(self.results).keep(self.other)
        raise TargetError("labels exist already: choose another name.")

    def end_other(self, seconds: float) -> None:
        assert self.other is not None
        ended = replace(self.other, outcome=self.outcome, ended=self.other.began)
        Ledger(self.results).keep(ended)


@pytest.mark.parametrize(("outcome", "left"), [("done", ["done"]), ("failed", ["failed"] * 2)])
def test_what_another_worker_has_done_meanwhile_has_not_failed(
    outcome: str, left: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Hindered(tmp_path, outcome)
    item = Task(tmp_path / "a.nii.gz", tmp_path / "a_seg.nii.gz")
    monkeypatch.setattr(dask_worker.time, "sleep", work.end_other)
    run = WorkerRun(work, tmp_path, tmp_path, "mark")
    ledger = Ledger(tmp_path)
    (ledger.folder / "mark").mkdir(parents=True)
    attempt = dask_worker._do(run, item, ledger)
    assert attempt is not None
    assert attempt.outcome == outcome
    assert [one.outcome for one in ledger.attempts_at(item.name)] == left
