"""The header of one DICOM image: what tells series apart, where it lies, how it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from liverview.core.study import StudyFacts
from liverview.files.dicom.places.sources import DicomSource


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SliceHeader:
    """What is read of a DICOM image without its pixels; lengths are mm, places LPS.

    Attributes
    ----------
    source : the file.
    transfer_syntax, sop_class, sop_instance, frame_of_reference : UIDs.
    study : of patient, study and series; shared between the images of one series.
    instance_number, acquisition_number, temporal_position : None where they are missing.
    acquisition_time, content_time, image_type : as stored.
    rows, columns, frames, samples : of the pixels; 0 rows where there are none.
    bits_allocated, bits_stored, signed, photometric : of the pixels.
    position : of the center of the first pixel; None where it is missing or no number.
    orientation : of a row, and of a column: direction cosines; None in the same way.
    pixel_spacing : between rows, between columns; None in the same way.
    thickness, spacing_between, gantry_tilt : as stored (mm, mm, degrees); None where missing.
    slope, intercept : from stored values to HU.
    padding : lowest and highest stored value of pixels outside of the scan; None where not given.
    window : center and width; None where missing.
    pixel_start : where the pixel data's value begins in the file, of a deflated one as if its data
        set were stored inflated; -1 where there is none.
    pixel_bytes : its length; -1 where it is undefined, as in compressed files.
    shift : bits below the lowest one that pixels are stored in.
    kilovolts : of the tube; None where missing.
    """

    source: DicomSource
    transfer_syntax: str
    sop_class: str
    sop_instance: str
    frame_of_reference: str
    study: StudyFacts
    instance_number: int | None
    acquisition_number: int | None
    temporal_position: int | None
    acquisition_time: str
    content_time: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric: str
    position: tuple[float, float, float] | None
    orientation: tuple[float, float, float, float, float, float] | None
    pixel_spacing: tuple[float, float] | None
    thickness: float | None
    spacing_between: float | None
    gantry_tilt: float | None
    slope: float
    intercept: float
    padding: tuple[int, int] | None
    window: tuple[float, float] | None
    pixel_start: int
    pixel_bytes: int
    shift: int = 0
    kilovolts: float | None = None
