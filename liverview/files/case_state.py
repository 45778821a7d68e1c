"""Everything of an open case beside its voxels, as JSON that is checked when it is read.

Session files and what is kept for after a crash hold it. Names of labels, planes, layouts and
styles are texts here: who puts a state in force passes over those that it does not know.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from liverview.core.about import __version__
from liverview.core.errors import LiverviewError
from liverview.core.grid import Affine, Grid, Voxel
from liverview.files.case_tools import EditingState, StyleState
from liverview.files.checked_json import CheckedEntries

FORMAT = "liverview-case"
VERSION = 1
LARGEST_STATE = 64 << 20
"""Bytes of JSON that are read."""
_NAME = 40  # letters of the name of a label, plane or style
_MOST_LABELS, _MOST_LISTED = 255, 100_000
_SIDE = 1 << 16  # voxels
_FAR = sys.float_info.max


class CaseStateError(LiverviewError):
    """A stored state that cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True)
class ScanState:
    """The scan that a state is of.

    Attributes
    ----------
    path : of its file, absolute; None of a scan that was never a file.
    name : as the window shows it.
    shape, affine : its grid in RAS+; the affine's rows, voxel index -> world mm.
    volume_index : which volume of a file with several, from 0.
    sha256 : of the file, in hexadecimal digits, of a DICOM series that of its voxels
        (`files.voxel_hash`); empty where it was not taken.
    relative : the path from the folder of the session file; None where there is no way.
    series : `StudyFacts.series_key` of a DICOM series, whose path is that of its place; empty for
        other scans.
    """

    path: str | None
    name: str
    shape: Voxel
    affine: tuple[tuple[float, ...], ...]
    volume_index: int = 0
    sha256: str = ""
    relative: str | None = None
    series: str = ""

    @property
    def grid(self) -> Grid:
        """The grid of the scan."""
        return Grid(self.shape, np.array(self.affine, np.float64))

    @classmethod
    def read(cls, entries: CheckedEntries) -> ScanState:
        i, j, k = entries.wholes("shape", 3, 1, _SIDE)
        made = cls(
            path=entries.optional_text("path"),
            name=entries.text("name"),
            shape=(i, j, k),
            affine=entries.rows("affine", (4, 4), _FAR),
            volume_index=entries.whole("volume_index", 0, _SIDE),
            sha256=entries.text("sha256", 64),
            relative=entries.optional_text("relative"),
            series=entries.text("series", _NAME) if entries.knows("series") else "",
        )
        _ = made.grid  # checks itself
        return made

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "shape": list(self.shape), "affine": [*map(list, self.affine)]}


def affine_rows(affine: Affine) -> tuple[tuple[float, ...], ...]:
    """An affine as a state has it."""
    return tuple(tuple(float(number) for number in row) for row in affine)


@dataclass(frozen=True)
class LabelsState:
    """What is known of the labels beside their voxels.

    Attributes
    ----------
    device, file : where they come from, as `LabelSource` has it.
    partial, made_by : as `LabelMap` has them.
    defined : names of the labels that their maker drew; None where nothing says.
    ignored : whether there are voxels that nobody judged.
    marks : those in force, as `marks_content` makes them.
    edits : blocks that were edited by hand, as `HandEdits.to_json` makes them.
    edited : volumes edited before, as `edited_content` makes them; empty or one.
    candidates : for lesions, as `candidates_content` makes them.
    least_certainty : from which these are tumors; None where there are none.
    """

    device: str | None = None
    file: str | None = None
    partial: bool = False
    made_by: str = ""
    defined: tuple[str, ...] | None = None
    ignored: bool = False
    marks: tuple[dict[str, Any], ...] = ()
    edits: tuple[dict[str, Any], ...] = ()
    edited: tuple[dict[str, Any], ...] = ()
    candidates: tuple[dict[str, Any], ...] = ()
    least_certainty: float | None = None

    @classmethod
    def read(cls, entries: CheckedEntries) -> LabelsState:
        known = entries.has("defined")
        certain = entries.knows("least_certainty") and entries.has("least_certainty")
        listed = entries.objects("candidates", _MOST_LISTED) if certain else []
        return cls(
            device=entries.optional_text("device"),
            file=entries.optional_text("file"),
            partial=entries.flag("partial"),
            made_by=entries.text("made_by", LARGEST_STATE),
            defined=entries.texts("defined", _MOST_LABELS) if known else None,
            ignored=entries.flag("ignored"),
            marks=tuple(entries.objects("marks", _MOST_LISTED)),
            edits=tuple(entries.objects("edits", _MOST_LISTED)),
            edited=tuple(entries.objects("edited", 1)),
            candidates=tuple(listed),
            least_certainty=entries.number("least_certainty", 0, 1) if certain else None,
        )

    def to_dict(self) -> dict[str, Any]:
        defined = None if self.defined is None else list(self.defined)
        names = ("marks", "edits", "edited", "candidates")
        lists = {name: list(getattr(self, name)) for name in names}
        return {**vars(self), "defined": defined, **lists}


