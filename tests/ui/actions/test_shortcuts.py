"""Shortcuts that a person changes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QKeySequence, QPageLayout, QPageSize, QPdfWriter
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

import liverview
from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Volume
from liverview.ui.dialogs.shortcuts import ShortcutDialog, ShortcutSheet
from liverview.ui.dialogs.tour import Tour
from liverview.ui.main_window import MainWindow
from liverview.ui.tools.toolbox import ELLIPSE, RULER
from liverview.ui.views import surface_pane
from liverview.ui.views.linked_views import Layout
from liverview.ui.widgets.shortcuts import Shortcuts, first_key, plain_text

from support.pdf_text import read_pages

PACKAGE = Path(liverview.__file__).parent


def test_a_shortcut_is_changed_by_hand_and_kept(
    make_window: Callable[[], MainWindow], qtbot: QtBot, volume: Volume
) -> None:
    window = make_window()
    window.session.open(volume)
    layer = window.actions_.labels.layers[Label.LIVER]
    dialog = ShortcutDialog(window.help.shortcuts, window)
    dialog.show()
    edit = dialog.edits[layer]
    edit.setFocus()
    with qtbot.waitSignal(edit.editingFinished):
        qtbot.keyClick(edit, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert layer.toolTip().endswith("(Ctrl+J)")
    dialog.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    view = next(iter(window.views.by_plane.values()))
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert not window.session.styles[Label.LIVER].visible
    qtbot.keyClick(view, Qt.Key.Key_L)
    assert not window.session.styles[Label.LIVER].visible  # the old key does nothing
    window.close()
    again = make_window()
    assert again.actions_.labels.layers[Label.LIVER].shortcut() == QKeySequence("Ctrl+J")
    again.help.shortcuts.reset()
    assert again.actions_.labels.layers[Label.LIVER].shortcut() == QKeySequence("L")
    again.close()
    assert make_window().actions_.labels.layers[Label.LIVER].shortcut() == QKeySequence("L")


@pytest.mark.parametrize(
    ("key", "reason"),
    [("F5", "belongs to “Segment”"), ("PgUp", "through the slices"), ("?", "Keys and mouse")],
)
def test_a_key_that_is_taken_is_refused(
    window: MainWindow, qtbot: QtBot, key: str, reason: str
) -> None:
    dialog = ShortcutDialog(window.help.shortcuts, window)
    qtbot.addWidget(dialog)
    edit = dialog.edits[window.actions_.file.open]
    edit.setKeySequence(QKeySequence(key))
    assert reason in dialog.message.text()
    assert edit.keySequence() == QKeySequence("Ctrl+O")
    assert window.actions_.file.open.shortcut() == QKeySequence("Ctrl+O")


@pytest.mark.parametrize(
    "keys",
    [
        [(Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier)],  # taken
        [(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)],
        [(Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)],
        [(Qt.Key.Key_Control, Qt.KeyboardModifier.NoModifier)],  # half of one
        [(Qt.Key.Key_PageUp, Qt.KeyboardModifier.NoModifier)],
    ],
)
@pytest.mark.parametrize("leave", [False, True])
def test_nothing_that_is_refused_or_broken_off_takes_a_key_away(
    make_window: Callable[[], MainWindow],
    qtbot: QtBot,
    keys: list[tuple[Qt.Key, Qt.KeyboardModifier]],
    leave: bool,
) -> None:
    window = make_window()
    action = window.actions_.file.open
    dialog = ShortcutDialog(window.help.shortcuts, window)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    edit = dialog.edits[action]
    edit.setFocus()
    for key, modifier in keys:
        qtbot.keyPress(edit, key, modifier)
        if leave:
            dialog.reset_button.setFocus()
            assert edit.keySequence() == QKeySequence("Ctrl+O")
        qtbot.keyRelease(edit, key, modifier)
    assert action.shortcut() == QKeySequence("Ctrl+O")
    dialog.close()
    window.close()
    assert make_window().actions_.file.open.shortcut() == QKeySequence("Ctrl+O")


def test_a_key_is_taken_away_by_its_own_button(window: MainWindow, qtbot: QtBot) -> None:
    dialog = ShortcutDialog(window.help.shortcuts, window)
    qtbot.addWidget(dialog)
    action = window.actions_.file.open
    dialog.removers[action].click()
    assert action.shortcuts() == []
    assert dialog.edits[action].keySequence().isEmpty()
    assert dialog.message.text() == "Open: no key"
    dialog.reset_button.click()
    assert dialog.edits[action].keySequence() == QKeySequence("Ctrl+O")


def test_a_kept_key_wins_over_a_command_that_came_later(window: MainWindow, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "other.ini"), QSettings.Format.IniFormat)
    settings.setValue(f"shortcuts/{window.actions_.file.open.objectName()}", "X")
    Shortcuts(window.menuBar(), settings)
    assert window.actions_.file.open.shortcut() == QKeySequence("X")
    assert window.actions_.view.crosshair.shortcuts() == []


def test_the_sheet_lists_every_key(window: MainWindow, qtbot: QtBot) -> None:
    shown = []

    def look() -> None:
        sheet = QApplication.activeModalWidget()
        assert isinstance(sheet, ShortcutSheet)
        shown.append("".join(label.text() for label in sheet.findChildren(QLabel)))
        sheet.close()

    QTimer.singleShot(0, look)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    (text,) = shown
    for action in window.help.shortcuts.all_actions():
        for key in action.shortcuts():
            assert f"<b>{key.toString()}" in text or f", {key.toString()}" in text
            assert plain_text(action.text()) in text
    assert "Ctrl + wheel" in text


def _sheet_text(window: MainWindow) -> str:
    sheet = ShortcutSheet(window.help.shortcuts, window)
    text = "".join(label.text() for label in sheet.findChildren(QLabel))
    sheet.deleteLater()
    return text


def test_texts_name_the_keys_that_commands_have_now(window: MainWindow, volume: Volume) -> None:
    """Panels, tour and sheet: before a key was changed, after it, and without one."""
    shortcuts, actions = window.help.shortcuts, window.actions_
    row = window.panels.labels.rows[Label.LIVER]
    assert row.shown.toolTip().startswith("Show liver (L). ")
    window.help.show_tour()
    tour = window.findChild(Tour)
    tour.go_to(3)
    assert "The keys L, V and T show" in tour.text.text()
    assert shortcuts.assign(actions.labels.layers[Label.LIVER], QKeySequence("Q")) is None
    assert row.shown.toolTip().startswith("Show liver (Q). ")
    assert "The keys Q, V and T show" in tour.text.text()
    assert "<b>Q</b></td><td>Liver" in _sheet_text(window)
    assert shortcuts.assign(actions.labels.layers[Label.LIVER], QKeySequence()) is None
    assert row.shown.toolTip().startswith("Show liver. ")
    assert "The keys V and T show" in tour.text.text()
    tour.finish()


def test_every_text_with_a_key_follows_it(
    window: MainWindow, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        surface_pane, "_make_scene", lambda parent: (None, "")
    )  # with or without GL
    actions, panels = window.actions_, window.panels
    window.session.open(volume)
    window.session.set_reference(LabelMap(np.zeros(volume.shape, np.uint8), volume.affine))
    window.views.set_layout(Layout.GRID)
    assert window.views.surface_pane is not None
    presets = actions.view.windows
    texts = {
        actions.segment.run: [
            panels.findings_panel.state.text,
            panels.compare.state.text,
            window.views.surface_pane.state.text,
        ],
        actions.labels.draw_style: [
            panels.labels.rows[Label.TUMOR].draw_style.toolTip,
            panels.network.layer.toolTip,
        ],
        actions.tools.by_entry(RULER): [panels.measurements.table.toolTip],
        actions.tools.by_entry(ELLIPSE): [panels.measurements.table.toolTip],
        actions.tools.remove: [panels.measurements.remove_button.toolTip],
        actions.segment.cancel: [window.progress.cross.toolTip],
        presets.presets[1]: [presets.box.toolTip],
        presets.auto: [presets.box.toolTip],
        actions.help.sheet: [],
    }
    for number, (action, tellers) in enumerate(texts.items(), start=1):
        key = f"Ctrl+F{number}"
        before = [tell() for tell in tellers]
        assert all(first_key(action).toString() in text for text in before)
        assert window.help.shortcuts.assign(action, QKeySequence(key)) is None
        for tell, text in zip(tellers, before, strict=True):
            assert key in tell() != text
    window.help.show_tour()
    tour = window.findChild(Tour)
    tour.go_to(4)
    assert "Ctrl+F9 lists every key." in tour.text.text()
    tour.finish()


def test_no_text_of_the_window_writes_a_key_of_a_command_down() -> None:
    """Keys are where commands are made, and the fixed ones of the views where these are listed."""
    written = re.compile(r'"[^"\n]*\b(F\d{1,2}|Ctrl\+\w+|Esc)\b[^"\n]*"')
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in (PACKAGE / "ui").rglob("*.py")
        if written.search(path.read_text(encoding="utf-8"))
    }
    assert {name.rsplit("/", 1)[0] for name in found} <= {"ui/actions"}


def test_the_sheet_fits_a_small_screen_and_one_page(window: MainWindow, tmp_path: Path) -> None:
    sheet = ShortcutSheet(window.help.shortcuts, window)
    assert sheet.full_size.width() <= 1280 - 20
    assert sheet.full_size.height() <= 720 - 60  # a title bar and a task bar
    sheet.show()
    sheet.resize(sheet.full_size)
    QApplication.processEvents()
    for bar in (sheet.area.verticalScrollBar(), sheet.area.horizontalScrollBar()):
        assert bar.maximum() == 0
    for size in (QPageSize.PageSizeId.A4, QPageSize.PageSizeId.Letter, QPageSize.PageSizeId.A6):
        path = tmp_path / f"{size.name}.pdf"
        writer = QPdfWriter(str(path))
        writer.setPageSize(QPageSize(size))
        writer.setPageOrientation(QPageLayout.Orientation.Landscape)
        sheet.draw_page(writer)
        del writer
        (page,) = read_pages(path)
        text = unicodedata.normalize("NFKC", page.text)  # fonts join f and i
        for action in window.help.shortcuts.all_actions():
            if action.shortcuts():
                assert plain_text(action.text()).replace(" ", "") in text
        assert "PgUp" in text
    sheet.close()
    sheet.deleteLater()
