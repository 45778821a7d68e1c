"""The sheet of lesions, with real scans under them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from liverview.core.stream import result_of
from liverview.core.volume import Volume
from liverview.files import images
from liverview.phantoms import lesion_sheet
from liverview.phantoms.body import Body
from liverview.phantoms.lesion_sheet import iter_lesion_sheet
from liverview.phantoms.subject import Subject
from liverview.phantoms.vessels import Tree

_SIDE = 160
_RED = (255, 64, 64)


@pytest.fixture
def one_body(body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing two bodies takes most of the time."""
    subject = Subject(body, Tree.empty(), Tree.empty())
    monkeypatch.setattr(lesion_sheet, "draw_subject", lambda draw: subject)


def write_scan(folder: Path, tumor: bool) -> Path:
    """A liver of 100 HU with a dark tumor in it, left of the image's middle for the patient."""
    folder.mkdir()
    affine = np.diag([1.0, 1.0, 5.0, 1.0])
    hu, values = np.full((90, 80, 6), 100, np.int16), np.full((90, 80, 6), 4, np.uint8)
    if tumor:
        hu[20:32, 30:42, 2:4], values[20:32, 30:42, 2:4] = 40, 3
    images.write_volume(folder / "ct.nii.gz", Volume(hu, affine))
    images.write_volume(folder / "liver.nii.gz", Volume(values.astype(np.int16), affine))
    return folder


def tiles_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(rows, columns, _SIDE, _SIDE, 3)."""
    rows, columns = (n // _SIDE for n in picture.shape[:2])
    return picture.reshape(rows, _SIDE, columns, _SIDE, 3).swapaxes(1, 2)


@pytest.mark.usefixtures("one_body")
def test_all_lesions_but_the_patch_are_outlined_and_a_real_scan_lies_below(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "scan", tumor=True)
    picture = result_of(iter_lesion_sheet(1, [scan]), np.ndarray)
    tiles = tiles_of(picture)
    assert tiles.shape[:2] == (6, 6)
    red = (tiles == _RED).all(axis=-1).sum(axis=(2, 3))
    assert not red[::2].any()  # plain rows
    outlined = [*red[1], *red[3]]
    names = list(lesion_sheet.LOOKS)
    assert all((count > 0) == (names[n] != "patch, no lesion") for n, count in enumerate(outlined))
    below = tiles[4, 0, :, :, 0]
    assert red[5, 0] > 0
    assert not red[5, 1:].any()
    assert below[80, 80] < 80  # the tumor, 60 HU darker, is in the middle
    # The image ends 25 mm to the patient's left of it, which is the picture's right.
    assert below[:, -1].max() == 0
    assert below[80, 0] > 100


@pytest.mark.usefixtures("one_body")
def test_a_scan_without_a_tumor_is_named(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "healthy", tumor=False)
    with pytest.raises(ValueError, match=r"healthy.*shows no tumor"):
        result_of(iter_lesion_sheet(1, [scan]), np.ndarray)
