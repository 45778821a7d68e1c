"""Writing a DICOM segmentation, verified, against highdicom alone."""

from __future__ import annotations

import copy
import io
import tempfile
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from measuring import Row, alternating, median
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from liverview.core.labels import default_styles, label_mask
from liverview.core.orientation import find_orientation, ras_affine, turn_to_ras
from liverview.core.source_grid import SourceGrid
from liverview.core.volume import LabelMap
from liverview.files import images as files
from liverview.files.dicom.segmentations.label_writing import iter_write_labels
from liverview.files.dicom.series.source_header import SeriesHeader, SourceSlice

SLICES, SIDE, RUNS = 400, 512, 5
_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def segmentation_rows(labels: Path) -> list[Row]:
    """``labels`` : of a phantom of as many slices."""
    return [segmentation_row(files.read_labels(labels).voxels)]


def segmentation_row(voxels: np.ndarray) -> Row:
    images = series()
    on_series = place(voxels, images)
    stored = on_series.voxels[::-1, ::-1].T  # (slices, rows, columns)
    masks = np.stack([label_mask(stored, label) for label in default_styles()], axis=-1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "seg.dcm"
        ways = {
            "liverview, read back and compared": lambda: write(path, on_series),
            "highdicom alone, the same segments": lambda: by_highdicom(path, images, masks),
            "highdicom alone, segments without their parts": lambda: by_highdicom(
                path, images, stored
            ),
        }
        seconds = alternating(ways, RUNS)
    ours, same, _ = (median(runs) for runs in seconds.values())
    return Row(
        f"write a SEG of {SLICES} slices, verified",
        seconds,
        "within 1.3x of highdicom alone",
        ours <= 1.3 * same,
    )


def write(path: Path, labels: LabelMap) -> None:
    table = {int(label): style for label, style in default_styles().items()}
    for _ in iter_write_labels(path, labels, table, overwrite=True):
        pass


def by_highdicom(path: Path, images: list[Dataset], pixels: np.ndarray) -> None:
    kinds = (codes.SCT.Liver, codes.SCT.BloodVessel, codes.SCT.Neoplasm)
    segments = [
        hd.seg.SegmentDescription(
            number, kind.meaning, codes.SCT.AnatomicalStructure, kind, "MANUAL"
        )
        for number, kind in enumerate(kinds, 1)
    ]
    data = hd.seg.Segmentation(
        source_images=images, pixel_array=pixels, segmentation_type="BINARY",
        segment_descriptions=segments, series_instance_uid=generate_uid(), series_number=1,
        sop_instance_uid=generate_uid(), instance_number=1, manufacturer="x",
        manufacturer_model_name="x", software_versions="1", device_serial_number="1",
    )  # fmt: skip
    data.save_as(path)


def series() -> list[Dataset]:
    """The headers of a series of 1 mm slices."""
    first = Dataset()
    first.file_meta = FileMetaDataset()
    first.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    first.SOPClassUID, first.Modality = CTImageStorage, "CT"
    first.PatientID, first.PatientName, first.PatientSex = "synthetic", "Synthetic^Case", "O"
    for keyword in ("PatientBirthDate", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(first, keyword, "")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(first, keyword, generate_uid())
    first.Rows = first.Columns = SIDE
    first.PixelSpacing, first.SliceThickness = [0.75, 0.75], 1
    first.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    images = []
    for number in range(SLICES):
        image = copy.deepcopy(first)
        image.SOPInstanceUID, image.InstanceNumber = generate_uid(), number + 1
        image.ImagePositionPatient = [-190, -190, number]
        images.append(image)
    return images


def place(voxels: np.ndarray, images: list[Dataset]) -> LabelMap:
    """Labels, RAS+, on the slices of a series."""
    lps = np.diag([0.75, 0.75, 1.0, 1.0])
    lps[:3, 3] = images[0].ImagePositionPatient
    written = io.BytesIO()
    pydicom.dcmwrite(written, images[0], enforce_file_format=True)
    slices = (
        SourceSlice(k, str(i.SOPClassUID), str(i.SOPInstanceUID)) for k, i in enumerate(images)
    )
    header = SeriesHeader(written.getvalue(), tuple(map(tuple, lps.tolist())), tuple(slices))
    affine, shape = _TO_LPS @ lps, (SIDE, SIDE, SLICES)
    orientation = find_orientation(affine)
    stored = np.asfortranarray(voxels[::-1, ::-1])
    source = SourceGrid(shape, orientation, "DICOM", header.encode())
    return LabelMap(
        turn_to_ras(stored, orientation), ras_affine(affine, orientation, shape), "case", source
    )
