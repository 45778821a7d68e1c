"""What is known of labels beside their voxels, as steps of the history keep it."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.edited_volume import edited_content, read_edited
from liverview.core.labels import Label
from liverview.core.review import LesionMark, Verdict
from liverview.core.source_grid import SourceGrid
from liverview.core.volume import LabelMap
from liverview.editing.hand_edits import HandEdits
from liverview.files.candidate_record import candidates_content, read_candidates
from liverview.ui.state.label_changes import LabelSource

_WITH_PATIENT = "DICOM"
"""The format whose headers have the patient's name."""
About = dict[str, Any]
"""The fields of a label map but its voxels; a mask of ignored voxels is packed."""


@dataclass(frozen=True, eq=False, slots=True)
class LabelFacts:
    """What a label store knows of its labels, to come back with them.

    Attributes
    ----------
    version, result, label_bbox, has_labels, source : as those of `LabelStore`.
    counts : voxels of each label, by value.
    about : the label map's fields but its voxels; the same dict as long as they are the same.
    hand : what was edited by hand, where the result may be another one; else it follows from the
        voxels that change.
    """

    version: int
    result: int
    counts: NDArray[np.int64]
    label_bbox: Box | None
    has_labels: bool
    source: LabelSource
    about: About
    hand: HandEdits | None = None


class PackedMask(NamedTuple):
    """A mask, (i, j, k) bool, packed."""

    shape: tuple[int, int, int]
    packed: bytes

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> PackedMask:
        i, j, k = mask.shape
        return cls((i, j, k), zlib.compress(np.packbits(mask.ravel(order="F")).tobytes(), 1))

    def unpack(self) -> NDArray[np.bool_]:
        """The mask, on memory of its own."""
        size = int(np.prod(self.shape))
        raw = zlib.decompressobj().decompress(self.packed, size // 8 + 1)
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=size)
        return bits.view(bool).reshape(self.shape, order="F")


def about_of(labels: LabelMap) -> About:
    """The fields of a label map but its voxels."""
    about = {one.name: getattr(labels, one.name) for one in fields(labels) if one.name != "voxels"}
    if labels.ignored is not None:
        about["ignored"] = PackedMask.of(labels.ignored)
    return about


def is_about(about: About, labels: LabelMap) -> bool:
    """Whether these are a label map's fields; masks are not looked into."""
    return (
        all(
            value is getattr(labels, name)
            for name, value in about.items()
            if name not in ("ignored", "partial")
        )
        and about["partial"] == labels.partial
    )


def with_about(voxels: NDArray[np.uint8], about: About) -> LabelMap:
    """The label map of voxels and these fields."""
    ignored = about["ignored"]
    given = {**about, "ignored": None if ignored is None else ignored.unpack()}
    return LabelMap(voxels=voxels, **given)


# ---- as JSON -----------------------------------------------------------------------------------


def abouts_to_json(abouts: Sequence[About]) -> list[dict[str, Any]]:
    """Fields of label maps, of texts, numbers, lists and dicts.

    Candidates, which many have in common, are written once: others have the number of the first.
    """
    first: dict[int, int] = {}
    items = []
    for number, about in enumerate(abouts):
        owner = first.setdefault(id(about["candidates"]), number)
        write = {**_FIELDS, "candidates": _FIELDS["candidates"] if owner == number else _NUMBER}
        content = {**about, "candidates": about["candidates"] if owner == number else owner}
        items.append({name: write[name][0](value) for name, value in content.items()})
    return items


def abouts_from_json(items: Sequence[Mapping[str, Any]]) -> list[About]:
    """What `abouts_to_json` has written; raises what a wrong type, key or number raises."""
    abouts: list[About] = []
    for item in items:
        known = {**_SINCE, **item}  # an older version has not written all of it
        owner = known["candidates"]
        if isinstance(owner, int):
            known["candidates"] = []
        about = {name: read(known[name]) for name, (_, read) in _FIELDS.items()}
        if isinstance(owner, int):
            about["candidates"] = abouts[owner]["candidates"]
        abouts.append(about)
    return abouts


