"""The surfaces of the open scan's labels, made behind what the person does."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject

from liverview.core.labels import Label
from liverview.measurement.surface import Surface
from liverview.ui.jobs import generators
from liverview.ui.live.live_result import LiveResult, StartJob
from liverview.ui.state.session import Session


class Surfaces(LiveResult):
    """Keeps one surface per label up to date.

    Attributes
    ----------
    found : by label; of a label that has none now, the last one goes when a look has ended.
    """

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        self.found: dict[Label, Surface] = {}
        self._new: dict[Label, Surface] = {}
        super().__init__(session, start, parent)

    def _make_work(self) -> Iterator[object] | None:
        self._new = {}
        if self.session.labels is None:
            return None
        return generators.iter_surfaces(self.session.store.snapshot())

    def _receive(self, item: object) -> None:
        if isinstance(item, Surface):
            self._new[item.label] = item
            self.found = {**self.found, item.label: item}
            self.changed.emit()
        elif item.fraction == 1:  # type: ignore[attr-defined]  # a Progress: the last one
            self.found = self._new

    def _clear(self) -> None:
        self.found = {}
