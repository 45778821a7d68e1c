"""What is said of a label map beside its voxels, as JSON.

That it is partial, marks on lesions, volumes that were edited by hand.

It goes into the label map's own file, into the JSON beside it, and, of a scan, into the window's
settings. Voxels are those in RAS+; the world mm of the first and the last voxel of every mark's box
say whether they are still those of the file at hand.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.edited_volume import EditedVolumes, edited_content, read_edited
from liverview.core.grid import OnGrid
from liverview.core.labels import Label, label_family
from liverview.core.review import LesionMark, Verdict
from liverview.core.volume import LabelMap

PARTIAL_NOTE = "It is partial: its segmentation was stopped, and what is missing was not looked at."
FORMAT = "liverview-review-1"
LARGEST_TEXT = 8 << 20
"""Characters of JSON that are looked at."""

_MOST_MARKS = 1000
_LONGEST_REASON = 500
_NO_LESION = [int(n) for n in Label if n not in label_family(Label.TUMOR)]
_APART = 0.1  # of a voxel, as far as a place may move before it is another one


@dataclass(frozen=True, eq=False)
class Review:
    """What a file says of its label map.

    Attributes
    ----------
    partial : a segmentation that was stopped made it.
    marks : on lesions.
    unread : how many marks were there that cannot be used.
    edited : volumes that were added and removed by hand.
    remarks : what else is to be said of how it was read, one sentence each.
    """

    partial: bool = False
    marks: tuple[LesionMark, ...] = ()
    unread: int = 0
    edited: EditedVolumes = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def note(self) -> str | None:
        """What a person should know of it; None where there is nothing."""
        out = sum(mark.verdict is Verdict.RULED_OUT for mark in self.marks)
        said = []
        if self.partial:
            said.append(PARTIAL_NOTE)
        if out:
            lesions = "1 lesion was" if out == 1 else f"{out} lesions were"
            said.append(f"{lesions} ruled out by a person and left out of it.")
        if self.unread:
            said.append(f"{self.unread} marks on lesions in it do not fit it and were passed over.")
        said += self.remarks
        return " ".join(said) or None


def review_content(labels: LabelMap) -> dict[str, Any]:
    """What is to be kept of a label map; empty where there is nothing."""
    if not labels.partial and not labels.marks and not labels.edited:
        return {}
    return {
        "format": FORMAT,
        "partial": labels.partial,
        **marks_content(labels.marks, labels),
        **({"edited_by_hand": edited_content(labels.edited)} if labels.edited else {}),
    }


def marks_content(marks: Sequence[LesionMark], grid: OnGrid) -> dict[str, Any]:
    """Marks for JSON; the unit is in every key."""
    return {"lesion_marks": [_mark_content(mark, grid) for mark in marks]}


def parse_review(text: str | bytes, grid: OnGrid) -> Review:
    """Read the JSON text of `review_content`; what is no such text says nothing."""
    if len(text) > LARGEST_TEXT:
        return Review()
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return Review()
    return read_review(content, grid)


def read_review(content: Any, grid: OnGrid) -> Review:
    """Read what `review_content` made, for a label map on the same grid."""
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        return Review()
    marks, unread = read_marks(content, grid)
    edited = read_edited(content.get("edited_by_hand"))
    return Review(content.get("partial") is True, marks, unread, edited)


def read_marks(content: Any, grid: OnGrid) -> tuple[tuple[LesionMark, ...], int]:
    """Read what `marks_content` made; also the number of marks that cannot be used."""
    stored = content.get("lesion_marks") if isinstance(content, Mapping) else None
    listed = stored[:_MOST_MARKS] if isinstance(stored, list) else []
    found = []
    room = grid.voxels.size  # in which lesions that do not overlap fit, however many are claimed
    for one in listed:
        try:
            found.append(_read_mark(one, grid, room))
            room -= found[-1].voxels.size
        except (KeyError, TypeError, ValueError, OverflowError, zlib.error):
            continue
    return tuple(found), len(listed) - len(found)


def _mark_content(mark: LesionMark, grid: OnGrid) -> dict[str, Any]:
    last = [stop - 1 for stop in mark.box.stop]
    return {
        "verdict": mark.verdict.value,
        "reason": mark.reason,
        "voxel_count": mark.voxel_count,
        "first_voxel_ras": [int(n) for n in mark.start],
        "last_voxel_ras": [int(n) for n in last],
        "first_mm": _world(grid, mark.start),
        "last_mm": _world(grid, last),
        "labels_zlib_base64": _pack(mark.voxels),
        **({} if mark.otherwise is None else {"otherwise_zlib_base64": _pack(mark.otherwise)}),
    }


def _pack(voxels: NDArray[np.uint8]) -> str:
    packed = zlib.compress(np.asfortranarray(voxels).tobytes(order="F"), 1)
    return b64encode(packed).decode("ascii")


def _world(grid: OnGrid, voxel: Sequence[int]) -> list[float]:
    return [round(float(x), 3) for x in grid.voxel_to_world(voxel)]


def _read_mark(stored: Mapping[str, Any], grid: OnGrid, room: int) -> LesionMark:
    """Read one mark; raises what a wrong type, key or value raises."""
    first = [_whole(n) for n in stored["first_voxel_ras"]]
    last = [_whole(n) for n in stored["last_voxel_ras"]]
    i, j, k = first
    box = Box.from_bounds(first, [n + 1 for n in last])
    whole = Box.of_shape(grid.voxels.shape)
    if min(box.shape) < 1 or box.union(whole) != whole:
        raise ValueError("the box is empty or lies outside of the label map")
    if int(np.prod(box.shape)) > room:
        raise ValueError("the boxes are larger than the label map")
    for name, voxel in (("first_mm", first), ("last_mm", last)):
        apart = np.subtract(_world(grid, voxel), np.asarray(stored[name], np.float64))
        if not np.abs(apart).max() <= _APART * min(grid.spacing):
            raise ValueError("the place is another one")
    voxels = _unpack(stored["labels_zlib_base64"], box)
    if not voxels.any() or not np.isin(voxels, (0, *label_family(Label.TUMOR))).all():
        raise ValueError("the voxels are those of no lesion")
    otherwise = None
    if "otherwise_zlib_base64" in stored:
        otherwise = _unpack(stored["otherwise_zlib_base64"], box)
        if not np.isin(otherwise, _NO_LESION).all():
            raise ValueError("what a lesion would be otherwise is no label, or one of a lesion")
    reason = str(stored["reason"])[:_LONGEST_REASON]
    return LesionMark(Verdict(stored["verdict"]), reason, (i, j, k), voxels, otherwise)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"a whole number is needed, not {value!r:.50}")
    return value


def _unpack(text: str, box: Box) -> NDArray[np.uint8]:
    """The voxels of a mark: as many as its box has."""
    count = int(np.prod(box.shape))
    raw = zlib.decompressobj().decompress(b64decode(text, validate=True), count + 1)
    if len(raw) != count:
        raise ValueError(f"{len(raw)} voxels where the box has {count}")
    return np.frombuffer(raw, np.uint8).reshape(box.shape, order="F").copy(order="F")
