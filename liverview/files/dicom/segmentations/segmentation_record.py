"""What a segmentation of liverview's says beside its frames: JSON in a private element.

DICOM has no place for the grid that empty frames were left out of, nor for what a person has said
of lesions. Other programs pass the element over; a file that they have written anew, without it,
is read by its frames and codes alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from liverview.core.grid import Affine, is_usable_affine
from liverview.core.labels import FOREGROUND, Label
from liverview.files.review_record import LARGEST_TEXT

GROUP, CREATOR, ELEMENT = 0x0077, "liverview", 0x01
_FORMAT = "liverview-segmentation-1"
_MOST_VOXELS = 1 << 34
IGNORED = "ignore"
"""The name of the segment of voxels that nobody judged."""


@dataclass(frozen=True, eq=False)
class SegmentationRecord:
    """What is kept beside the frames.

    Attributes
    ----------
    shape : columns, rows, slices of the grid.
    affine : (4, 4), column, row, slice -> world mm, LPS.
    segments : the label's name, in lower case, by the number of its segment.
    places : of the instances that are referred to, in their order, along the slices.
    made_by : as `LabelMap` has it.
    review : as `liverview.files.review_record.review_content` makes it.
    """

    shape: tuple[int, int, int]
    affine: Affine
    segments: Mapping[int, str]
    places: tuple[int, ...]
    made_by: str = ""
    review: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> str:
        """The record as JSON."""
        content = {
            "format": _FORMAT,
            "shape": [int(n) for n in self.shape],
            "affine_lps": [[float(value) for value in row] for row in self.affine],
            "segments": {str(number): name for number, name in self.segments.items()},
            "places": list(self.places),
            "made_by": self.made_by,
            "review": dict(self.review),
        }
        return json.dumps(content)

    def value_of(self, number: int) -> int | None:
        """The voxel value of a segment; None where its name is no label's."""
        name = self.segments.get(number, "")
        if name == IGNORED:
            return 255
        return next((int(label) for label in FOREGROUND if label.name.lower() == name), None)


def parse_record(text: str) -> SegmentationRecord | None:
    """Read what `SegmentationRecord.encode` made; None where it is no such text."""
    if len(text) > 2 * LARGEST_TEXT:
        return None
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            return None
        columns, rows, slices = (int(n) for n in content["shape"])
        affine = np.array(content["affine_lps"], np.float64)
        segments = {int(number): str(name) for number, name in content["segments"].items()}
        places = tuple(int(place) for place in content["places"])
        record = SegmentationRecord(
            (columns, rows, slices), affine, segments, places, str(content["made_by"]),
            dict(content["review"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    usable = min(record.shape) > 0 and columns * rows * slices <= _MOST_VOXELS
    return record if usable and is_usable_affine(affine) else None


def label_names_of(record: SegmentationRecord) -> dict[int, str]:
    """The names of the values that the record's label map has."""
    names = {record.value_of(number): name for number, name in record.segments.items()}
    return {value: name for value, name in names.items() if value is not None}


def name_of(label: Label) -> str:
    """The name of a label in a record."""
    return label.name.lower()
