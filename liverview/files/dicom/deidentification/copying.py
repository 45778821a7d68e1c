"""De-identified copies of series: the basic profile of DICOM PS3.15, Annex E, and what it keeps."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverview.core.about import __version__
from liverview.core.errors import LiverviewError
from liverview.core.stream import Progress
from liverview.files.atomic_folder import atomic_folder
from liverview.files.dicom.deidentification.burned_in import pixel_warnings
from liverview.files.dicom.deidentification.identity import IdentityRemover
from liverview.files.dicom.deidentification.pseudonyms import Pseudonyms
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.series.series_volume import SeriesVolume
from liverview.files.dicom.writing.series_elements import IMPLEMENTATION_UID
from liverview.files.dicom.writing.series_writing import check_series_target
from liverview.files.dicom.writing.targets import check_keeps_scan
from liverview.files.opening import ImageFileError

PHASE = "Saving a de-identified copy"
_BASIC = ("113100", "Basic Application Confidentiality Profile")
_MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True)
class Kept:
    """What a de-identified copy still has.

    Attributes
    ----------
    files : how many there are.
    patient : the name and number that the patient has in the copy.
    texts : names of the elements with text that were kept, as the standard calls them.
    sentences : what was kept and changed, one sentence each.
    warnings : what a person has to look at before the copy goes anywhere.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.write_series("series", lv.read("ct.nii.gz"))
    >>> kept, = lv.deidentify("series", "copy")
    >>> kept.sentences[-1]
    'Dates and times are removed.'
    """

    files: int
    patient: str
    texts: tuple[str, ...]
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]


def new_key() -> bytes:
    """A secret by which copies that belong together get the same UIDs, names and dates."""
    return secrets.token_bytes(32)


def iter_write_deidentified(
    volume: SeriesVolume,
    folder: Path,
    *,
    overwrite: bool = False,
    keep_intervals: bool = False,
    key: bytes = b"",
) -> Iterator[Progress | Kept]:
    """Write the images of a volume without what says whose they are; `Kept` comes last.

    Files are IM0001.dcm and so on, in the order of the slices, each in the transfer syntax that it
    has; pixel data are the same bytes. Private and unknown elements, curves, overlays, free text,
    names and numbers go, at every depth; UIDs become others, the same in all files; the preamble,
    file meta information and whatever lies behind the data set are not copied. A text that is kept
    goes, too, where it holds a part of the patient's name or numbers. The folder appears whole or
    not at all.

    Parameters
    ----------
    folder : is made; if there is one already, it must be empty, or hold what liverview wrote.
    keep_intervals : dates stay, all moved by one number of days that is the patient's; times of
        day stay. Without, dates and times go.
    key : of copies that belong together, see `new_key`; by default one of its own.

    Raises
    ------
    TargetError : where the folder may not be replaced, or cannot be written.
    ImageFileError : where a file cannot be read, or cannot be written as it has to be.
    """
    check_series_target(folder, overwrite=overwrite)
    check_keeps_scan(folder, {header.sop_instance for header in volume.slices})
    names = Pseudonyms(key or new_key(), volume.study.patient_id)
    remover = IdentityRemover(names, keep_intervals=keep_intervals)
    count, width = len(volume.slices), max(4, len(str(len(volume.slices))))
    warnings: dict[str, None] = {}
    with atomic_folder(folder) as filled:
        for number, header in enumerate(volume.slices):
            yield Progress(PHASE, number / count)
            with quiet_pydicom():
                data = _read(header)
                warnings |= dict.fromkeys(pixel_warnings(data))
                pixels = _pixels_of(data)
                remover.clean(data)
                _mark_deidentified(data, header, keep_intervals)
                _write(filled / f"IM{number + 1:0{width}d}.dcm", data, pixels, header)
    yield Progress(PHASE, 1.0)
    texts = remover.kept_texts
    sentences = tuple(_iter_sentences(names.patient, texts, keep_intervals))
    yield Kept(count, names.patient, texts, sentences, tuple(warnings))


def _read(header: SliceHeader) -> Any:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        data = pydicom.dcmread(io.BytesIO(header.source.read()), force=True)
        _ = data.get("SOPClassUID")
    except (OSError, EOFError, InvalidDicomError, ValueError, NotImplementedError) as error:
        raise ImageFileError(
            f"{header.source.name} cannot be read: leave it out, or copy it again."
        ) from error
    return data


def _pixels_of(data: Any) -> bytes | None:
    for keyword in _PIXELS:
        if keyword in data:
            return bytes(data[keyword].value)
    return None


def _mark_deidentified(data: Any, header: SliceHeader, keep_intervals: bool) -> None:
    """Say in the image what was done, and give it file meta information of its own."""
    from pydicom.dataset import Dataset, FileMetaDataset

    data.PatientIdentityRemoved = "YES"
    data.DeidentificationMethod = [f"liverview {__version__}", "DICOM PS3.15 basic profile"]
    data.LongitudinalTemporalInformationModified = "MODIFIED" if keep_intervals else "REMOVED"
    data.DeidentificationMethodCodeSequence = []
    for value, meaning in (_BASIC, _MODIFIED_DATES)[: 2 if keep_intervals else 1]:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
        data.DeidentificationMethodCodeSequence.append(item)
    data.preamble = bytes(128)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = header.transfer_syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.ImplementationClassUID = IMPLEMENTATION_UID


def _write(path: Path, data: Any, pixels: bytes | None, header: SliceHeader) -> None:
    import pydicom

    try:
        data.save_as(path, enforce_file_format=True)
        written = pydicom.dcmread(path)
    except (ValueError, TypeError, AttributeError, KeyError, NotImplementedError) as error:
        raise ImageFileError(
            f"{header.source.name} cannot be written without its identity: its elements are not "
            "as DICOM has them; leave it out."
        ) from error
    if _pixels_of(written) != pixels:
        raise LiverviewError(f"{header.source.name}: its pixels came back otherwise; try again.")


def _iter_sentences(patient: str, texts: tuple[str, ...], keep_intervals: bool) -> Iterator[str]:
    yield "The pixels are kept, byte for byte, and with them whatever can be recognized in them."
    yield "Geometry, exposure and reconstruction are kept."
    if texts:
        yield f"Texts that are kept: {', '.join(texts)}."
    yield f"The patient is called {patient} in it; UIDs are others, the same in all files."
    if keep_intervals:
        yield "Dates are moved by one number of days: intervals and times of day are kept."
    else:
        yield "Dates and times are removed."