def marks_to_json(marks: tuple[LesionMark, ...]) -> list[Any]:
    """Marks, to the bit."""
    return [
        [mark.verdict.value, mark.reason, mark.start, mark.voxels.shape,
         *(_text(zlib.compress(voxels.tobytes(order="F"), 1))
           for voxels in (mark.voxels, mark.otherwise) if voxels is not None)]
        for mark in marks
    ]  # fmt: skip


def marks_from_json(items: list[Any]) -> tuple[LesionMark, ...]:
    """What `marks_to_json` has written; raises what a wrong type or key raises."""
    marks = []
    for verdict, reason, (i, j, k), shape, *texts in items:
        size = int(np.prod(shape))
        voxels, *more = (
            np.frombuffer(
                zlib.decompressobj().decompress(b64decode(text), size + 1), np.uint8
            ).reshape(shape, order="F")
            for text in texts
        )
        start, otherwise = (int(i), int(j), int(k)), more[0] if more else None
        marks.append(LesionMark(Verdict(verdict), str(reason), start, voxels, otherwise))
    return tuple(marks)


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _grid_to_json(grid: SourceGrid | None) -> Any:
    """A grid for journals and sessions; of DICOM without its header, which says whose it is.

    Labels are saved on the grid of their scan, which has it.
    """
    if grid is None:
        return None
    if grid.format == _WITH_PATIENT:
        grid = SourceGrid(grid.shape, grid.orientation)
    return {
        "shape": grid.shape,
        "orientation": np.asarray(grid.orientation).tolist(),
        "format": grid.format,
        "header": _text(grid.header),
        "repaired": grid.repaired,
        "unit_mm": grid.unit_mm,
        "extensions": [[code, _text(content)] for code, content in grid.extensions],
        "itk_affine": None if grid.itk_affine is None else grid.itk_affine.tolist(),
    }


def _grid_from_json(item: Any) -> SourceGrid | None:
    if item is None:
        return None
    i, j, k = item["shape"]
    affine = item["itk_affine"]
    return SourceGrid(
        (i, j, k),
        np.array(item["orientation"]),
        item["format"],
        b64decode(item["header"]),
        item["repaired"],
        item["unit_mm"],
        tuple((int(code), b64decode(content)) for code, content in item["extensions"]),
        None if affine is None else np.array(affine, np.float64),
    )


def _mask_to_json(mask: PackedMask | None) -> Any:
    return None if mask is None else [mask.shape, _text(mask.packed)]


def _mask_from_json(item: Any) -> PackedMask | None:
    if item is None:
        return None
    (i, j, k), text = item
    mask = PackedMask((i, j, k), b64decode(text))
    mask.unpack()  # raises where it cannot be
    return mask


def _defined_to_json(defined: frozenset[Label] | None) -> Any:
    return None if defined is None else sorted(int(label) for label in defined)


def _defined_from_json(item: Any) -> frozenset[Label] | None:
    return None if item is None else frozenset(Label(value) for value in item)


def _affine_from_json(item: Any) -> NDArray[np.float64]:
    affine = np.array(item, np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise ValueError("the affine cannot be")
    return affine


def _certainty_from_json(item: Any) -> float | None:
    return None if item is None else float(item)


_NUMBER = (int, int)
_SINCE: dict[str, Any] = {"candidates": [], "least_certainty": None}
_FIELDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "affine": (lambda affine: affine.tolist(), _affine_from_json),
    "name": (str, str),
    "source": (_grid_to_json, _grid_from_json),
    "warnings": (list, tuple),
    "partial": (bool, bool),
    "defined": (_defined_to_json, _defined_from_json),
    "ignored": (_mask_to_json, _mask_from_json),
    "made_by": (str, str),
    "marks": (marks_to_json, marks_from_json),
    "edited": (edited_content, read_edited),
    "candidates": (candidates_content, read_candidates),
    "least_certainty": (_certainty_from_json, _certainty_from_json),
}
