"""The menu Part: commands on the selected parts of labels."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from liverview.core.labels import FOREGROUND, Label
from liverview.editing.part_commands import (
    DeletePart,
    FillHoles,
    KeepOnlyPart,
    PartCommand,
    RelabelPart,
    ResizePart,
    SmoothPart,
)
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.live.part_editing import PartEditing

_STEP_MM, _BLUR_MM = 1.0, 2.0  # what commands without a question take


class PartActions:
    """Commands on the selected parts; none can be given while nothing is selected.

    Attributes
    ----------
    menu : all of them, to be added to any menu.
    delete : the one that the key Delete gives as well, where views have the keys.
    """

    def __init__(self, factory: ActionFactory, editing: PartEditing, files: CaseFiles) -> None:
        self._factory, self._editing, self._files = factory, editing, files
        self._mm = {"Grow or shrink": _STEP_MM, "Smooth": _BLUR_MM}  # asked for last
        self.delete = self._action(
            "&Delete part", "Shift+Del; Shift+Backspace", "Delete the selected parts", DeletePart()
        )
        self.relabel = {label: self._relabel_action(label) for label in FOREGROUND}
        self.menu = QMenu("&Part", factory.window)
        self._fill_menu()
        editing.changed.connect(self._on_changed)
        self._on_changed()

    def _fill_menu(self) -> None:
        self.menu.addAction(self.delete)
        self.menu.addAction(
            self._action(
                "&Keep only this part", "", "Delete all others of its label", KeepOnlyPart()
            )
        )
        self.menu.addSeparator()
        self.menu.addActions(list(self.relabel.values()))
        self.menu.addSeparator()
        self.menu.addActions(self._shape_actions())

    def _shape_actions(self) -> list[QAction]:
        act, make, mm = self._action, self._factory.make_action, _STEP_MM
        slices = FillHoles(in_axial_slices=True)
        return [
            act("&Fill holes", "", "Holes that the part encloses", FillHoles()),
            act("Fill holes in &axial slices", "", "Also those open above or below", slices),
            act("&Smooth by 2 mm", "Ctrl+Alt+M", "Its volume stays", SmoothPart(_BLUR_MM)),
            make("Smooth b&y …", "", "Smooth by a distance in mm", self._ask_smooth),
            act(
                "&Grow by 1 mm", "Ctrl++; Ctrl+=", "A part of the liver stays in it", ResizePart(mm)
            ),
            act("S&hrink by 1 mm", "Ctrl+-", "Take 1 mm off its surface", ResizePart(-mm)),
            make("Grow or shrink &by …", "", "By a distance in mm", self._ask_size),
        ]

    def _action(self, text: str, keys: str, tip: str, command: PartCommand) -> QAction:
        return self._factory.make_action(text, keys, tip, partial(self._editing.run, command))

    def _relabel_action(self, label: Label) -> QAction:
        name = label.name.lower()
        tip = f"Give the selected parts the label {name}"
        return self._action(f"Make it {name}", "", tip, RelabelPart(label))

    def _ask_smooth(self) -> None:
        mm = self._ask("Smooth", "Smooth by how many mm?")
        if mm is not None and mm > 0:
            self._editing.run(SmoothPart(mm))

    def _ask_size(self) -> None:
        mm = self._ask("Grow or shrink", "Grow by how many mm? Less than 0 shrinks.")
        if mm:
            self._editing.run(ResizePart(mm))

    def _ask(self, title: str, question: str) -> float | None:
        mm = self._files.dialogs.millimeters(title, question, self._mm[title])
        if mm:
            self._mm[title] = mm
        return mm

    def _on_changed(self) -> None:
        for action in self.menu.actions():
            action.setEnabled(self._editing.can_run)
