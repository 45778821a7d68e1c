"""Key slices as pictures: where the liver is largest, and lesions with their diameters.

Slices lie as in the viewer: anterior or superior up, the patient's right on the left.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from liverview.core.display_window import default_window
from liverview.core.labels import FOREGROUND, Label, LabelStyle, label_entry, label_mask
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.core.wording import slice_words
from liverview.measurement.results import Diameter, Lesion, Measurement
from liverview.report.contents import Color, Figure, Key, Section
from liverview.report.liver_extent import PHASE, LiverExtent, iter_liver_extent

_WIDTH, _HEIGHT = 960, 768  # pixels of a picture
_SUPERSAMPLING = 2  # drawn larger by this, and then reduced, so that lines are smooth
_MARGIN_MM = 15.0  # around the liver
_LEAST_MM = 80.0  # that a lesion's picture shows
_LINE = 3
_TEXT = 30  # pixels
_FILL_OPACITY = 0.6
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_BARS_MM = (100, 50, 20, 10, 5, 2, 1)
_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))  # at an axis' start and end

Spot = tuple[float, float]


def iter_key_images(
    volume: Volume,
    labels: LabelMap,
    measurement: Measurement,
    shown: Sequence[Lesion],
    styles: Mapping[Label, LabelStyle],
    window: tuple[float, float] | None = None,
) -> Generator[Progress, None, Section]:
    """Draw the liver's largest slice in each plane, and each of some lesions.

    Parameters
    ----------
    shown : the lesions that get a picture of their own.
    styles : names and colors; what is drawn does not depend on what is visible on a screen.
    window : level and width in HU; without, those for an abdomen.
    """
    where = yield from iter_liver_extent(labels)
    if where is None:
        return Section("Key slices")
    level, width = window or default_window(volume)
    draw = _KeyImagePainter(volume, labels, measurement, styles, (level, width))
    planes = (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
    todo = [partial(draw.draw_liver, plane, where) for plane in planes]
    todo += [partial(draw.draw_lesion, lesion) for lesion in shown]
    figures = []
    for number, picture in enumerate(todo):
        yield Progress(PHASE, number / len(todo))
        figures.append(picture())
    unit = " HU" if volume.in_hu else ""
    return Section(
        "Key slices",
        (f"Window width {width:.4g}{unit}, level {level:.4g}{unit}.",),
        keys=_color_keys(styles),
        figures=tuple(figures),
    )


class LesionPicture(NamedTuple):
    """A picture of a lesion: pixels, (rows, columns, 3) uint8, and the mm from one to the next."""

    pixels: NDArray[np.uint8]
    spacing_mm: float


def picture_lesion(
    volume: Volume,
    labels: LabelMap,
    measurement: Measurement,
    lesion: Lesion,
    styles: Mapping[Label, LabelStyle],
    window: tuple[float, float],
    note: str,
) -> LesionPicture:
    """The axial slice of a lesion's diameters, as in a report, with a note at its lower edge."""
    draw = _KeyImagePainter(volume, labels, measurement, styles, window)
    picture = draw.picture_lesion(lesion)
    picture.write_note(note)
    return picture.to_pixels()


def _color_keys(styles: Mapping[Label, LabelStyle]) -> tuple[Key, ...]:
    how = {label: label_entry(label).key_image for label in FOREGROUND}
    how[Label.TUMOR] += " and numbered"  # its lesions
    return tuple(Key(styles[label].name, styles[label].color, how[label]) for label in how)


