"""Charts of lines, as PNG or SVG: what is drawn is a list of marks, which both can draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont

Place = tuple[float, float]
Color = tuple[int, int, int]

BLACK, GRAY, PALE = (0, 0, 0), (110, 110, 110), (225, 225, 225)
_SCALE = 2  # pixels of a PNG per unit
_FONT = 13


@dataclass(frozen=True)
class Line:
    """A line through points, ``width`` units wide."""

    points: Sequence[Place]
    color: Color
    width: float = 1.0


@dataclass(frozen=True)
class Area:
    """A filled polygon, as pale as the background shows through."""

    points: Sequence[Place]
    color: Color


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    at: Place
    color: Color
    radius: float = 5.0


@dataclass(frozen=True)
class Text:
    """A line of text; ``at`` is its left end, middle or right end by ``anchor``, at mid height."""

    at: Place
    text: str
    color: Color = BLACK
    anchor: str = "start"


Mark = Line | Area | Dot | Text


@dataclass(frozen=True)
class Axes:
    """A frame in which values have places.

    Attributes
    ----------
    left, top, width, height : of the frame, in units; the origin is above, on the left.
    x_most, y_most : the values at its right and upper edge; both begin at 0.
    """

    left: float
    top: float
    width: float
    height: float
    x_most: float
    y_most: float = 1.0

    def place(self, x: float, y: float) -> Place:
        return (
            self.left + self.width * x / self.x_most,
            self.top + self.height * (1 - y / self.y_most),
        )

    def line(self, values: Sequence[Place]) -> list[Place]:
        """The places of a line, which ends at the frame's right edge."""
        shown: list[Place] = []
        for x, y in values:
            if x > self.x_most:
                if shown and values[len(shown) - 1][0] < self.x_most:
                    before = values[len(shown) - 1]
                    share = (self.x_most - before[0]) / (x - before[0])
                    shown.append(self.place(self.x_most, before[1] + share * (y - before[1])))
                break
            shown.append(self.place(x, y))
        return shown

    def marks(self, x_step: float, y_step: float, x_title: str, title: str) -> list[Mark]:
        """The frame with its grid, numbers and titles."""
        marks: list[Mark] = []
        for count in range(round(self.x_most / x_step) + 1):
            x = count * x_step
            marks.append(Line([self.place(x, 0), self.place(x, self.y_most)], PALE))
            at = self.place(x, 0)
            marks.append(Text((at[0], at[1] + 12), f"{x:g}", GRAY, "middle"))
        for count in range(round(self.y_most / y_step) + 1):
            y = count * y_step
            marks.append(Line([self.place(0, y), self.place(self.x_most, y)], PALE))
            at = self.place(0, y)
            marks.append(Text((at[0] - 6, at[1]), f"{y:g}", GRAY, "end"))
        corners = [self.place(0, self.y_most), self.place(0, 0), self.place(self.x_most, 0)]
        marks.append(Line(corners, GRAY))
        below = self.place(self.x_most / 2, 0)
        marks.append(Text((below[0], below[1] + 32), x_title, anchor="middle"))
        marks.append(Text((self.left, self.top - 16), title))
        return marks


@dataclass
class Chart:
    """Marks on a white sheet.

    Attributes
    ----------
    width, height : in units, which are pixels of an SVG.
    """

    width: int
    height: int
    marks: list[Mark] = field(default_factory=list)

    def to_image(self) -> Image.Image:
        """The chart as a picture, two pixels per unit."""
        image = Image.new("RGB", (_SCALE * self.width, _SCALE * self.height), "white")
        draw = ImageDraw.Draw(image)
        font = ImageFont.load_default(_SCALE * _FONT)
        anchors = {"start": "lm", "middle": "mm", "end": "rm"}
        for mark in self.marks:
            if isinstance(mark, Line):
                points = [_scaled(point) for point in mark.points]
                draw.line(points, mark.color, round(_SCALE * mark.width), "curve")
            elif isinstance(mark, Area):
                draw.polygon([_scaled(point) for point in mark.points], _pale(mark.color))
            elif isinstance(mark, Dot):
                draw.circle(_scaled(mark.at), _SCALE * mark.radius, mark.color)
            else:
                draw.text(_scaled(mark.at), mark.text, mark.color, font, anchors[mark.anchor])
        return image

    def to_svg(self) -> str:
        """The chart as an SVG document."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" font-family="sans-serif" '
            f'font-size="{_FONT}">',
            '<rect width="100%" height="100%" fill="white"/>',
            *map(_svg_of, self.marks),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"


def _svg_of(mark: Mark) -> str:
    color = _rgb(_pale(mark.color) if isinstance(mark, Area) else mark.color)
    if isinstance(mark, Line):
        line = f'stroke="{color}" stroke-width="{mark.width:g}" stroke-linejoin="round"'
        return f'<polyline points="{_svg_points(mark.points)}" fill="none" {line}/>'
    if isinstance(mark, Area):
        return f'<polygon points="{_svg_points(mark.points)}" fill="{color}"/>'
    x, y = mark.at
    if isinstance(mark, Dot):
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{mark.radius:g}" fill="{color}"/>'
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" fill="{color}" text-anchor="{mark.anchor}" '
        f'dominant-baseline="central">{escape(mark.text)}</text>'
    )


def _svg_points(points: Sequence[Place]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _rgb(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _pale(color: Color) -> Color:
    """A color as it looks at a quarter of its strength on white."""
    r, g, b = (255 - round((255 - part) / 4) for part in color)
    return r, g, b


def _scaled(point: Place) -> Place:
    return _SCALE * point[0], _SCALE * point[1]
