"""Label maps as they are, from one format to another: values and names stay those of the file."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from pathlib import Path

from liverview.core.coding import meaning_from_name, meaning_text
from liverview.core.labels import FOREGROUND, Label, LabelStyle, default_styles
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.files.format import TableOrder
from liverview.files.formats import format_to_write
from liverview.files.named_labels import NamedLabels
from liverview.files.opening import ImageFileError

_TURN = 0.61803  # of the circle of hues, from one value to the next: no two neighbors are alike


def has_own_values(found: NamedLabels) -> bool:
    """True where values or names of a label map are other than liverview's."""
    return found.members is None and any(
        meaning is None or meaning != value for value, meaning in found.suggested.items()
    )


def iter_write_kept(path: Path, found: NamedLabels, *, overwrite: bool) -> Iterator[Progress]:
    """Write a label map with its own values and names; yields progress.

    None of its labels is taken for one of liverview's: what it calls them, goes into the file.

    Raises
    ------
    ImageFileError : where values are above 255.
    TargetError : where the target exists and may not be replaced, or cannot be written.
    """
    if found.voxels.dtype.itemsize > 1:
        raise ImageFileError(
            f"{found.path} has values up to {max(found.counts)}, and a label map is written with "
            "255 at most: say which are liver, vessels and tumors by --labels 300=liver,301=tumor."
        )
    labels = LabelMap(
        found.voxels,
        found.affine,
        found.name,
        found.stored,
        partial=found.review.partial,
        defined=frozenset(),
    )
    values = sorted({*found.counts, *found.names} - {0})
    table = {value: _style(value, _name_of(found, value)) for value in values if value <= 255}
    write = format_to_write(path).load().iter_write_labels
    yield from write(path, labels, table, overwrite=overwrite, order=TableOrder.TOTALSEGMENTATOR)


def _name_of(found: NamedLabels, value: int) -> str:
    """The name that something gives a value, if only the name of the file."""
    meaning = found.suggested.get(value)
    name, settled = found.names.get(value, ""), found.sure or found.fits_alone
    if not name and settled and isinstance(meaning, Label) and meaning in FOREGROUND:
        return meaning_text(meaning)
    return name


def _style(value: int, name: str) -> LabelStyle:
    meaning = meaning_from_name(name)
    for label in FOREGROUND:
        if meaning is label:
            return LabelStyle(name, default_styles()[label].color)
    red, green, blue = colorsys.hsv_to_rgb(value * _TURN % 1, 0.6, 0.9)
    return LabelStyle(
        name or f"Label {value}", (round(255 * red), round(255 * green), round(255 * blue))
    )
