"""What a volume keeps of its DICOM series: a template of its headers, and its slices."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.series.geometry import SliceGrid
from liverview.files.dicom.series.multiframe import StackSlice, damage_told, read_data_set
from liverview.files.dicom.series.source_header import SeriesHeader, SourceSlice

_LARGEST = 4096  # bytes of an element that is kept
_MOST_ITEMS = 32  # of a sequence that is kept
_PER_FRAME = 0x52009230
_PIXELS = 0x7FE0
_DATA_GROUP = 8  # below it are those of messages, files and directories of discs


@dataclass(frozen=True, repr=False)
class Template:
    """The data set of a slice, but for its pixels and private and large elements.

    Attributes
    ----------
    data : a DICOM file, explicit VR, little endian.
    warnings : what a person should know of how the pixels were stored.
    """

    data: bytes
    warnings: tuple[str, ...]


def read_template(header: SliceHeader) -> Template:
    """The template of a file.

    Raises
    ------
    ImageFileError : where its header cannot be read.
    """
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    data = read_data_set(header)
    with damage_told(header):
        kept = Dataset()
        for element in _iter_kept(data):
            kept.add(element)
        _name_nameless(kept, header.sop_instance)
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = UID(header.sop_class)
        meta.MediaStorageSOPInstanceUID = UID(header.sop_instance)
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file = io.BytesIO()
        FileDataset(None, kept, b"\0" * 128, meta).save_as(file, enforce_file_format=True)
        lossy = str(kept.get("LossyImageCompression", "")) == "01"
    told = "Its pixels were compressed with loss: HU are not exact."
    return Template(file.getvalue(), (told,) if lossy else ())


def _name_nameless(kept: Any, instance: str) -> None:
    """Give a study, series or frame of reference without a UID one, always the same.

    What is made of the series has to be of one study in a PACS, and to lie in one place.
    """
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        if not kept.get(keyword):
            name = uuid.uuid5(uuid.NAMESPACE_OID, f"{instance} {keyword}")
            setattr(kept, keyword, f"2.25.{name.int}")


def _iter_kept(data: Any) -> Iterator[Any]:
    """The elements that a template keeps; what cannot be written again is left out."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_data_element

    for tag in list(data.keys()):
        other = tag.group < _DATA_GROUP or tag.group == _PIXELS
        if tag.is_private or other or tag.element == 0 or tag == _PER_FRAME:
            continue
        target = DicomBytesIO()
        target.is_little_endian, target.is_implicit_VR = True, False
        try:
            element = data[tag]
            if element.VR == "SQ" and len(element.value) > _MOST_ITEMS:
                continue
            if element.VR == "SQ":
                for item in element.value:
                    item.remove_private_tags()
            write_data_element(target, element)
        # What pydicom raises on values that cannot be has no common base.
        except (ValueError, TypeError, LookupError, AttributeError, NotImplementedError, OSError):
            continue
        if target.tell() <= _LARGEST:
            yield element


def series_header(slices: Sequence[StackSlice], grid: SliceGrid, template: bytes) -> SeriesHeader:
    """What `SourceGrid.header` holds for slices on a grid."""
    places = np.rint(grid.places).astype(int).tolist()
    return SeriesHeader(
        template,
        tuple(tuple(row) for row in grid.affine.tolist()),
        tuple(
            SourceSlice(place, each.file.sop_class, each.file.sop_instance, each.frame)
            for place, each in zip(places, slices, strict=True)
        ),
    )
