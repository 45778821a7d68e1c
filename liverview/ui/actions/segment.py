"""The menu Segment: begin, cancel; and the device on which networks run."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenuBar

from liverview.ui.actions.factory import ActionFactory
from liverview.ui.widgets.controls import FocuslessComboBox

_CANCEL_TIP = "Leave a drawing, a tool, a selection, a message or a view alone, else stop what runs"
_DEVICES = ("auto", "cpu", "cuda", "mps")


class SegmentActions:
    """Commands of the segmentation.

    Attributes
    ----------
    device_box : the device on which networks run, for the toolbar.
    """

    def __init__(
        self,
        factory: ActionFactory,
        segment: Callable[[], object],
        cancel: Callable[[], object],
    ) -> None:
        make = factory.make_action
        self.run = make("Se&gment", "F5", "Find liver, vessels and tumors", segment, "segment")
        self.cancel = make("&Cancel", "Esc", _CANCEL_TIP, cancel, "cancel")
        self.device_box = FocuslessComboBox()
        for name in _DEVICES:
            self.device_box.addItem({"auto": "Auto device"}.get(name, name.upper()), name)
        self.device_box.setToolTip("Where the networks run")
        self.device_box.setAccessibleName("Device")

    def fill_menu(self, bar: QMenuBar) -> None:
        """Add the menu to a menu bar."""
        bar.addMenu("&Segment").addActions([self.run, self.cancel])

    @property
    def device(self) -> str:
        """The device that is chosen."""
        name: str = self.device_box.currentData()
        return name

    def choose_device(self, name: str) -> None:
        """Show a device as chosen, also one that the list lacks."""
        if self.device_box.findData(name) < 0:
            self.device_box.addItem(name, name)
        self.device_box.setCurrentIndex(self.device_box.findData(name))

    def update_enabled(self, *, has_volume: bool, busy: bool) -> None:
        """Enable what can be done now; Cancel takes the place of Segment."""
        self.run.setVisible(not busy)
        self.run.setEnabled(has_volume and not busy)
        self.cancel.setVisible(busy)
