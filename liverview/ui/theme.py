"""A calm dark look for the whole application, on Qt's own style."""

from __future__ import annotations

from PySide6.QtGui import QColor, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from liverview import paths

_ROLE, _GROUP = QPalette.ColorRole, QPalette.ColorGroup
_COLORS = {
    _ROLE.Window: "#26282b",
    _ROLE.WindowText: "#dcdcd6",
    _ROLE.Base: "#1d1f21",
    _ROLE.AlternateBase: "#2a2d30",
    _ROLE.ToolTipBase: "#3a3e42",
    _ROLE.ToolTipText: "#ececE6",
    _ROLE.Text: "#dcdcd6",
    _ROLE.Button: "#33363a",
    _ROLE.ButtonText: "#dcdcd6",
    _ROLE.BrightText: "#ffffff",
    _ROLE.Link: "#6fb1e8",
    _ROLE.Highlight: "#2f6ea5",
    _ROLE.HighlightedText: "#ffffff",
    _ROLE.PlaceholderText: "#8c8f92",
}
_FADED = (_ROLE.WindowText, _ROLE.Text, _ROLE.ButtonText)


def dress(app: QApplication) -> None:
    """Style, colors and icon."""
    app.setStyle("Fusion")
    palette = QPalette()
    for role, color in _COLORS.items():
        palette.setColor(role, QColor(color))
    for role in _FADED:
        palette.setColor(_GROUP.Disabled, role, QColor("#74777a"))
    app.setPalette(palette)
    app.setWindowIcon(QIcon(str(paths.resources() / "icons" / "liverview.svg")))
