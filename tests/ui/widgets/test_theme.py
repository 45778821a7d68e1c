"""Themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Volume
from liverview.ui.main_window import MainWindow
from liverview.ui.widgets.theme import Theme, is_dark, set_theme


@pytest.fixture(autouse=True)
def _dark_again() -> object:
    yield
    set_theme(Theme.SYSTEM)


def _lightness(window: MainWindow) -> float:
    return window.palette().color(QPalette.ColorRole.Window).lightnessF()


def _ink(action: QAction) -> float:
    """The lightness of the lines of an icon."""
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
