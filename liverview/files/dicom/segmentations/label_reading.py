"""Reading DICOM label maps: segmentations (SEG), and contours (RTSTRUCT) on a grid."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from liverview.core.grid import Grid
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.dicom.segmentations.segmentation_file import (
    LABEL_MAP_SEGMENTATION,
    SEGMENTATION,
    damage_in_words,
    read_data_set,
    read_segmentation_file,
)
from liverview.files.dicom.segmentations.segmentation_reading import (
    NAMES,
    REVIEW,
    count_volumes,
    iter_read_frames,
    place_frames,
)
from liverview.files.dicom.segmentations.structure_set import (
    STRUCTURE_SET,
    count_structures,
    iter_read_structures,
    structures_grid,
)
from liverview.files.format import StoredVolume, Summary
from liverview.files.opening import ImageFileError
from liverview.files.review_record import Review, parse_review

_SURFACES = "1.2.840.10008.5.1.4.1.1.66.5"
_LABELS = (SEGMENTATION, LABEL_MAP_SEGMENTATION, STRUCTURE_SET)


def holds_labels(path: Path) -> bool:
    """True for a file that is a segmentation or contours; False for whatever cannot be read."""
    try:
        if not path.is_file():
            return False
        with damage_in_words(path):
            from pydicom import dcmread

            head = dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except (ImageFileError, OSError):
        return False
    return str(head.get("SOPClassUID", "")) in (*_LABELS, _SURFACES)


def read_label_summary(path: Path) -> Summary:
    """Read how many volumes a label map is read as, and of how many voxels.

    Raises
    ------
    ImageFileError : where it cannot be read.
    """
    data = _read(path)
    if _is_structure_set(data):
        return Summary(structures_grid(path, data).shape, count_structures(path, data), True)
    file = read_segmentation_file(path, data)
    made_by = file.record.made_by if file.record is not None else ""
    return Summary(place_frames(file, None).shape, count_volumes(file), True, made_by)


def iter_read_stored(path: Path) -> Iterator[Progress | StoredVolume]:
    """Read a label map on its own grid; yields progress, then its volumes.

    Raises
    ------
    ImageFileError : one sentence, for anything that cannot be read.
    """
    yield from iter_read_stored_on(path, None)


def iter_read_stored_on(path: Path, grid: Grid | None) -> Iterator[Progress | StoredVolume]:
    """Read a label map onto the grid of the scan that it is for; yields as `iter_read_stored`.

    Frames that do not lie on that grid come on their own. Contours are filled on it; without it,
    on that of the series that they refer to, where that is in the same folder.
    """
    yield Progress("Reading", 0.0)
    data = _read(path)
    if _is_structure_set(data):
        yield from iter_read_structures(path, data, grid)
    else:
        yield from iter_read_frames(read_segmentation_file(path, data), grid)


def count_volumes_of(path: Path) -> int:
    """How many volumes `iter_read_stored` gives."""
    data = _read(path)
    if _is_structure_set(data):
        return count_structures(path, data)
    return count_volumes(read_segmentation_file(path, data))


def iter_read_values(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read the values of a label map as a volume, for who opens it as if it were a scan."""
    count = 0
    for item in iter_read_stored(path):
        if isinstance(item, Progress):
            yield item
        elif count == index:
            yield Volume(
                item.voxels, item.affine, name=item.name, source=item.source,
                warnings=("It is a label map, no scan.", *item.remarks), in_hu=False,
            )  # fmt: skip
            return
        else:
            count += 1
    raise ImageFileError(
        f"{path} holds {count} volume(s), there is no number {index}: choose 0 to {count - 1}."
    )


def label_names(source: SourceGrid) -> tuple[Mapping[int, str], str]:
    """Names of values by the codes and labels of the segments."""
    values = _kept(source).get("values", {})
    return {int(number): str(name) for number, name in values.items()}, "its segments"


def volume_names(source: SourceGrid) -> Mapping[int, str]:
    """Names of volumes, where segments overlap."""
    return dict(enumerate(_kept(source).get("volumes", ())))


def label_review(volume: StoredVolume) -> Review | None:
    """What a file of liverview's says of its label map; an empty review of any other."""
    found = Review()
    for code, content in volume.source.extensions:
        if code == REVIEW:
            found = parse_review(content, volume)
    return replace(found, remarks=volume.remarks)


def _kept(source: SourceGrid) -> Any:
    for code, content in source.extensions:
        if source.format == "DICOM" and code == NAMES:
            return json.loads(content)
    return {}


def _read(path: Path) -> Any:
    data = read_data_set(path)
    with damage_in_words(path):
        known = str(data.get("SOPClassUID") or "")
    if known not in _LABELS:
        what = "surfaces, no voxels" if known == _SURFACES else "no segmentation and no contours"
        raise ImageFileError(f"{path} holds {what}: choose a DICOM SEG or RTSTRUCT, or export one.")
    return data


def _is_structure_set(data: Any) -> bool:
    return str(data.SOPClassUID) == STRUCTURE_SET
