"""The surfaces of the open scan's labels, made behind what the person does."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject

from liverview.core.labels import Label
from liverview.measurement.surface import Surface
from liverview.ui.jobs import following
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
        self._followed: following.Followed | None = None
        super().__init__(session, start, parent)

    def _make_work(self) -> Iterator[object] | None:
        if self.session.labels is None:
            return None
        return following.iter_surfaces(self.session.store.snapshot(), self._followed)

    def _receive(self, item: object) -> None:
        if isinstance(item, Surface):
            self.found = {**self.found, item.label: item}
            self.changed.emit()
        elif isinstance(item, following.Followed):
            self._followed, self.found = item, dict(item.found.surfaces)

    def _clear(self) -> None:
        self.found = {}
        self._let_go()

    def _let_go(self) -> None:
        self._followed = None
