"""Key images as DICOM secondary captures: one for each lesion, referring to its slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from liverview.core.about import DISCLAIMER, __version__
from liverview.core.display_window import default_window
from liverview.core.labels import Label, LabelStyle, default_styles
from liverview.core.stream import Progress, iter_to_result
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic_folder import atomic_folder
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.series.source_header import SeriesHeader, SourceSlice
from liverview.files.dicom.writing.evidence import dicom_header, evidence_of, template_of
from liverview.files.dicom.writing.targets import check_keeps_scan
from liverview.measurement.compute import iter_measure
from liverview.measurement.results import Lesion, Measurement
from liverview.report.key_images import LesionPicture, picture_lesion

PHASE = "Writing key images"
_SERIES_NUMBER = 9602  # of a series of its own, beyond those that scanners count
_DESCRIPTION = "liverview key images, research use only"


def iter_write_key_images(
    folder: Path,
    volume: Volume,
    labels: LabelMap,
    *,
    styles: Mapping[Label, LabelStyle] | None = None,
    window: tuple[float, float] | None = None,
    measurement: Measurement | None = None,
    overwrite: bool = False,
) -> Iterator[Progress]:
    """Write a picture of each lesion as a DICOM image, into a folder.

    The picture is that of the report: the axial slice of the longest diameter in the given window,
    with the labels, both diameters and their lengths, and that it is for research alone. Files are
    lesion_01.dcm and so on, by the lesions' numbers, one series of the scan's study. The folder
    appears whole or not at all; where there are no lesions, it is empty.

    Parameters
    ----------
    volume : a scan that was opened as DICOM.
    styles : names and colors of labels.
    window : level and width in HU; without, those for an abdomen.
    measurement : of these labels, where it is there already.

    Raises
    ------
    ImageFileError : where the scan was no DICOM series.
    GridMismatchError : where volume and labels lie on different grids.
    TargetError : where the folder may not be replaced, or cannot be written.
    """
    from liverview.files.dicom.writing.series_writing import check_series_target

    header = dicom_header(volume, "A key image")
    check_series_target(folder, overwrite=overwrite)
    check_keeps_scan(folder, {each.sop_instance for each in header.slices})
    found = measurement or (yield from iter_to_result(iter_measure(labels, volume), Measurement))
    level, width = window or default_window(volume)
    template = template_of(header)
    with atomic_folder(folder) as filled:
        series: dict[str, Any] = {}
        for number, lesion in enumerate(found.lesions):
            yield Progress(PHASE, number / len(found.lesions))
            picture = picture_lesion(
                volume, labels, found, lesion, styles or default_styles(), (level, width),
                DISCLAIMER,
            )  # fmt: skip
            sources = _slices_of(lesion, volume, header)
            with quiet_pydicom():
                image = _make_image(picture, lesion, header, template, sources, series)
                path = filled / f"lesion_{lesion.number:02d}.dcm"
                image.save_as(path, enforce_file_format=True)
    yield Progress(PHASE, 1.0)


def _slices_of(lesion: Lesion, volume: Volume, header: SeriesHeader) -> list[SourceSlice]:
    """The slice that the picture shows; of scans that are not axial, all that the lesion is in."""
    source = volume.source
    assert source is not None
    axis, direction = (int(value) for value in source.orientation[2])
    if axis == 2:
        places = range(lesion.axial_slice, lesion.axial_slice + 1)
    else:
        places = range(lesion.start[axis], lesion.start[axis] + lesion.mask.shape[axis])
    if direction < 0:
        last = source.shape[2] - 1
        places = range(last - places.stop + 1, last - places.start + 1)
    return [each for each in header.slices if each.place in places]


def _make_image(
    picture: LesionPicture,
    lesion: Lesion,
    header: SeriesHeader,
    template: Any,
    sources: Sequence[SourceSlice],
    series: dict[str, Any],
) -> Any:
    """The image; ``series`` keeps what all of them share."""
    from highdicom.sc import SCImage
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    from liverview.files.dicom.writing.series_elements import IMPLEMENTATION_UID

    series.setdefault("series_instance_uid", generate_uid(prefix=None))
    reference = evidence_of(header, template)[0]
    image = SCImage.from_ref_dataset(
        reference,
        picture.pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=lesion.number,
        manufacturer="liverview",
        manufacturer_model_name="liverview",
        software_versions=__version__,
        series_description=_DESCRIPTION,
        pixel_spacing=(picture.spacing_mm, picture.spacing_mm),
        patient_orientation=("L", "P"),
        specific_character_set="ISO_IR 192",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **series,
    )
    image.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
    image.ConversionType, image.BodyPartExamined = "WSD", "LIVER"
    image.BurnedInAnnotation = "NO"  # what is burned in says nothing of whose picture it is
    image.ImageComments = (
        f"Lesion {lesion.number}: longest diameter {lesion.longest_mm:.1f} mm, perpendicular "
        f"{lesion.perpendicular.length_mm:.1f} mm. {DISCLAIMER}"
    )
    image.SourceImageSequence = [_reference_to(each) for each in sources]
    return image


def _reference_to(source: SourceSlice) -> Any:
    from pydicom.dataset import Dataset

    item, purpose = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source[1], source[2]
    if source.frame:
        item.ReferencedFrameNumber = source.frame
    purpose.CodeValue, purpose.CodingSchemeDesignator = "121322", "DCM"
    purpose.CodeMeaning = "Source image for image processing operation"
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item
