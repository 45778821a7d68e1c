"""Takes the state of the open case as `CaseState` has it, and puts one in force."""

from __future__ import annotations

import zlib
from dataclasses import replace
from enum import Enum
from typing import Any, TypeVar

from liverview.core.candidates import LesionCandidate
from liverview.core.edited_volume import edited_content, read_edited
from liverview.core.labels import FOREGROUND, Label
from liverview.core.review import LesionMark
from liverview.core.volume import LabelMap, Volume
from liverview.editing.hand_edits import HandEdits
from liverview.editing.limits import EditLimits
from liverview.files.atomic import resolved
from liverview.files.candidate_record import DAMAGED, candidates_content, read_candidates
from liverview.files.case_state import (
    Arrangement,
    CaseState,
    LabelsState,
    ScanState,
    ViewState,
    affine_rows,
)
from liverview.files.case_tools import EditingState, StyleState
from liverview.files.review_record import marks_content, read_marks
from liverview.measurement.markup.listing import MarkupError, Markups
from liverview.ui.state.display import SlabView
from liverview.ui.state.label_changes import LabelSource
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.state.session import Session

E = TypeVar("E", bound=Enum)


def capture(
    session: Session,
    markups: ScanMarkups,
    arrangement: Arrangement | None = None,
    reference: str | None = None,
    *,
    edits: bool = True,
) -> CaseState:
    """The state of the open case; there must be a volume.

    On the GUI thread, and quick: the scan's file is not read, so its ``sha256`` is empty
    (`ScanState`); a job takes it with `liverview.files.file_hash`.

    Parameters
    ----------
    arrangement : of the views, which only they know.
    reference : path of the label map that labels are compared with, where it is known.
    edits : whether what was edited by hand and candidates for lesions are wanted, which takes
        longer the more they are.
    """
    volume = session.volume
    assert volume is not None
    compared = session.reference is not None
    return CaseState(
        scan=_scan_state(session, volume),
        labels=_labels_state(session, edits=edits),
        view=_view_state(session, markups),
        arrangement=arrangement or Arrangement(),
        styles={label.name.lower(): _style_state(session, label) for label in FOREGROUND},
        editing=_editing_state(session),
        remembered=_marks_state(session.review.remembered, volume),
        markups=tuple(markups.copy().to_dict(volume)["markups"]),
        reference=(reference or "") if compared else None,
    )


def restore(
    state: CaseState,
    session: Session,
    markups: ScanMarkups,
    labels: LabelMap | None = None,
    *,
    saved: bool = True,
) -> list[str]:
    """Put a state in force on its scan, which is open, with its labels.

    Parameters
    ----------
    labels : the voxels that go with ``state.labels``, on the grid of the scan; nobody else may
        write to them any more. None leaves the labels that are there.
    saved : whether the labels are in a file as they are.

    Returns sentences about what of the state could not be used.
    """
    volume = session.volume
    assert volume is not None
    said, stored = [], None
    try:
        stored = Markups.from_dict({"markups": list(state.markups)}, volume)
    except MarkupError as error:
        said.append(f"Its rulers and ellipses were left out: {error}")
    marks, unread = read_marks({"lesion_marks": list(state.remembered)}, volume)
    if unread:
        said.append(f"{unread} marks on lesions in it do not fit the scan and were left out.")
    with session.store.history.joined("restore case"):
        if stored is not None:
            markups.replace_all(stored)
        session.review.replace_remembered(marks)
        if labels is not None and state.labels is not None:  # marks in force must be remembered
            edits, problem = _read_edits(state.labels, volume)
            said += problem + _read_candidates(state.labels, volume)[1]
            made = described(labels, state.labels, volume)
            session.store.open_labels(made, state.labels.file, edits, saved=saved)
            session.store.source = LabelSource(state.labels.device, state.labels.file)
    _restore_view(state.view, session, markups)
    _restore_styles(state, session)
    _restore_editing(state.editing, session)
    return said


def described(labels: LabelMap, state: LabelsState, volume: Volume) -> LabelMap:
    """Labels on the grid of a volume, with what a state says of them."""
    defined = None if state.defined is None else frozenset(_labels_of(state.defined))
    marks, _ = read_marks({"lesion_marks": list(state.marks)}, volume)
    candidates, _ = _read_candidates(state, volume)
    return replace(
        labels, partial=state.partial, made_by=state.made_by, defined=defined, marks=marks,
        edited=read_edited(state.edited[0]) if state.edited else {}, candidates=candidates,
        least_certainty=state.least_certainty if candidates else None,
    )  # fmt: skip


