"""The header of a DICOM series as a volume keeps it, for label maps that refer to its slices."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import NamedTuple


class SourceSlice(NamedTuple):
    """A slice that the series has.

    Attributes
    ----------
    place : index along the third stored axis of the volume.
    sop_class, sop_instance : UIDs.
    frame : of a multi-frame file, from 1; 0 for files of one image.
    """

    place: int
    sop_class: str
    sop_instance: str
    frame: int = 0


@dataclass(frozen=True, repr=False)
class SeriesHeader:
    """What a DICOM volume keeps of its files, in `SourceGrid.header`.

    Attributes
    ----------
    template : the data set of the first slice without its pixels and private elements, as a
        DICOM file (explicit VR, little endian).
    affine : stored index (column, row, slice) -> world mm, LPS, as rows.
    slices : those that the series has; interpolated ones are left out.
    """

    template: bytes
    affine: tuple[tuple[float, ...], ...]
    slices: tuple[SourceSlice, ...]

    def encode(self) -> bytes:
        """The header as bytes."""
        fields = asdict(self) | {"template": base64.b64encode(self.template).decode()}
        return json.dumps(fields | {"slices": [list(each) for each in self.slices]}).encode()

    @classmethod
    def decode(cls, data: bytes) -> SeriesHeader:
        """The header of `SourceGrid.header`."""
        fields = json.loads(data)
        return cls(
            base64.b64decode(fields["template"]),
            tuple(tuple(row) for row in fields["affine"]),
            tuple(SourceSlice(*each) for each in fields["slices"]),
        )