class _KeyImagePainter:
    """Draws slices of one case."""

    def __init__(
        self,
        volume: Volume,
        labels: LabelMap,
        measurement: Measurement,
        styles: Mapping[Label, LabelStyle],
        window: tuple[float, float],
    ) -> None:
        self._volume = volume
        self._labels = labels
        self._lesions = measurement.lesions
        self._colors = {label: style.color for label, style in styles.items()}
        self._window = window

    def draw_liver(self, plane: Plane, where: LiverExtent) -> Figure:
        """The slice of a plane that cuts most of the liver, around the liver."""
        index = where.largest[plane]
        axes = plane.horizontal_axis, plane.vertical_axis
        sides = [where.box[axis] for axis in axes]
        middle = [(side.start + side.stop - 1) / 2 for side in sides]
        mm = [
            (side.stop - side.start) * self._volume.spacing[axis] + 2 * _MARGIN_MM
            for side, axis in zip(sides, axes, strict=True)
        ]
        picture = self._draw_slice(plane, index, (middle[0], middle[1]), (mm[0], mm[1]))
        words = self._words(plane, index).capitalize()
        return picture.to_figure(f"{words}, where the liver is largest.")

    def draw_lesion(self, lesion: Lesion) -> Figure:
        """The axial slice of a lesion's diameters, with both drawn."""
        where = self._words(Plane.AXIAL, lesion.axial_slice)
        return self.picture_lesion(lesion).to_figure(
            f"Lesion {lesion.number} in {where}: longest "
            f"diameter {lesion.longest_mm:.1f} mm, perpendicular "
            f"{lesion.perpendicular.length_mm:.1f} mm."
        )

    def picture_lesion(self, lesion: Lesion) -> _Picture:
        i, j, _ = np.mean(lesion.axial.ends_voxel, axis=0)
        mm = max(_LEAST_MM, 1.8 * lesion.longest_mm)
        middle = float(i), float(j)
        picture = self._draw_slice(Plane.AXIAL, lesion.axial_slice, middle, (mm, mm))
        for diameter in (lesion.axial, lesion.perpendicular):
            picture.draw_diameter(diameter)
        return picture

    def _words(self, plane: Plane, index: int) -> str:
        return slice_words(plane, index, self._volume.shape[plane.axis])

    def _draw_slice(
        self, plane: Plane, index: int, middle: Spot, mm: tuple[float, float]
    ) -> _Picture:
        """A part of a slice, at least as large as ``mm``, with labels, scale and letters."""
        picture = _Picture(self._volume, plane, middle, mm)
        stored = plane.slice_of(self._volume.voxels, index)
        picture.draw_ct(stored.astype(np.float32) + self._volume.intercept, *self._window)
        cut = plane.slice_of(self._labels.voxels, index)
        for draw, way in ((picture.fill_mask, "filled"), (picture.outline_mask, "outlined")):
            for label in FOREGROUND:
                if label_entry(label).key_image == way:
                    draw(label_mask(cut, label), self._colors[label])
        picture.draw_letters()
        picture.draw_scale_bar()
        for lesion in self._lesions:
            spot = _outer_edge(lesion, plane, index)
            if spot is not None and picture.shows(spot):
                picture.write_beside(spot, str(lesion.number))
        return picture


