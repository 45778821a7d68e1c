"""What is done with every item of a cohort, and what became of it.

A work says how one item is done and where; ways of running it (`local`, `processes`,
`dask_cluster`) know nothing of segmentation. Works and items are pickled to other processes and
machines, what comes back is an `Attempt`: plain values that the ledger keeps as JSON.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from liverview.core.stream import Message, Progress

Outcome: TypeAlias = Literal["begun", "done", "failed"]
"""What became of an attempt; one that stays "begun" lost its process."""


class CohortItem(Protocol):
    """A scan, a case or a label map of a cohort; is pickled to workers.

    Attributes
    ----------
    name : by which it is known in the ledger; there is no other of this name in the cohort.
    path : the file or folder.
    columns : what else the person's table says of it, by the table's columns.
    """

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def columns(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Done:
    """The result of work on one item, in plain values.

    Attributes
    ----------
    figures : for JSON; units are in the names.
    lines : to print.
    written : the files that are there now and were not before.
    notes : sentences about the data.
    seconds : that the computation took; None where the result was there.
    """

    figures: Mapping[str, Any]
    lines: tuple[str, ...] = ()
    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float | None = None


class CohortWork(Protocol):
    """Work that is the same for every item; is pickled to workers.

    Attributes
    ----------
    kind : the command, as segment.
    made_with : what the results depend on beside the item, as version and hashes of weights; a
        result of another is not taken for done.
    device : that it computes on, as cpu or cuda:0.
    """

    @property
    def kind(self) -> str: ...
    @property
    def made_with(self) -> Mapping[str, str]: ...
    @property
    def device(self) -> str: ...

    def input_sha256(self, item: Any) -> str:  # each work has items of its own
        """A hash by which a changed input is noticed; OSError where it cannot be read."""
        ...

    def iter_do(self, item: Any) -> Generator[Progress | Message, None, Done]:
        """Do one item; what was loaded once (weights) is kept by the process."""
        ...


@dataclass(frozen=True)
class Attempt:
    """One try at one item: a row of the ledger.

    Attributes
    ----------
    item, path : the item's name, and where its input is, as text that can be printed.
    kind : of the work, as segment.
    number : of the item's tries, from 1.
    outcome : begun, done or failed.
    began, ended : UTC, ISO 8601.
    host, process : where it ran.
    device : that it computed on.
    input_sha256 : of the input; empty where it could not be read.
    made_with : of the work.
    seconds : of the computation; None where the result was there or there is none.
    peak_mb : the most memory that its process held until its end.
    figures, lines : of `Done`.
    written : of `Done`, as text.
    notes : of `Done`.
    error : what went wrong, one sentence.
    error_kind : the error's class, or lost, time limit, memory limit.
    columns : of the person's table.
    token : random, so that attempts that two machines make at the same item stay apart.
    """

    item: str
    path: str
    kind: str
    number: int
    outcome: Outcome
    began: str
    ended: str = ""
    host: str = ""
    process: int = 0
    device: str = ""
    input_sha256: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    peak_mb: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    error_kind: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