def _read_edits(state: LabelsState, volume: Volume) -> tuple[HandEdits | None, list[str]]:
    """What was edited by hand, and a sentence where it cannot be used."""
    try:
        return HandEdits.from_json(state.edits, volume.shape), []
    except (KeyError, TypeError, ValueError, zlib.error):
        return None, ["What was edited by hand is not known any more: its marks are damaged."]


def _read_candidates(
    state: LabelsState, volume: Volume
) -> tuple[tuple[LesionCandidate, ...], list[str]]:
    """Candidates for lesions, and a sentence where they cannot be used."""
    try:
        return read_candidates(list(state.candidates), volume.shape), []
    except DAMAGED:
        return (), ["Candidates for lesions are not known any more: what is kept is damaged."]


def _scan_state(session: Session, volume: Volume) -> ScanState:
    return ScanState(
        path=None if session.path is None else str(resolved(session.path)),
        name=volume.name,
        shape=volume.shape,
        affine=affine_rows(volume.affine),
        volume_index=volume.index,
        series="" if volume.study is None else volume.study.series_key,
    )


def _labels_state(session: Session, *, edits: bool) -> LabelsState | None:
    store, labels = session.store, session.store.labels
    if labels is None or not store.has_labels:
        return None
    defined = None if labels.defined is None else sorted(one.name.lower() for one in labels.defined)
    return LabelsState(
        device=store.source.device,
        file=store.source.file,
        partial=labels.partial,
        made_by=labels.made_by,
        defined=None if defined is None else tuple(defined),
        ignored=labels.ignored is not None,
        marks=_marks_state(labels.marks, labels),
        edits=tuple(store.hand.to_json()) if edits else (),
        edited=(edited_content(labels.edited),) if labels.edited else (),
        candidates=tuple(candidates_content(labels.candidates)) if edits else (),
        least_certainty=labels.least_certainty,
    )


def _marks_state(
    marks: tuple[LesionMark, ...], grid: Volume | LabelMap
) -> tuple[dict[str, Any], ...]:
    return tuple(marks_content(marks, grid)["lesion_marks"])


def _view_state(session: Session, markups: ScanMarkups) -> ViewState:
    i, j, k = (int(n) for n in session.crosshair)
    display = session.display
    return ViewState(
        crosshair=(i, j, k),
        level=session.level,
        width=session.width,
        convention=session.convention.name,
        projection=display.slab.projection.name,
        slab_mm=display.slab.mm,
        show_crosshair=session.show_crosshair,
        show_text=session.show_text,
        interpolated=display.interpolated,
        show_markups=markups.shown,
        show_marks=session.review.shown,
    )


def _restore_view(view: ViewState, session: Session, markups: ScanMarkups) -> None:
    session.set_crosshair(view.crosshair)
    session.set_window(view.level, view.width)
    session.set_convention(_member(view.convention, session.convention))
    session.set_show_crosshair(view.show_crosshair)
    session.set_show_text(view.show_text)
    session.display.set_interpolated(view.interpolated)
    projection = _member(view.projection, session.display.slab.projection)
    session.display.set_slab(SlabView(projection, view.slab_mm))
    markups.set_shown(view.show_markups)
    session.review.set_shown(view.show_marks)


def _style_state(session: Session, label: Label) -> StyleState:
    style = session.styles[label]
    return StyleState(style.visible, style.opacity, style.color, style.draw_style.name)


def _restore_styles(state: CaseState, session: Session) -> None:
    for label in FOREGROUND:
        style = state.styles.get(label.name.lower())
        if style is not None:
            session.set_style(
                label,
                visible=style.visible,
                opacity=style.opacity,
                color=style.color,
                draw_style=_member(style.draw_style, session.styles[label].draw_style),
            )


def _editing_state(session: Session) -> EditingState:
    editing = session.editing
    return EditingState(
        label=editing.label.name.lower(),
        scope=editing.limits.scope.name,
        one=editing.limits.one.name.lower(),
        locked=tuple(sorted(label.name.lower() for label in editing.limits.locked)),
        hu=editing.limits.hu,
    )


def _restore_editing(state: EditingState, session: Session) -> None:
    editing = session.editing
    editing.set_label(_member(state.label.upper(), editing.label))
    usual = EditLimits()
    editing.set_limits(
        scope=_member(state.scope, usual.scope),
        one=_member(state.one.upper(), usual.one),
        locked=frozenset(_labels_of(state.locked)),
        hu=state.hu,
    )


def _labels_of(names: tuple[str, ...]) -> list[Label]:
    """The labels of names, those left out that this table of labels does not have."""
    members = Label.__members__
    return [members[name.upper()] for name in names if name.upper() in members]


def _member(name: str, usual: E) -> E:
    """The member of an enumeration that has this name, else what was there."""
    found = type(usual).__members__.get(name)
    return usual if found is None else found
