"""The dialogs of the shortcuts: all on one page, and one that changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from html import escape
from itertools import combinations, pairwise

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import (
    QAction,
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QPagedPaintDevice,
    QPageLayout,
    QPainter,
    QTextDocument,
    QTextOption,
)
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from liverview.ui.widgets.controls import add_access_keys
from liverview.ui.widgets.shortcuts import Shortcuts, first_key, plain_text

MOUSE = (
    ("Click or drag", "Put the crosshair there"),
    ("Wheel", "Next or previous slice"),
    ("Ctrl + wheel", "Zoom around the pointer"),
    ("Middle drag", "Pan"),
    ("Right drag", "Window width (across) and level (down is brighter)"),
    ("Right click", "Menu of the part of a label that is there"),
    ("Double click", "This view alone, or all of them"),
    ("Arrows, with Shift by 5", "Move the crosshair"),
    ("PgUp, PgDown, Home, End", "Through the slices of the view"),
)
"""Mouse and keys of the views, which no menu lists."""
_COLUMNS = 3
_GAP = 28  # pixels between columns
_Group = tuple[str, list[tuple[str, str]]]


class KeyEdit(QKeySequenceEdit):
    """Records a key; as long as none is pressed whole, the one that there is stays.

    The field is emptied when a key goes down, which says nothing about what a person wants.
    """

    def __init__(self, action: QAction, parent: QWidget | None = None) -> None:
        super().__init__(first_key(action), parent)
        self._action = action
        self.setMaximumSequenceLength(1)
        self.editingFinished.connect(self.show_key)

    def show_key(self) -> None:
        """Show the key that the command has."""
        self.setKeySequence(first_key(self._action))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()  # closes the dialog
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.show_key()


class ShortcutDialog(QDialog):
    """Every command with its key, to be changed; a key that is taken is refused at once."""

    def __init__(self, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change shortcuts")
        self.shortcuts = shortcuts
        self.edits: dict[QAction, KeyEdit] = {}
        self.removers: dict[QAction, QToolButton] = {}
        self.message = QLabel("Click a field and press the new key.")
        self.message.setWordWrap(True)
        grid = QGridLayout()
        for title, actions in shortcuts.groups:
            grid.addWidget(QLabel(f"<b>{title}</b>"), grid.rowCount(), 0)
            for action in actions:
                self._add_row(grid, action)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.reset_button = buttons.addButton(
            "&As they were", QDialogButtonBox.ButtonRole.ResetRole
        )
        self.reset_button.clicked.connect(self._on_reset)
        buttons.rejected.connect(self.accept)
        add_access_keys(buttons.buttons())
        layout = QVBoxLayout(self)
        layout.addWidget(_make_scroll_area(grid), 1)
        layout.addWidget(self.message)
        layout.addWidget(buttons)
        self.resize(460, 600)

    def _add_row(self, grid: QGridLayout, action: QAction) -> None:
        name = QLabel(plain_text(action.text()))
        name.setToolTip(action.statusTip())
        edit = KeyEdit(action)
        edit.setAccessibleName(f"Shortcut of {plain_text(action.text())}")
        remove = QToolButton(autoRaise=True)
        remove.setText("✕")
        remove.setToolTip("No key")
        remove.setAccessibleName(f"No key for {plain_text(action.text())}")
        remove.clicked.connect(partial(self._assign, action, QKeySequence()))
        name.setBuddy(edit)
        edit.keySequenceChanged.connect(partial(self._on_changed, action))
        row = grid.rowCount()
        grid.addWidget(name, row, 0)
        grid.addWidget(edit, row, 1)
        grid.addWidget(remove, row, 2)
        self.edits[action], self.removers[action] = edit, remove

    def _on_changed(self, action: QAction, key: QKeySequence) -> None:
        if not key.isEmpty() and key != first_key(action):
            self._assign(action, key)

    def _assign(self, action: QAction, key: QKeySequence) -> None:
        refused = self.shortcuts.assign(action, key)
        self.message.setText(
            refused or f"{plain_text(action.text())}: {key.toString() or 'no key'}"
        )
        self.edits[action].show_key()

    def _on_reset(self) -> None:
        self.shortcuts.reset()
        for edit in self.edits.values():
            edit.show_key()
        self.message.setText("Every command has its usual key again.")


class ShortcutSheet(QDialog):
    """Every key and the mouse, in columns; it scrolls only where the screen is too small.

    Attributes
    ----------
    full_size : of the dialog that shows all of it.
    """

    def __init__(self, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self.columns = _make_columns(shortcuts)
        inner = QWidget()
        row = QHBoxLayout(inner)
        row.setContentsMargins(0, 0, 0, 0)  # the dialog has its own
        row.setSpacing(_GAP)
        for groups in self.columns:
            row.addWidget(QLabel(_column_html(groups)), 0, Qt.AlignmentFlag.AlignTop)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.area.setWidget(inner)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.print_button = buttons.addButton("&Print …", QDialogButtonBox.ButtonRole.ActionRole)
        self.print_button.setToolTip("Print the sheet on one page")
        self.print_button.clicked.connect(self._on_print)
        buttons.rejected.connect(self.accept)
        add_access_keys(buttons.buttons())
        layout = QVBoxLayout(self)
        layout.addWidget(self.area, 1)
        layout.addWidget(buttons)
        margins = layout.contentsMargins()
        self.full_size = inner.sizeHint() + QSize(
            margins.left() + margins.right(),
            margins.top() + margins.bottom() + layout.spacing() + buttons.sizeHint().height(),
        )
        self.resize(self.full_size.boundedTo(self.screen().availableSize()))

    def draw_page(self, device: QPagedPaintDevice) -> None:
        """Draw the sheet on one page of a printer or a PDF, as large as fits."""
        page = QTextDocument()
        unbroken = QTextOption()
        unbroken.setWrapMode(QTextOption.WrapMode.NoWrap)
        page.setDefaultTextOption(unbroken)
        page.setDefaultStyleSheet("* { color: black }")
        page.setHtml(_page_html(self.columns))
        size = page.size()
        painter = QPainter(device)
        room = painter.viewport()
        natural = painter.device().logicalDpiX() / 96
        scale = min(room.width() / size.width(), room.height() / size.height(), natural)
        painter.scale(scale, scale)
        page.drawContents(painter)
        painter.end()

    def _on_print(self) -> None:
        from PySide6.QtPrintSupport import QPrintDialog, QPrinter

        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        printer.setPageOrientation(QPageLayout.Orientation.Landscape)
        if QPrintDialog(printer, self).exec() == QDialog.DialogCode.Accepted:
            self.draw_page(printer)


def _make_columns(shortcuts: Shortcuts) -> list[Sequence[_Group]]:
    """The groups in columns that are as even as their order allows."""
    found = [(title, list(_iter_key_rows(actions))) for title, actions in shortcuts.groups]
    groups = [(title, rows) for title, rows in [*found, ("In the views", list(MOUSE))] if rows]

    def split(cuts: tuple[int, ...]) -> list[Sequence[_Group]]:
        ends = (0, *cuts, len(groups))
        return [groups[a:b] for a, b in pairwise(ends)]

    def tallest(columns: list[Sequence[_Group]]) -> int:
        return max(sum(len(rows) + 2 for _, rows in column) for column in columns)

    cuts = combinations(range(1, len(groups)), min(_COLUMNS, len(groups)) - 1)
    return min((split(one) for one in cuts), key=tallest)


def _iter_key_rows(actions: Iterable[QAction]) -> Iterator[tuple[str, str]]:
    for action in actions:
        if action.shortcuts():
            keys = ", ".join(key.toString() for key in action.shortcuts())
            yield keys, plain_text(action.text())


def _column_html(groups: Sequence[_Group]) -> str:
    return "".join(_table_html(title, rows) for title, rows in groups)


def _table_html(title: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(
        f"<tr><td style='padding-right: 12px'><b>{escape(keys)}</b></td>"
        f"<td>{escape(effect)}</td></tr>"
        for keys, effect in rows
    )
    table = f"<table cellspacing='0' cellpadding='0'>{lines}</table>"
    return f"<p style='margin: 4px 0 1px 0'><u>{escape(title)}</u></p>{table}"


def _page_html(columns: Sequence[Sequence[_Group]]) -> str:
    """The page for paper."""
    cells = "".join(
        f"<td style='padding-right: {_GAP}px'>{_column_html(groups)}</td>" for groups in columns
    )
    return f"<h3>liverview: keys and mouse</h3><table><tr>{cells}</tr></table>"


def _make_scroll_area(layout: QGridLayout) -> QScrollArea:
    inner = QWidget()
    inner.setLayout(layout)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inner)
    return area
