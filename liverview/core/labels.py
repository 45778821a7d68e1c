"""Labels: their values and parts, how they merge and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liverview.core.label_table import LabelEntry, label_table


class Label(IntEnum):
    """Voxel values of a label map, from resources/labels.toml, in its order.

    A label whose parent is LIVER is a part of the liver: the liver as an organ is LIVER with all
    of its parts.

    Examples
    --------
    >>> import liverview as lv
    >>> labels = lv.read_labels("labels.nii.gz")
    >>> tumor = labels.voxels == lv.Label.TUMOR
    >>> int(lv.Label.TUMOR), bool(tumor.any())
    (3, True)
    """

    BACKGROUND = 0
    if TYPE_CHECKING:  # those that code names; there may be more
        LIVER = 1
        VESSEL = 2
        TUMOR = 3
    else:
        vars().update({name.upper(): entry.value for name, entry in label_table().labels.items()})


FOREGROUND: tuple[Label, ...] = tuple(label for label in Label if label is not Label.BACKGROUND)
"""The labels a person can toggle, in the order of the panel."""
SMALLEST_LESION_ML = 0.03
"""Tumor parts below this are counted in the volume, not listed as lesions."""
_ENTRIES = dict(zip(FOREGROUND, label_table().labels.values(), strict=True))


def label_entry(label: Label) -> LabelEntry:
    """The entry of a label in the table; the background has none (KeyError)."""
    return _ENTRIES[label]


def label_parent(label: Label) -> Label | None:
    """The label that a label is a part of; None for an organ."""
    name = _ENTRIES[label].parent
    return None if name is None else Label[name.upper()]


def label_parts(label: Label) -> tuple[Label, ...]:
    """The labels whose parent a label is."""
    return tuple(part for part in FOREGROUND if label_parent(part) is label)


def _with_all_parts(label: Label) -> tuple[Label, ...]:
    nested = (member for part in label_parts(label) for member in _with_all_parts(part))
    return (label, *nested)


_FAMILIES = {label: tuple(sorted(_with_all_parts(label))) for label in Label}


def label_family(label: Label) -> tuple[Label, ...]:
    """A label and whatever is a part of it, also of a part, in the order of values."""
    return _FAMILIES[label]


class DrawStyle(Enum):
    """Ways to draw a label."""

    BOTH = "Both"
    FILLED = "Filled"
    OUTLINED = "Outlined"


@dataclass(frozen=True)
class LabelStyle:
    """Name and look of one label.

    Attributes
    ----------
    name : as shown.
    color : red, green, blue, 0..255.
    opacity : 0..1.
    visible : whether it is drawn.
    draw_style : filled, outlined or both.
    """

    name: str
    color: tuple[int, int, int]
    opacity: float = 0.4
    visible: bool = True
    draw_style: DrawStyle = DrawStyle.BOTH


def default_styles() -> dict[Label, LabelStyle]:
    """Names and colors from resources/labels.toml."""
    return {
        label: LabelStyle(entry.name, entry.color, float(entry.opacity))
        for label, entry in _ENTRIES.items()
    }


def merge_masks(*masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The one merge rule: the later label over the earlier one, and no part outside its parent.

    That is tumor over vessel over liver, and nothing outside the liver. There is one boolean
    array per label, all of one shape, in the order of `FOREGROUND`; that of a label with parts
    is the whole of it, as in `label_mask`.
    """
    out = masks[0] * np.uint8(FOREGROUND[0])
    inside = {FOREGROUND[0]: masks[0]}
    for label, mask in list(zip(FOREGROUND, masks, strict=True))[1:]:
        parent = label_parent(label)
        inside[label] = mask if parent is None else inside[parent] & mask
        out[inside[label]] = label
    return out


def color_lookup_table(styles: Mapping[Label, LabelStyle]) -> NDArray[np.uint8]:
    """RGBA per voxel value, (256, 4) uint8.

    A hidden vessel or tumor takes the liver's color, as any hidden part that of its parent: it is
    liver, and no hole appears. Values that no label has stay transparent, and so do labels that
    are only outlined.
    """
    table = np.zeros((256, 4), np.uint8)
    for label in FOREGROUND:
        shown: Label | None = label
        while shown is not None and not styles[shown].visible:
            shown = label_parent(shown)
        if shown is not None and styles[shown].draw_style is not DrawStyle.OUTLINED:
            table[label, :3] = styles[shown].color
            table[label, 3] = round(255 * styles[shown].opacity)
    return table


def label_mask(voxels: NDArray[np.uint8], label: Label) -> NDArray[np.bool_]:
    """The mask of a label with its parts; LIVER is the whole organ."""
    values = _FAMILIES[label]
    where: NDArray[np.bool_]
    if len(values) == 1:
        where = voxels == label
    elif values[-1] - values[0] == len(values) - 1:  # without a gap
        where = (voxels >= values[0]) & (voxels <= values[-1])
    else:
        where = np.isin(voxels, values)
    return where


def count_with_parts(counts: Mapping[Label, int]) -> dict[Label, int]:
    """Voxels as reported: a label with its parts, as the liver with its vessels and tumors."""
    return {
        label: sum([counts.get(member, 0) for member in _FAMILIES[label]]) for label in FOREGROUND
    }


def describe_volumes(volume_ml: Mapping[Label, float]) -> str:
    """Volumes in a few words: ``liver 1523 mL, vessel 40.1 mL, tumor -``."""
    return ", ".join(f"{label.name.lower()} {_ml_text(ml)}" for label, ml in volume_ml.items())


def _ml_text(ml: float) -> str:
    return "-" if math.isnan(ml) else f"{_digits(ml)} mL"


def _digits(ml: float) -> str:
    return f"{ml:.0f}" if ml >= 100 else f"{ml:.2g}" if ml < 1 else f"{ml:.3g}"
