"""Reading MetaImage: scans and label maps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from liverview.core.coding import meaning_from_name
from liverview.core.labels import FOREGROUND
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.format import StoredVolume, Summary
from liverview.files.metaimage.header import FORMAT, joined_field, parse_fields, read_header
from liverview.files.review_record import Review, parse_review
from liverview.files.voxel_header import iter_read_header, iter_read_header_stored

NAME, COLOR, REVIEW, PARTIAL = "LabelName_", "LabelColor_", "LabelReview_", "LabelsPartial"


def read_summary(path: Path) -> Summary:
    """Read the header only.

    Raises
    ------
    ImageFileError : as `iter_read` does for whatever the header shows.
    """
    return read_header(path).summary


def iter_read(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read one volume; yields progress, then the volume as the last value.

    Raises
    ------
    ImageFileError : one sentence, for anything that is not a usable volume.
    """
    yield from iter_read_header(read_header(path), index)


def iter_read_stored(path: Path) -> Iterator[Progress | StoredVolume]:
    """Read a label map; yields progress, and every volume as it is stored.

    Raises
    ------
    ImageFileError : one sentence, for anything that cannot be read.
    """
    yield from iter_read_header_stored(read_header(path))


def label_names(source: SourceGrid) -> tuple[dict[int, str], str]:
    """Names of values by fields that liverview writes, and that ITK keeps."""
    found: dict[int, str] = {}
    fields = parse_fields(source.header)
    for key, name in fields.items():
        if parts := re.fullmatch(NAME + r"(\d{1,5})", key):
            found[int(parts[1])] = name
    if (
        PARTIAL in fields and len(found) > 1
    ):  # a whole map of liverview's, whatever a person calls its labels
        own = {int(label): label.name.lower() for label in FOREGROUND}
        found |= {n: own[n] for n in own.keys() & found if meaning_from_name(found[n]) is None}
    return found, "the fields of its header"


def volume_names(source: SourceGrid) -> dict[int, str]:
    """None: the format has no place for them."""
    return {}


def label_review(volume: StoredVolume) -> Review | None:
    """What a header says of the label map that it is; None where it is not liverview's."""
    fields = parse_fields(volume.source.header) if volume.source.format == FORMAT else {}
    content = joined_field(fields, REVIEW)
    if content:
        return parse_review(content, volume)
    return Review(partial=fields[PARTIAL] == "True") if PARTIAL in fields else None
