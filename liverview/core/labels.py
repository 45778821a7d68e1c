"""Labels: their numbers, names and colors, how they merge and how they are drawn."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np
from numpy.typing import NDArray

from liverview.core import paths


class Label(IntEnum):
    """Voxel values of a label map. The liver as an organ is LIVER, VESSEL and TUMOR.

    Examples
    --------
    >>> import liverview as lv
    >>> labels = lv.read_labels("labels.nii.gz")
    >>> tumor = labels.voxels == lv.Label.TUMOR
    >>> int(lv.Label.TUMOR), bool(tumor.any())
    (3, True)
    """

    BACKGROUND = 0
    LIVER = 1
    VESSEL = 2
    TUMOR = 3


FOREGROUND = (Label.LIVER, Label.VESSEL, Label.TUMOR)
"""The labels a person can toggle, in the order of the panel."""


class DrawStyle(Enum):
    """How a label is shown."""

    BOTH = "Both"
    FILLED = "Filled"
    OUTLINED = "Outlined"


@dataclass(frozen=True)
class LabelStyle:
    """How one label is drawn.

    Attributes
    ----------
    name : as shown.
    color : red, green, blue, 0..255.
    opacity : 0..1.
    visible : whether it is drawn.
    drawn : filled, outlined or both.
    """

    name: str
    color: tuple[int, int, int]
    opacity: float = 0.4
    visible: bool = True
    draw_style: DrawStyle = DrawStyle.BOTH


def default_styles() -> dict[Label, LabelStyle]:
    """Names and colors from resources/labels.toml."""
    text = (paths.resources() / "labels.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)
    return {
        label: LabelStyle(
            name=entries[label.name.lower()]["name"],
            color=tuple(entries[label.name.lower()]["color"]),
            opacity=float(entries[label.name.lower()]["opacity"]),
        )
        for label in FOREGROUND
    }


def merge_masks(
    liver: NDArray[np.bool_], vessel: NDArray[np.bool_], tumor: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """The one merge rule: tumor over vessel over liver, and nothing outside the liver.

    All three are boolean arrays of one shape; ``liver`` is the whole organ.
    """
    out = liver.astype(np.uint8)
    out[liver & vessel] = Label.VESSEL
    out[liver & tumor] = Label.TUMOR
    return out


def color_lookup_table(styles: Mapping[Label, LabelStyle]) -> NDArray[np.uint8]:
    """RGBA per voxel value, (256, 4) uint8.

    A hidden vessel or tumor takes the liver's color: it is liver, and no hole appears.
    Values that no label has stay transparent, and so do labels that are only outlined.
    """
    table = np.zeros((256, 4), np.uint8)
    liver = styles[Label.LIVER]
    for label in FOREGROUND:
        style = styles[label] if styles[label].visible else liver
        if style.visible and style.draw_style is not DrawStyle.OUTLINED:
            table[label, :3] = style.color
            table[label, 3] = round(255 * style.opacity)
    return table


def unknown_values_note(voxels: NDArray[np.uint8]) -> str | None:
    """What a person should know about values that no label has; None where there are none."""
    odd = sorted({int(value) for value in np.unique(voxels)} - set(Label))
    if not odd:
        return None
    values = ", ".join(str(value) for value in odd[:8]) + (" ..." if len(odd) > 8 else "")
    known = ", ".join(f"{label.value} {label.name.lower()}" for label in Label)
    return f"left out the values {values}; known are {known}."


def label_mask(voxels: NDArray[np.uint8], label: Label) -> NDArray[np.bool_]:
    """Where a label is; LIVER is the whole organ."""
    where: NDArray[np.bool_] = voxels == label
    if label is Label.LIVER:
        where = (voxels > 0) & (voxels <= max(FOREGROUND))
    return where


def count_with_parts(counts: Mapping[Label, int]) -> dict[Label, int]:
    """Voxels as reported: the liver with its vessels and tumors, those two alone."""
    return {
        Label.LIVER: sum(counts.get(label, 0) for label in FOREGROUND),
        Label.VESSEL: counts.get(Label.VESSEL, 0),
        Label.TUMOR: counts.get(Label.TUMOR, 0),
    }
