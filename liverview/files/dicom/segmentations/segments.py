"""The segments that a label map is written as: which voxels each has, and how it is described."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.about import __version__
from liverview.core.box import Box
from liverview.core.edited_volume import EditedVolume
from liverview.core.labels import (
    FOREGROUND,
    SMALLEST_LESION_ML,
    Label,
    LabelStyle,
    label_entry,
    label_mask,
    label_parent,
    label_parts,
)
from liverview.core.orientation import turn_from_ras
from liverview.core.terms import Term, label_terms
from liverview.core.volume import LabelMap
from liverview.files.dicom.segmentations.segmentation_record import IGNORED, name_of
from liverview.files.dicom.segmentations.tracking import lesion_tracking_uids
from liverview.files.dicom.writing.evidence import series_uid_of
from liverview.files.sidefiles.weights import weights_sha256

_IGNORED_VALUE = 255
_CATEGORY = Term("49755003", "Morphologically Altered Structure")
_WHOLE = 0.5  # of a voxel, by which volumes in mL may differ for being rounded


@dataclass(frozen=True, eq=False)
class Segment:
    """A segment to be written.

    Attributes
    ----------
    number : from 1.
    label : that it is of; None for voxels that nobody judged.
    style : name and color.
    array : (columns, rows, slices) along the stored axes: labels, or numbers of lesions.
    lesion : its value in ``array``; -1 for a label's.
    whole : a label has its parts, too.
    tracking_uid : of a lesion, see `lesion_tracking_uids`; empty for others.
    """

    number: int
    label: Label | None
    style: LabelStyle
    array: NDArray[Any]
    lesion: int = -1
    whole: bool = True
    tracking_uid: str = ""

    @property
    def record_name(self) -> str:
        """Its label in the record of the file."""
        return IGNORED if self.label is None else name_of(self.label)

    def frame(self, place: int) -> NDArray[np.bool_]:
        """The mask of a slice, (rows, columns)."""
        values = self.array[:, :, place].T
        wanted = self.lesion if self.lesion >= 0 else self.label or _IGNORED_VALUE
        if self.whole and self.lesion < 0 and self.label is not None:
            return label_mask(values, self.label)
        mask: NDArray[np.bool_] = values == wanted
        return mask


def plan_segments(
    labels: LabelMap, table: Mapping[int, LabelStyle], *, whole: bool, per_lesion: bool
) -> tuple[Segment, ...]:
    """The segments of a label map, in the order of its labels.

    Parameters
    ----------
    table : styles by value; values that it lacks have no segment.
    whole : a label has its parts, as the liver its vessels and tumors; else they do not overlap.
    per_lesion : the tumor is one segment for each lesion, the largest first, as they are numbered
        in measurements, and one more for what is too small to be one.
    """
    assert labels.source is not None
    stored = turn_from_ras(labels.voxels, labels.source.orientation)
    found: list[Segment] = []
    for label in FOREGROUND:
        if int(label) not in table:
            continue
        style = table[int(label)]
        if per_lesion and label is Label.TUMOR:
            found += _iter_lesion_segments(labels, style, len(found) + 1)
        else:
            found.append(Segment(len(found) + 1, label, style, stored, whole=whole))
    if _IGNORED_VALUE in table:
        style = table[_IGNORED_VALUE]
        found.append(Segment(len(found) + 1, None, style, stored, whole=False))
    return tuple(found)


def _iter_lesion_segments(labels: LabelMap, style: LabelStyle, first: int) -> Iterator[Segment]:
    """Lesions are the 26-connected parts that measurements number."""
    from scipy import ndimage

    assert labels.source is not None
    mask = label_mask(labels.voxels, Label.TUMOR)
    box = Box.around(mask)
    numbers = np.zeros(labels.voxels.shape, np.int32, order="F")
    count, small = 0, 0
    tracking: tuple[str, ...] = ("",)
    if box is not None:
        parts, _ = ndimage.label(mask[box].T, np.ones((3, 3, 3), np.bool_))
        sizes = np.bincount(parts.ravel(), minlength=1)
        sizes[0] = 0
        large = np.flatnonzero(sizes * labels.voxel_ml >= SMALLEST_LESION_ML)
        order = large[np.argsort(-sizes[large], kind="stable")]
        small = int(np.count_nonzero(sizes)) - len(order)
        count = len(order)
        number = np.where(sizes > 0, count + 1, 0).astype(np.int32)
        number[order] = np.arange(1, count + 1)
        numbers[box] = number[parts].T
        middles = np.reshape(ndimage.center_of_mass(mask[box].T, parts, order), (-1, 3))
        tracking = (*_track(labels, middles[:, ::-1] + box.start), "")
    stored = turn_from_ras(numbers, labels.source.orientation)
    for lesion in range(1, count + 1 + bool(small)):
        name = f"{style.name} {lesion}" if lesion <= count else f"{style.name}, smaller parts"
        named = LabelStyle(name, style.color)
        uid = tracking[lesion - 1]
        yield Segment(first + lesion - 1, Label.TUMOR, named, stored, lesion, tracking_uid=uid)
    if not count and not small:
        yield Segment(first, Label.TUMOR, style, stored, 1)


def _track(labels: LabelMap, middles: NDArray[np.float64]) -> tuple[str, ...]:
    """Tracking UIDs of lesions with these centroids, (n, 3) in voxels."""
    assert labels.source is not None
    world = middles @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    points = [(float(x), float(y), float(z)) for x, y, z in world]
    return lesion_tracking_uids(series_uid_of(labels.source), points)


# ---- described -------------------------------------------------------------------------------


def describe_segment(segment: Segment, labels: LabelMap) -> Any:
    """The segment's item of the header: codes, color, and how it was made."""
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription

    kind, region = _terms_of(segment.label)
    way = _algorithm_type(segment, labels)
    described = SegmentDescription(
        segment_number=segment.number,
        segment_label=segment.style.name[:64],
        segmented_property_category=_code(kind[0]),
        segmented_property_type=_code(kind[1]),
        algorithm_type=way,
        algorithm_identification=None if way == "MANUAL" else _algorithm(labels),
        anatomic_regions=[_code(region)] if region else None,
        tracking_uid=segment.tracking_uid or None,
        tracking_id=f"Lesion {segment.lesion}" if segment.tracking_uid else None,
        display_color=CIELabColor.from_rgb(*segment.style.color),
    )
    described.SegmentDescription = _words(segment)
    return described