class _Picture:
    """A part of a slice, larger than it will be.

    Spots are voxel coordinates along `Plane.horizontal_axis` and `Plane.vertical_axis`, whole at
    voxel centers.
    """

    def __init__(self, volume: Volume, plane: Plane, middle: Spot, mm: tuple[float, float]) -> None:
        self._plane, self._middle = plane, middle
        self._size = _SUPERSAMPLING * _WIDTH, _SUPERSAMPLING * _HEIGHT
        self._per_mm = min(n / side for n, side in zip(self._size, mm, strict=True))
        self._per_voxel = [
            self._per_mm * volume.spacing[axis]
            for axis in (plane.horizontal_axis, plane.vertical_axis)
        ]
        self._image = Image.new("RGB", self._size)

    def draw_ct(self, hu: NDArray[np.float32], level: float, width: float) -> None:
        """Draw the CT, smooth between voxels; black beside it."""
        shade = (255 * np.clip((hu - level) / width + 0.5, 0, 1)).astype(np.uint8)
        self._image = self._warp(shade, Image.Resampling.BICUBIC).convert("RGB")

    def fill_mask(self, mask: NDArray[np.bool_], color: Color) -> None:
        inside = self._warp_mask(mask)
        pixels = np.array(self._image)
        mixed = (1 - _FILL_OPACITY) * pixels[inside] + _FILL_OPACITY * np.array(color)
        pixels[inside] = mixed.astype(np.uint8)
        self._image = Image.fromarray(pixels)

    def outline_mask(self, mask: NDArray[np.bool_], color: Color) -> None:
        """Draw the inner edge of a mask."""
        inside = self._warp_mask(mask)
        width = _LINE * _SUPERSAMPLING
        around = np.pad(inside, width, constant_values=True)
        core = inside.copy()
        for y, x in ((0, 1), (2, 1), (1, 0), (1, 2)):
            core &= around[y * width :, x * width :][: inside.shape[0], : inside.shape[1]]
        pixels = np.array(self._image)
        pixels[inside & ~core] = color
        self._image = Image.fromarray(pixels)

    def draw_diameter(self, diameter: Diameter) -> None:
        """Draw a line with its length beside that end of it which lies more to the right."""
        ends = [
            self._pixel((end[self._plane.horizontal_axis], end[self._plane.vertical_axis]))
            for end in diameter.ends_voxel
        ]
        pen = ImageDraw.Draw(self._image)
        for color, width in (
            (_BLACK, (_LINE + 3) * _SUPERSAMPLING),
            (_WHITE, _LINE * _SUPERSAMPLING),
        ):
            pen.line(ends, color, width)
        (x0, y0), (x1, y1) = sorted(ends)
        length = max(float(np.hypot(x1 - x0, y1 - y0)), 1.0)
        away = 12 * _SUPERSAMPLING
        at = x1 + away * (x1 - x0) / length, y1 + away * (y1 - y0) / length
        self._write_text(at, f"{diameter.length_mm:.1f} mm", "lm")

    def write_beside(self, spot: Spot, text: str) -> None:
        """Write beside a spot, on its left on the screen."""
        x, y = self._pixel(spot)
        self._write_text((x - 6 * _SUPERSAMPLING, y), text, "rm")

    def draw_letters(self) -> None:
        """Letters for the sides of the patient."""
        width, height = self._size
        edge = 8 * _SUPERSAMPLING
        left, right = _LETTERS[self._plane.horizontal_axis][::-1]
        bottom, top = _LETTERS[self._plane.vertical_axis]
        self._write_text((edge, height / 2), left, "lm")
        self._write_text((width - edge, height / 2), right, "rm")
        self._write_text((width / 2, edge), top, "mt")
        self._write_text((width / 2, height - edge), bottom, "mb")

    def draw_scale_bar(self) -> None:
        """A scale bar of a round length."""
        width, height = self._size
        mm = next((mm for mm in _BARS_MM if mm * self._per_mm <= width / 3), _BARS_MM[-1])
        x, y = 16 * _SUPERSAMPLING, height - 20 * _SUPERSAMPLING
        pen = ImageDraw.Draw(self._image)
        for color, grown in ((_BLACK, _SUPERSAMPLING), (_WHITE, 0)):
            ends = (
                x - grown,
                y - grown,
                x + mm * self._per_mm + grown,
                y + 4 * _SUPERSAMPLING + grown,
            )
            pen.rectangle(ends, color)
        self._write_text((x, y - 6 * _SUPERSAMPLING), f"{mm} mm", "lb")

    def write_note(self, text: str) -> None:
        """Write at the right, above the lower edge's letter."""
        width, height = self._size
        edge = 8 * _SUPERSAMPLING
        self._write_text((width - edge, height - edge - 1.5 * _TEXT * _SUPERSAMPLING), text, "rb")

    def shows(self, spot: Spot) -> bool:
        return all(0 <= at <= n for at, n in zip(self._pixel(spot), self._size, strict=True))

    def to_figure(self, caption: str) -> Figure:
        """The picture in the size that it was meant to have."""
        image = self._image.reduce(_SUPERSAMPLING)
        encoded = io.BytesIO()
        image.save(encoded, "JPEG", quality=92, subsampling=0)
        return Figure(encoded.getvalue(), image.size, caption)

    def to_pixels(self) -> LesionPicture:
        """As `to_figure`, without compression."""
        return LesionPicture(
            np.asarray(self._image.reduce(_SUPERSAMPLING)), _SUPERSAMPLING / self._per_mm
        )

    def _pixel(self, spot: Spot) -> Spot:
        x, y = (
            n / 2 - (at - middle) * step
            for n, at, middle, step in zip(
                self._size, spot, self._middle, self._per_voxel, strict=True
            )
        )
        return x, y

    def _warp_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(self._warp(mask.astype(np.uint8), Image.Resampling.NEAREST)) > 0

    def _warp(self, cut: NDArray[np.uint8], how: Image.Resampling) -> Image.Image:
        """A slice as `Plane.slice_of` gives it, turned to the viewer's orientation; 0 beside it."""
        # From the picture's pixels to the slice's, both counted from their edges.
        (dx, dy), (x, y) = self._per_voxel, self._pixel((-0.5, -0.5))
        matrix = (-1 / dx, 0, x / dx, 0, -1 / dy, y / dy)
        image = Image.fromarray(np.ascontiguousarray(cut))
        return image.transform(self._size, Image.Transform.AFFINE, matrix, how)

    def _write_text(self, at: Spot, text: str, anchor: str) -> None:
        """Write on any ground; what would lie outside is moved inside."""
        pen = ImageDraw.Draw(self._image)
        font = ImageFont.load_default(_TEXT * _SUPERSAMPLING)
        left, top, right, bottom = pen.textbbox(
            at, text, font, anchor, stroke_width=2 * _SUPERSAMPLING
        )
        width, height = self._size
        x = at[0] + max(0, -left) - max(0, right - width)
        y = at[1] + max(0, -top) - max(0, bottom - height)
        pen.text(
            (x, y), text, _WHITE, font, anchor, stroke_width=2 * _SUPERSAMPLING, stroke_fill=_BLACK
        )


def _outer_edge(lesion: Lesion, plane: Plane, index: int) -> Spot | None:
    """The lesion's voxel in a slice that is most to the left on the screen; None where it is not.

    Given as the middle of the voxel's outer edge.
    """
    place = index - lesion.start[plane.axis]
    if not 0 <= place < lesion.mask.shape[plane.axis]:
        return None
    rows, columns = np.nonzero(plane.slice_of(lesion.mask, place))
    if not len(columns):
        return None
    last = columns.argmax()
    across = lesion.start[plane.horizontal_axis] + int(columns[last]) + 0.5
    return across, float(lesion.start[plane.vertical_axis] + rows[last])
