"""The key of Cancel leaves what is innermost, before it reaches the work that runs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from liverview.ui.tools.toolbox import Toolbox
from liverview.ui.views.cine import Cine
from liverview.ui.views.linked_views import LinkedViews
from liverview.ui.widgets.message_bar import MessageBar
from liverview.ui.widgets.shortcuts import first_key


class Leaving(QObject):
    """Watches a window's keys: what is innermost is left first: a drawing before a tool."""

    def __init__(
        self,
        window: QWidget,
        cancel: QAction,
        toolbox: Toolbox,
        views: LinkedViews,
        cine: Cine,
        messages: MessageBar,
    ) -> None:
        super().__init__(window)
        self._cancel, self._toolbox, self._views = cancel, toolbox, views
        self._cine, self._messages = cine, messages
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the key from its command while there is something else to leave."""
        if not isinstance(event, QKeyEvent):
            return False
        pressed = QKeySequence(event.keyCombination()) == first_key(self._cancel)
        leave = self._innermost() if pressed else None
        if leave is None:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # comes again as a key, not as the shortcut
        elif event.type() == QEvent.Type.KeyPress:
            leave()
        return True

    def _innermost(self) -> Callable[[], object] | None:
        selected = self._views.session.selected
        inner: list[tuple[bool, Callable[[], object]]] = [
            (self._toolbox.is_drawing, self._toolbox.drop_drawing),
            (self._toolbox.in_progress, self._toolbox.step_back),
            (not self._toolbox.is_pointer, self._toolbox.lay_down),
            (bool(selected.parts), selected.clear),
            (self._cine.playing, self._cine.stop),
            (self._messages.isVisible(), self._messages.dismiss),
            (self._views.is_one_alone, self._views.share_again),
        ]
        return next((leave for there, leave in inner if there), None)
