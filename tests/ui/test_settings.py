"""Settings that survive a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QRect, QSettings
from PySide6.QtWidgets import QApplication

from liverview.core.labels import DrawStyle, Label, default_styles
from liverview.ui.main_window import MainWindow
from liverview.ui.settings import FIRST_SIZE, fit_screen
from liverview.ui.state.session import Convention

MakeWindow = Callable[..., MainWindow]


def test_window_and_looks_survive_a_restart(make_window: MakeWindow) -> None:
    first = make_window()
    first.resize(780, 603)
    first.session.set_window(90, 150)
    first.actions_.view.radiological.trigger()
    first.session.set_style(
        Label.TUMOR, color=(1, 2, 3), opacity=0.25, draw_style=DrawStyle.OUTLINED, visible=False
    )
    first.panels.network.keep.click()
    first.close()
    second = make_window()
    assert (second.size().width(), second.size().height()) == (780, 603)
    assert (second.session.level, second.session.width) == (90, 150)
    assert second.session.convention is Convention.NEUROLOGICAL
    assert not second.actions_.view.radiological.isChecked()
    assert second.actions_.view.windows.box.currentText().startswith("Liver")
    tumor, liver = (second.session.styles[label] for label in (Label.TUMOR, Label.LIVER))
    assert (tumor.color, tumor.opacity, tumor.draw_style) == ((1, 2, 3), 0.25, DrawStyle.OUTLINED)
    assert tumor.visible
    assert liver == default_styles()[Label.LIVER]
    assert second.controller.segmenting.keep_maps
    assert second.panels.network.keep.isChecked()


@pytest.mark.parametrize(
    "screen", [QRect(0, 0, 1280, 720), QRect(0, 24, 960, 516), QRect(1920, 0, 1366, 768)]
)
@pytest.mark.parametrize("at", [(0, 0), (900, 500), (-300, -200), (5000, 5000)])
def test_a_window_fits_the_screen(
    make_window: MakeWindow, screen: QRect, at: tuple[int, int]
) -> None:
    window = make_window()
    window.move(*at)
    fit_screen(window, screen)
    QApplication.processEvents()
    assert screen.contains(window.geometry())
    assert window.minimumSizeHint().height() <= 480  # with the panels that are shown at first


def test_a_large_screen_changes_nothing(make_window: MakeWindow) -> None:
    window = make_window()
    before = window.size()
    fit_screen(window, QRect(0, 0, 2560, 1440))
    assert window.size() == before == FIRST_SIZE


def test_settings_that_make_no_sense_are_left(make_window: MakeWindow, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("geometry", QByteArray(b"garbage"))
    settings.setValue("level", "nan")
    settings.setValue("width", "wide")
    settings.setValue("convention", "upside down")
    settings.setValue("labels/liver", "red green blue")
    settings.setValue("labels/vessel", "1 2 3 nan BOTH")
    settings.setValue("labels/tumor", "1 2 3 0.5 DOTTED")
    settings.setValue("recent", [f"/{'long' * 200}/scan.nii.gz", "/no/such/file.nii"])
    settings.sync()
    window = make_window()
    assert (window.session.level, window.session.width) == (40, 400)
    assert window.session.convention is Convention.RADIOLOGICAL
    assert window.session.styles == default_styles()
    assert window.width() > 1000
    assert window.actions_.file.recent.actions() == []