def _words(segment: Segment) -> str:
    if segment.label is None:
        return "Voxels that nobody judged"
    words = label_entry(segment.label).description
    if label_parts(segment.label) and not segment.whole:
        return f"{segment.style.name} without the parts that are segments of their own"
    return words


def _terms_of(label: Label | None) -> tuple[tuple[Term, Term], Term | None]:
    if label is None:
        return (_CATEGORY, Term("", "Not judged")), None
    terms = label_terms(label)
    parent = label_parent(label)
    region = terms.region or (label_terms(parent).type if parent else None)
    return (terms.category, terms.type), region


def _code(term: Term) -> Any:
    from highdicom.sr import CodedConcept

    if not term.code:
        return CodedConcept("NOTJUDGED", "99LIVERVIEW", term.meaning)
    return CodedConcept(term.code, "SCT", term.meaning)


def _algorithm_type(segment: Segment, labels: LabelMap) -> str:
    """MANUAL where all of a label was drawn by hand, SEMIAUTOMATIC where some of it was."""
    if segment.label is None:
        return "MANUAL"
    edited = labels.edited.get(segment.label, EditedVolume())
    if not any(edited):
        return "AUTOMATIC"
    volume_ml = np.count_nonzero(label_mask(labels.voxels, segment.label)) * labels.voxel_ml
    by_hand = edited.added_ml >= volume_ml - _WHOLE * labels.voxel_ml - 1e-6
    return "MANUAL" if by_hand and not edited.removed_ml else "SEMIAUTOMATIC"


def _algorithm(labels: LabelMap) -> Any:
    """The networks: name, version, and SHA-256 of their weights."""
    from highdicom import AlgorithmIdentificationSequence
    from pydicom.sr.codedict import codes

    try:
        made = json.loads(labels.made_by) if labels.made_by else {}
    except ValueError:
        made = {}
    version = str(made.get("software", "")).removeprefix("liverview ") or __version__
    hashes = made.get("weights_sha256") or weights_sha256()
    return AlgorithmIdentificationSequence(
        name="liverview",
        version=version[:64],
        family=codes.cid7162.ArtificialIntelligence,
        source="liverview",
        parameters={f"sha256 {name}": str(value) for name, value in hashes.items()} or None,
    )
