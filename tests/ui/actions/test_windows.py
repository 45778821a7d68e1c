"""Windows: by keys, from the file, typed, and presets of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane, Volume
from liverview.ui.dialogs.window import WindowDialog
from liverview.ui.main_window import MainWindow
from liverview.ui.state.own_windows import OwnWindows, Preset
from liverview.ui.state.session import Session


@pytest.fixture
def own(tmp_path: Path) -> OwnWindows:
    return OwnWindows(QSettings(str(tmp_path / "own.ini"), QSettings.Format.IniFormat))


def shown(window: MainWindow) -> tuple[float, float]:
    return window.session.width, window.session.level


def test_keys_choose_windows_and_the_files_own(
    focused: MainWindow, qtbot: QtBot, volume: Volume
) -> None:
    view = focused.views.by_plane[Plane.AXIAL]
    qtbot.keyClick(view, Qt.Key.Key_2)
    assert shown(focused) == (150, 90)
    original = focused.actions_.view.windows.original
    assert not original.isEnabled()
    qtbot.keyClick(view, Qt.Key.Key_9)
    assert shown(focused) == (150, 90)
    focused.session.open(replace(volume, window=(55.0, 310.0)))
    assert original.isEnabled()
    qtbot.keyClick(view, Qt.Key.Key_9)
    assert shown(focused) == (310, 55)


def test_a_typed_window_is_followed_at_once_and_kept(
    make_window: Callable[[], MainWindow], qtbot: QtBot, volume: Volume
) -> None:
    window = make_window()
    window.session.open(volume)
    windows = window.actions_.view.windows
    seen = []

    def type_numbers() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, WindowDialog)
        for box, text in ((dialog.width_box, "321"), (dialog.level_box, "-45")):
            box.selectAll()
            qtbot.keyClicks(box, text)
            box.interpretText()  # as leaving the field does
        seen.append(shown(window))
        qtbot.keyClicks(dialog.name, "  my   fat ")
        dialog.keep_button.click()
        dialog.close()

    QTimer.singleShot(0, type_numbers)
    windows.box.activated.emit(windows.box.count() - 1)
    assert seen == [(321, -45)]
    assert windows.box.currentText() == "my fat 321/-45"
    window.session.set_window(40, 400)
    next(action for action in windows.own if action.text().startswith("my fat")).trigger()
    assert shown(window) == (321, -45)
    window.close()
    again = make_window()
    windows = again.actions_.view.windows
    assert [action.text() for action in windows.own] == ["my fat 321/-45"]
    again.session.set_window(40, 400)
    windows.box.activated.emit(windows.box.findText("my fat 321/-45"))
    assert shown(again) == (321, -45)
    bar = [action for menu in again.help.shortcuts.groups for action in menu[1]]
    assert windows.typed in bar


def test_presets_are_replaced_by_name_chosen_and_removed(qtbot: QtBot, own: OwnWindows) -> None:
    session = Session()
    assert own.add("one", 100, 10)
    assert own.add("two", 200, 20)
    assert own.add("one", 300, 30)
    assert not own.add("   ", 1, 1)
    assert own.presets == [Preset("two", 200, 20), Preset("one", 300, 30)]
    dialog = WindowDialog(session, own)
    qtbot.addWidget(dialog)
    assert not dialog.remove_button.isEnabled()
    assert not dialog.keep_button.isEnabled()
    dialog.list.setCurrentRow(1)
    assert (session.width, session.level) == (300, 30)
    assert (dialog.width_box.value(), dialog.level_box.value()) == (300, 30)
    dialog.remove_button.click()
    assert own.presets == [Preset("two", 200, 20)]


@pytest.mark.parametrize(
    "stored",
    ["{", "[" * 5000, "7", '[["a", "b", 3]]', '[["a", 1e400, 3]]', '[["", 4, 3]]', '[["a", -4, 3]]',
     '[["a", NaN, 3]]', '[["a", true, 3]]', '[[["a"], 4, 3]]', '["a"]'],
)  # fmt: skip
def test_settings_that_make_no_sense_are_no_presets(tmp_path: Path, stored: str) -> None:
    settings = QSettings(str(tmp_path / "own.ini"), QSettings.Format.IniFormat)
    settings.setValue("own_windows", stored)
    assert OwnWindows(settings).presets == []


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_values_that_are_no_hu_can_be_typed(
    qtbot: QtBot, own: OwnWindows, volume: Volume, scale: float
) -> None:
    session = Session()
    voxels = (volume.voxels * (scale / 250)).astype("f4")
    session.open(replace(volume, voxels=voxels, in_hu=False))
    dialog = WindowDialog(session, own)
    qtbot.addWidget(dialog)
    assert dialog.width_box.value() == pytest.approx(session.width, rel=0.01)
    dialog.width_box.setValue(scale / 4)
    assert session.width == pytest.approx(scale / 4, rel=0.01)
