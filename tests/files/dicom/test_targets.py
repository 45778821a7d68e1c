"""The scan itself is never replaced by what is made of it, whatever a person allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from liverview.cli.main import main
from liverview.core.labels import Label, default_styles
from liverview.core.stream import drain
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.atomic import TargetError
from liverview.files.dicom.deidentification.copying import iter_write_deidentified
from liverview.files.dicom.places.listing import Listing, iter_list
from liverview.files.dicom.segmentations.label_writing import iter_write_labels
from liverview.files.dicom.writing.series_writing import iter_write_series
from liverview.report.key_image_files import iter_write_key_images
from liverview.report.structured_report import iter_write_structured_report

from support.dicom_series import pattern, write_series


def case_of(folder: Path) -> tuple[Volume, LabelMap]:
    volume = images.read(folder)
    voxels = np.zeros(volume.shape, np.uint8)
    voxels[2:8, 2:8, 1:4] = Label.LIVER
    return volume, LabelMap(voxels, volume.affine, "labels", volume.source)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A series as scanners write them."""
    write_series(tmp_path / "series", pattern(12, 10, 5))
    return tmp_path / "series"


@pytest.fixture
def copy(series: Path, tmp_path: Path) -> Path:
    """A series that liverview wrote, and would replace."""
    drain(iter_write_series(tmp_path / "copy", images.read(series), overwrite=False))
    return tmp_path / "copy"


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_segmentation(path: Path, case: tuple[Volume, LabelMap]) -> Iterator[object]:
    table = {int(label): style for label, style in default_styles().items()}
    return iter_write_labels(path, case[1], table, overwrite=True)


def write_report(path: Path, case: tuple[Volume, LabelMap]) -> Iterator[object]:
    return iter_write_structured_report(path, *case, overwrite=True)


@pytest.mark.parametrize("write", [write_segmentation, write_report])
def test_a_slice_is_no_target_of_a_segmentation_or_report(
    write: Callable[..., Iterator[object]], series: Path, tmp_path: Path
) -> None:
    before, case = content_of(series), case_of(series)
    with pytest.raises(TargetError, match="is an image of a scan: choose another name"):
        drain(write(next(series.iterdir()), case))
    link = tmp_path / "link.dcm"
    link.symlink_to(next(series.iterdir()))
    with pytest.raises(TargetError, match="is an image of a scan"):
        drain(write(link, case))
    assert content_of(series) == before
    drain(write(tmp_path / "result.dcm", case))
    first = pydicom.dcmread(tmp_path / "result.dcm").SOPInstanceUID
    drain(write(tmp_path / "result.dcm", case))
    assert pydicom.dcmread(tmp_path / "result.dcm").SOPInstanceUID != first


def test_the_command_line_refuses_before_it_segments(
    series: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = next(series.iterdir()).rename(series / "IM1.dcm")
    before = content_of(series)
    assert main(["segment", str(series), "-o", str(target), "--overwrite"]) != 0
    assert "is an image of a scan" in capsys.readouterr().err
    assert content_of(series) == before


def test_a_series_is_not_replaced_by_what_is_made_of_it(copy: Path) -> None:
    before, case = content_of(copy), case_of(copy)
    (listing,) = [item for item in iter_list([copy]) if isinstance(item, Listing)][-1:]
    for work in (
        iter_write_series(copy, case[0], overwrite=True),
        iter_write_key_images(copy, *case, overwrite=True),
        iter_write_deidentified(listing.volumes[0], copy, overwrite=True),
    ):
        with pytest.raises(TargetError, match=r"copy holds the scan itself, such as CT0001\.dcm"):
            drain(work)
    assert content_of(copy) == before
