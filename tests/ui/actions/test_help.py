"""Themes, shortcuts and the quick tour."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from liverview import DISCLAIMER
from liverview.core import paths
from liverview.core.labels import Label
from liverview.core.volume import Volume
from liverview.ui.dialogs.about import AboutDialog
from liverview.ui.dialogs.shortcuts import ShortcutDialog, ShortcutSheet
from liverview.ui.dialogs.tour import Tour
from liverview.ui.main_window import MainWindow
from liverview.ui.widgets.shortcuts import Shortcuts, plain_text
from liverview.ui.widgets.theme import Theme, is_dark, set_theme

from support.answers import TIMEOUT_MS


@pytest.fixture(autouse=True)
def _dark_again() -> object:
    yield
    set_theme(Theme.SYSTEM)


def _lightness(window: MainWindow) -> float:
    return window.palette().color(QPalette.ColorRole.Window).lightnessF()


def _ink(action: QAction) -> float:
    """How light the lines of an icon are."""
    picture = action.icon().pixmap(24, 24).toImage()
    pixels = [picture.pixelColor(x, y) for x in range(24) for y in range(24)]
    lines = [color.lightnessF() for color in pixels if color.alpha() > 250]
    return sum(lines) / len(lines)


def test_the_theme_changes_window_and_icons_and_is_kept(
    make_window: Callable[[], MainWindow], qtbot: QtBot, volume: Volume
) -> None:
    window = make_window()
    window.session.open(volume)
    themes = {value: action for action, value in window.actions_.view.themes.values.items()}
    themes[Theme.DARK].trigger()
    assert is_dark()
    qtbot.waitUntil(lambda: _lightness(window) < 0.3)
    assert _ink(window.actions_.file.open) > 0.7
    themes[Theme.LIGHT].trigger()
    assert themes[Theme.LIGHT].isChecked()
    assert not themes[Theme.DARK].isChecked()
    qtbot.waitUntil(lambda: _lightness(window) > 0.8)
    assert _ink(window.actions_.file.open) < 0.3
    view = next(iter(window.views.by_plane.values())).grab().toImage()
    assert view.pixelColor(40, 60).lightnessF() < 0.2  # images stay on black
    window.close()
    set_theme(Theme.DARK)
    make_window()
    assert not is_dark()


def test_text_can_be_read_in_both_themes(qapp: QApplication) -> None:
    for theme in (Theme.LIGHT, Theme.DARK):
        set_theme(theme)
        palette = qapp.palette()
        for text, ground in (
            (QPalette.ColorRole.WindowText, QPalette.ColorRole.Window),
            (QPalette.ColorRole.Text, QPalette.ColorRole.Base),
            (QPalette.ColorRole.ButtonText, QPalette.ColorRole.Button),
            (QPalette.ColorRole.ToolTipText, QPalette.ColorRole.ToolTipBase),
            (QPalette.ColorRole.HighlightedText, QPalette.ColorRole.Highlight),
            (QPalette.ColorRole.Link, QPalette.ColorRole.Window),
            (QPalette.ColorRole.PlaceholderText, QPalette.ColorRole.Base),
        ):
            assert _contrast(palette, text, ground) >= 4.5, (theme, text)  # WCAG 2.1, AA


def _contrast(palette: QPalette, text: QPalette.ColorRole, ground: QPalette.ColorRole) -> float:
    """Contrast ratio as WCAG 2.1 defines it."""

    def luminance(role: QPalette.ColorRole) -> float:
        parts = palette.color(role).getRgbF()[:3]
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(text), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def test_every_command_is_told_in_words_and_keys(window: MainWindow) -> None:
    shortcuts = window.help.shortcuts
    taken: dict[str, QAction] = {}
    names = set()
    for action in shortcuts.all_actions():
        assert action.statusTip(), action.text()
        assert action.objectName() not in names
        names.add(action.objectName())
        for key in action.shortcuts():
            assert key.toString() in action.toolTip()
            assert key.toString() not in taken, (action.text(), taken.get(key.toString()))
            taken[key.toString()] = action
    in_toolbar = [a for a in window.toolbar.actions() if a.text()]
    commands = {a for a in in_toolbar if a.menu() is None}
    for action in set(in_toolbar) - commands:
        commands |= {a for a in action.menu().actions() if a.text()}
    assert commands <= set(shortcuts.all_actions())
    assert all(not action.icon().isNull() for action in in_toolbar)


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


def test_about_names_what_a_question_needs(window: MainWindow, qtbot: QtBot) -> None:
    copied = []

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, AboutDialog)
        assert any(DISCLAIMER in label.text() for label in dialog.findChildren(QLabel))
        system = dialog.system
        qtbot.waitUntil(lambda: "fine.safetensors" in system.toPlainText(), timeout=TIMEOUT_MS)
        qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
        copied.append(QApplication.clipboard().text())
        dialog.close()

    QTimer.singleShot(0, look)
    window.actions_.help.about.trigger()
    lines = dict(line.split(maxsplit=1) for line in copied[0].splitlines() if "torch " in line)
    assert lines["torch"] == version("torch")
    digest = hashlib.sha256((paths.weights() / "fine.safetensors").read_bytes()).hexdigest()
    assert digest[:16] in copied[0]


def test_the_tour_leads_through_a_usable_window(
    window: MainWindow, qtbot: QtBot, volume: Volume
) -> None:
    qtbot.mouseClick(window.start_page.tour_button, Qt.MouseButton.LeftButton)
    tour = window.findChild(Tour)
    seen = [tour.text.text()]
    assert not tour.back.isEnabled()
    window.session.open(volume)  # the window can be used meanwhile
    while tour.next.text() != "Done":
        qtbot.mouseClick(tour.next, Qt.MouseButton.LeftButton)
        seen.append(tour.text.text())
        assert window.rect().contains(tour.geometry())
    assert len(set(seen)) == len(seen) >= 5
    qtbot.mouseClick(tour.back, Qt.MouseButton.LeftButton)
    assert tour.text.text() == seen[-2]
    window.resize(900, 600)
    qtbot.waitUntil(lambda: window.rect().contains(tour.geometry()))
    with qtbot.waitSignal(tour.finished):
        qtbot.keyClick(tour, Qt.Key.Key_Escape)
    window.actions_.help.tour.trigger()
    window.actions_.help.tour.trigger()  # begins again
    visible = [one for one in window.findChildren(Tour) if one.isVisible()]
    assert len(visible) == 1
    visible[0].finish()


def test_the_tour_offers_what_it_speaks_of(
    window: MainWindow, qtbot: QtBot, answers: object
) -> None:
    window.actions_.help.tour.trigger()
    tour = window.findChild(Tour)
    assert tour.offer.text() == "New phantom"
    with qtbot.waitSignal(window.actions_.file.phantom.triggered):
        qtbot.mouseClick(tour.offer, Qt.MouseButton.LeftButton)
    tour.finish()
