"""The application's look: light or dark, as the system is or as the person says.

Palettes are set whole on Qt's own Fusion style, so that both themes look alike everywhere; the
images stay on black in either.
"""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from liverview.core import paths

_ROLE, _GROUP = QPalette.ColorRole, QPalette.ColorGroup
_ROLES = (
    _ROLE.Window,
    _ROLE.WindowText,
    _ROLE.Base,
    _ROLE.AlternateBase,
    _ROLE.ToolTipBase,
    _ROLE.ToolTipText,
    _ROLE.Text,
    _ROLE.Button,
    _ROLE.ButtonText,
    _ROLE.BrightText,
    _ROLE.Link,
    _ROLE.Highlight,
    _ROLE.HighlightedText,
    _ROLE.PlaceholderText,
)
_DARK = (
    "#26282b #dcdcd6 #1d1f21 #2a2d30 #3a3e42 #ececE6 #dcdcd6 #33363a #dcdcd6 #ffffff "
    "#6fb1e8 #2f6ea5 #ffffff #8c8f92"
)
_LIGHT = (
    "#f1f1ee #1f2123 #ffffff #f7f7f4 #fffff2 #1f2123 #1f2123 #e6e6e2 #1f2123 #000000 "
    "#1a64a3 #2f6ea5 #ffffff #6d7073"
)
_PROPERTY = "liverview_theme"  # the application's property that holds the choice
_FADED = (_ROLE.WindowText, _ROLE.Text, _ROLE.ButtonText)
_FADED_COLOR = {True: "#74777a", False: "#8b8e91"}


class Theme(Enum):
    """A look of the window."""

    SYSTEM = "As the system"
    LIGHT = "Light"
    DARK = "Dark"


_SCHEMES = {
    Theme.SYSTEM: Qt.ColorScheme.Unknown,
    Theme.LIGHT: Qt.ColorScheme.Light,
    Theme.DARK: Qt.ColorScheme.Dark,
}


def install_theme(app: QApplication) -> None:
    """Style, icon, and colors that follow the system from now on."""
    app.setStyle("Fusion")
    app.setWindowIcon(QIcon(str(paths.resources() / "icons" / "liverview.svg")))
    if app.property(_PROPERTY) is None:  # else it follows already
        app.styleHints().colorSchemeChanged.connect(_update_palette)
    set_theme(Theme.SYSTEM)


def current_theme() -> Theme:
    """The theme that `set_theme` was last given."""
    chosen = QGuiApplication.instance().property(_PROPERTY)  # type: ignore[union-attr]
    return Theme.__members__.get(str(chosen), Theme.SYSTEM)


def set_theme(chosen: Theme) -> None:
    """Use a theme; windows are told by Qt's own palette change."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setProperty(_PROPERTY, chosen.name)
    app.styleHints().setColorScheme(_SCHEMES[chosen])
    _update_palette()


def is_dark() -> bool:
    """True where the window is dark: also where the system names no theme."""
    if current_theme() is not Theme.SYSTEM:
        return current_theme() is Theme.DARK
    return QGuiApplication.styleHints().colorScheme() is not Qt.ColorScheme.Light


def _update_palette() -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    dark = is_dark()
    palette = QPalette()
    for role, color in zip(_ROLES, (_DARK if dark else _LIGHT).split(), strict=True):
        palette.setColor(role, QColor(color))
    for role in _FADED:
        palette.setColor(_GROUP.Disabled, role, QColor(_FADED_COLOR[dark]))
    app.setPalette(palette)
