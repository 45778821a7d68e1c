"""Commands of drawing: the label that is drawn, and the size and kind of the brush."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QMenu

from liverview.core.labels import FOREGROUND
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.state.session import Session


class DrawingActions:
    """Commands for the choices that all tools which change labels share.

    Attributes
    ----------
    labels : choose the label that is drawn.
    """

    def __init__(self, factory: ActionFactory, session: Session) -> None:
        self._editing = editing = session.editing
        make = factory.make_action
        names = {label: session.styles[label].name for label in FOREGROUND}
        self.labels = {
            label: make(
                f"Draw {name.lower()}",
                f"Alt+{number}" if number <= 9 else "",
                f"Tools draw and erase {name.lower()}",
                partial(editing.set_label, label),
            )
            for number, (label, name) in enumerate(names.items(), start=1)
        }
        self._chosen = factory.make_exclusive((a, label) for label, a in self.labels.items())
        self.larger = make(
            "&Larger brush", "Ctrl+]", "Make the brush larger", partial(self._resize, 1)
        )
        self.smaller = make(
            "&Smaller brush", "Ctrl+[", "Make the brush smaller", partial(self._resize, -1)
        )
        self.ball = factory.make_toggle(
            "&Ball through the slices",
            "Shift+B",
            "The brush is a ball or a cube, or flat in one slice",
            lambda ball: editing.set_brush(ball=ball),
        )
        self.adaptive = factory.make_toggle(
            "&Adaptive brush",
            "Ctrl+B",
            "The brush stays within the edge of what it begins on",
            editing.set_adaptive,
        )
        editing.changed.connect(self._show)
        self._show()

    def fill_menu(self, menu: QMenu) -> None:
        """Add the commands to a menu, as one of its own."""
        own = menu.addMenu("&Drawing")
        own.addActions(list(self.labels.values()))
        own.addSeparator()
        own.addActions([self.larger, self.smaller, self.ball, self.adaptive])

    def _resize(self, steps: int) -> None:
        self._editing.set_brush(radius_mm=self._editing.brush.next_radius(steps))

    def _show(self) -> None:
        self._chosen.mark_checked(self._editing.label)
        self.ball.setChecked(self._editing.brush.ball)
        self.adaptive.setChecked(self._editing.adaptive)
