"""Reports as DICOM structured reports: TID 1500, with the figures of report and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverview.core.about import DISCLAIMER, __version__
from liverview.core.labels import FOREGROUND
from liverview.core.stream import Progress, iter_to_result
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic import TargetError, atomic_write
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.writing.evidence import dicom_header, evidence_of, template_of
from liverview.files.dicom.writing.targets import check_file_target
from liverview.measurement.compute import iter_measure
from liverview.measurement.results import Measurement
from liverview.report.segment_references import SegmentReferences, read_segment_references

if TYPE_CHECKING:
    from liverview.report.structured_content import ReportContent

PHASE = "Writing the structured report"
_SERIES_NUMBER = 9601  # of a series of its own, beyond those that scanners count
_DESCRIPTION = "liverview measurements, research use only"


def iter_write_structured_report(
    path: Path,
    volume: Volume,
    labels: LabelMap,
    *,
    segmentation: Path | None = None,
    measurement: Measurement | None = None,
    overwrite: bool = False,
) -> Iterator[Progress]:
    """Write the figures of a case as a DICOM structured report, whole or not at all.

    The figures are those of `measurement_figures`, rounded as there. It says the liver's volume
    with its vessels and tumors, the volume of each other label, tumor burden, the sum of the
    longest diameters of RECIST 1.1's target lesions or candidates, and of each lesion its volume,
    longest and perpendicular diameter, HU and what a person said of it; lesions that are ruled out
    are said to be so. Each has a tracking UID, see `lesion_tracking_uids`. It is read back and
    compared before it takes its name.

    Parameters
    ----------
    volume : a scan that was opened as DICOM.
    labels : on its grid.
    segmentation : the DICOM segmentation of these labels, to whose segments the figures refer;
        without one they refer to the images of the scan.
    measurement : of these labels, where it is there already.

    Raises
    ------
    ImageFileError : where the scan was no DICOM series, or the segmentation is not one of it.
    GridMismatchError : where volume and labels lie on different grids.
    TargetError : where the file cannot be written.
    """
    header = dicom_header(volume, "A structured report")
    check_file_target(path, overwrite=overwrite)
    template = template_of(header)
    segments = None
    if segmentation is not None:
        segments = read_segment_references(segmentation, str(template.SeriesInstanceUID))
    found = measurement or (yield from iter_to_result(iter_measure(labels, volume), Measurement))
    yield Progress(PHASE, 0.0)
    # highdicom takes half a second to import: only who writes a report waits for it.
    from liverview.report.structured_content import ReportContent

    with quiet_pydicom():
        images = evidence_of(header, template)
        content = ReportContent(volume, labels, found, header, template, segments)
        document = _make_document(content.compose_frame(), images, segments)
    yield from _iter_add_groups(document, content, found)
    with atomic_write(path) as temporary:
        with quiet_pydicom():
            document.save_as(temporary, enforce_file_format=True)
        yield Progress(PHASE, 0.8)
        yield from _iter_check_written(path, temporary, document)
    yield Progress(PHASE, 1.0)


def _iter_add_groups(
    document: Any, content: ReportContent, found: Measurement
) -> Iterator[Progress]:
    """Put the groups into a document: highdicom would copy and search all that it is given."""
    from highdicom.sr import ContentSequence

    groups = content.iter_groups()
    count = len(FOREGROUND) + len(found.lesions) + len(found.ruled_out)
    container = document.ContentSequence[-1]
    container.ContentSequence = ContentSequence()
    for number in range(count):
        with quiet_pydicom():
            group = next(groups, None)
            if group is not None:
                container.ContentSequence.extend(group)
        yield Progress(PHASE, 0.5 * number / count)


def _make_document(content: Any, images: list[Any], segments: SegmentReferences | None) -> Any:
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import ComprehensiveSR
    from pydicom.uid import generate_uid

    from liverview.report.structured_codes import PRIVATE_SCHEME

    return ComprehensiveSR(
        evidence=[*images, *([segments.data] if segments else [])],
        content=content[0],
        series_instance_uid=generate_uid(prefix=None),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer="liverview",
        manufacturer_model_name="liverview",
        software_versions=__version__,
        device_serial_number="0",
        series_description=_DESCRIPTION,
        is_complete=True,
        specific_character_set="ISO_IR 192",
        coding_schemes=[
            CodingSchemeIdentificationItem(
                PRIVATE_SCHEME,
                name=f"liverview. {DISCLAIMER}",
                responsible_organization="liverview",
            )
        ],
    )


def _iter_check_written(path: Path, temporary: Path, document: Any) -> Iterator[Progress]:
    """Compare what was written, group by group: nested items are parsed as they are looked at."""
    import pydicom

    with quiet_pydicom():
        written, wanted = _parts_of(pydicom.dcmread(temporary)), _parts_of(document)
    same = len(written) == len(wanted)
    for found, part in zip(written, wanted, strict=False):
        with quiet_pydicom():
            same = same and found == part
        yield Progress(PHASE, 0.9)
    if not same:
        raise TargetError(f"{path} could not be saved: what was written reads back otherwise.")


def _parts_of(document: Any) -> list[Any]:
    """The items of a tree, and in place of the last one, the container of groups, its groups."""
    *items, container = document.ContentSequence
    return [*items, *container.ContentSequence]