@dataclass(frozen=True)
class Arrangement:
    """The arrangement of the views.

    Attributes
    ----------
    layout : name of the layout.
    alone : name of the plane that fills the space; None where they share it.
    linked : whether zoom and pan go together.
    rects : by the plane's name, the part of the slice that is seen: left, bottom, width and
        height in mm along the slice's axes.
    """

    layout: str = ""
    alone: str | None = None
    linked: bool = True
    rects: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, entries: CheckedEntries) -> Arrangement:
        parts = entries.named_entries("rects", 3)
        rects = {
            name: (
                *part.numbers("corner_mm", 2, -_FAR, _FAR),
                *part.numbers("size_mm", 2, sys.float_info.min, _FAR),
            )
            for name, part in parts.items()
        }
        return cls(
            layout=entries.text("layout", _NAME),
            alone=entries.optional_text("alone", _NAME),
            linked=entries.flag("linked"),
            rects=rects,
        )

    def to_dict(self) -> dict[str, Any]:
        rects = {
            name: {"corner_mm": list(rect[:2]), "size_mm": list(rect[2:])}
            for name, rect in self.rects.items()
        }
        return {**vars(self), "rects": rects}


@dataclass(frozen=True)
class ViewState:
    """How the scan is looked at.

    Attributes
    ----------
    crosshair : the voxel.
    level, width : of the display range.
    convention, projection : names of members of `Convention` and `Projection`.
    slab_mm : the thickness that is shown as one slice; 0 for the slice alone.
    show_crosshair, show_text, interpolated, show_markups, show_marks : what is drawn.
    """

    crosshair: Voxel
    level: float
    width: float
    convention: str
    projection: str
    slab_mm: float = 0.0
    show_crosshair: bool = True
    show_text: bool = True
    interpolated: bool = True
    show_markups: bool = True
    show_marks: bool = True

    @classmethod
    def read(cls, entries: CheckedEntries) -> ViewState:
        i, j, k = entries.wholes("crosshair", 3, 0, _SIDE)
        return cls(
            crosshair=(i, j, k),
            level=entries.number("level", -_FAR, _FAR),
            width=entries.number("width", 0, _FAR),
            convention=entries.text("convention", _NAME),
            projection=entries.text("projection", _NAME),
            slab_mm=entries.number("slab_mm", 0, 1000),
            show_crosshair=entries.flag("show_crosshair"),
            show_text=entries.flag("show_text"),
            interpolated=entries.flag("interpolated"),
            show_markups=entries.flag("show_markups"),
            show_marks=entries.flag("show_marks"),
        )

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "crosshair": list(self.crosshair)}


@dataclass(frozen=True)
class CaseState:
    """Everything of an open case beside voxels.

    Attributes
    ----------
    labels : None where there are none, not even those of a segmentation that found nothing.
    remembered : the marks that are remembered for the scan, as `marks_content` makes them.
    markups : rulers and ellipses, as `Markups.to_dict` makes them.
    styles : by the names of labels.
    reference : path of the label map that labels are compared with; None for none, and empty
        where it was no file.
    """

    scan: ScanState
    labels: LabelsState | None
    view: ViewState
    arrangement: Arrangement
    styles: Mapping[str, StyleState]
    editing: EditingState
    remembered: tuple[dict[str, Any], ...] = ()
    markups: tuple[dict[str, Any], ...] = ()
    reference: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `read_case_state` reads it."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "written_by": f"liverview {__version__}",
            "scan": self.scan.to_dict(),
            "labels": None if self.labels is None else self.labels.to_dict(),
            "view": self.view.to_dict(),
            "arrangement": self.arrangement.to_dict(),
            "styles": {name: style.to_dict() for name, style in self.styles.items()},
            "editing": self.editing.to_dict(),
            "remembered": list(self.remembered),
            "markups": list(self.markups),
            "reference": self.reference,
        }

    def to_json(self) -> str:
        """As one text in ASCII."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def read(cls, entries: CheckedEntries) -> CaseState:
        labels = entries.optional_entries("labels")
        styles = entries.named_entries("styles", _MOST_LABELS)
        return cls(
            scan=ScanState.read(entries.entries("scan")),
            labels=None if labels is None else LabelsState.read(labels),
            view=ViewState.read(entries.entries("view")),
            arrangement=Arrangement.read(entries.entries("arrangement")),
            styles={name: StyleState.read(style) for name, style in styles.items()},
            editing=EditingState.read(entries.entries("editing")),
            remembered=tuple(entries.objects("remembered", _MOST_LISTED)),
            markups=tuple(entries.objects("markups", _MOST_LISTED)),
            reference=entries.optional_text("reference"),
        )


def read_case_state(text: str | bytes) -> CaseState:
    """Read the JSON of a `CaseState`; entries that this version does not know are passed over.

    Raises
    ------
    CaseStateError : where it is no such JSON, of a newer version, or has values that cannot be;
        the message says what is wrong, without the name of the file.
    """
    if len(text) > LARGEST_STATE:
        raise CaseStateError(f"its state is larger than {LARGEST_STATE >> 20} MB")
    try:
        entries = CheckedEntries(json.loads(text))
        _check_version(entries)
        return CaseState.read(entries)
    except LiverviewError as error:
        raise CaseStateError(error) from error
    except (ValueError, RecursionError) as error:
        raise CaseStateError(f"its state is no JSON that can be read ({error})") from error


def _check_version(entries: CheckedEntries) -> None:
    kind, version = entries.text("format"), entries.whole("version", 1, 1 << 30)
    if kind != FORMAT:
        raise CaseStateError(f"its state is a {kind}, no {FORMAT}")
    if version > VERSION:
        writer = entries.text("written_by")
        raise CaseStateError(
            f"it is of version {version}, by {writer}; this liverview reads up to version "
            f"{VERSION}: update it"
        )
