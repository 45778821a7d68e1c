"""Icons in the colors of the theme: SVG files whose lines are drawn in `currentColor`."""

from __future__ import annotations

from PySide6.QtGui import QColor, QIcon, QPalette, QPixmap

from liverview.core import paths

_SIZE = 24  # of the drawings, in logical pixels
_RATIOS = (1, 2, 3)  # of device pixels; Qt takes the nearest above


def load_icon(name: str, palette: QPalette) -> QIcon:
    """An icon of resources/icons for buttons of a palette."""
    text = (paths.resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    icon = QIcon()
    for group, mode in (
        (QPalette.ColorGroup.Normal, QIcon.Mode.Normal),
        (QPalette.ColorGroup.Disabled, QIcon.Mode.Disabled),
    ):
        color = palette.color(group, QPalette.ColorRole.ButtonText)
        for ratio in _RATIOS:
            icon.addPixmap(_render_svg(text, color, ratio), mode)
    return icon


def _render_svg(svg: str, color: QColor, ratio: int) -> QPixmap:
    size = f'<svg width="{_SIZE * ratio}" height="{_SIZE * ratio}" '
    drawing = svg.replace("currentColor", color.name()).replace("<svg ", size, 1)
    picture = QPixmap()
    picture.loadFromData(drawing.encode(), "SVG")
    picture.setDevicePixelRatio(ratio)
    return picture
