"""The measurement of the open scan's labels, and what the person says of its lesions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject

from liverview.core.candidates import LesionCandidate
from liverview.core.grid import Voxel
from liverview.core.labels import Label
from liverview.core.review import Verdict
from liverview.measurement.recist import Recist, assess_recist
from liverview.measurement.results import Lesion, Measurement
from liverview.measurement.review import match_marks, with_certainties
from liverview.ui.jobs import following
from liverview.ui.live.live_result import LiveResult, StartJob
from liverview.ui.state.session import Session


@dataclass(frozen=True, eq=False)
class HiddenLesion:
    """A candidate of which the network is not sure enough to be in the labels.

    Attributes
    ----------
    number : that follows those of all that is listed.
    part : the candidate.
    volume_ml : its size.
    """

    number: int
    part: LesionCandidate
    volume_ml: float


class Findings(LiveResult):
    """Keeps a measurement up to date, and takes what a person says of its lesions.

    Attributes
    ----------
    measurement : the last one of the open scan; None where there is none yet.
    chosen : the number of the lesion that the person looks at.
    """

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        self.measurement: Measurement | None = None
        self.chosen: int | None = None
        self._chosen_voxel: Voxel | None = None
        self._followed: following.Followed | None = None
        super().__init__(session, start, parent)
        session.store.state_changed.connect(self._on_state_changed)
        session.review.changed.connect(self._on_review_changed)
        session.store.candidates_changed.connect(self._on_candidates_changed)

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        return self.measurement.lesions if self.measurement is not None else ()

    @property
    def listed(self) -> tuple[Lesion, ...]:
        """The lesions, and after them what is ruled out."""
        ruled_out = self.measurement.ruled_out if self.measurement is not None else ()
        return (*self.lesions, *(one.lesion for one in ruled_out))

    @property
    def hidden(self) -> tuple[HiddenLesion, ...]:
        """The candidates that are not shown, the most certain first."""
        store = self.session.store
        if store.labels is None:
            return ()
        shown, voxel_ml, first = store.shown_candidates, store.labels.voxel_ml, len(self.listed) + 1
        parts = [p for n, p in enumerate(store.labels.candidates) if n not in shown]
        return tuple(
            HiddenLesion(first + n, part, part.voxel_count * voxel_ml)
            for n, part in enumerate(parts)
        )

    @property
    def excluded(self) -> dict[int, str]:
        """Reasons by number: of lesions that are no targets, and of what is ruled out."""
        if self.measurement is None:
            return {}
        ruled_out = {one.lesion.number: one.reason for one in self.measurement.ruled_out}
        return {**self.measurement.no_targets, **ruled_out}

    @property
    def recist(self) -> Recist | None:
        """The candidates for target lesions; None before a segmentation has ended."""
        if self.measurement is None or self.session.store.segmenting:
            return None
        return assess_recist(self.measurement)

    @property
    def recist_text(self) -> str:
        """The same in words, as much as there is to say."""
        proposal, measurement = self.recist, self.measurement
        if measurement is not None and not measurement.defines(Label.TUMOR):
            return "The labels' file names no tumor: there is nothing to say about lesions."
        if proposal is not None:
            return f"RECIST 1.1: {proposal.words} {' '.join(proposal.caveats)}"
        return "RECIST 1.1: after the segmentation." if self.session.store.segmenting else ""

    def choose(self, number: int | None) -> None:
        """Look at a lesion: the crosshair goes into it, where its diameters are drawn."""
        self.chosen, self._chosen_voxel = number, None
        for lesion in self.listed:
            if lesion.number == number:
                self._chosen_voxel = lesion.inside
                self.session.set_crosshair(lesion.axial_voxel)
        for one in self.hidden:
            if one.number == number:
                self._chosen_voxel = one.part.inside
                self.session.set_crosshair(one.part.inside)
        self.changed.emit()

    def choose_at(self, voxel: Voxel) -> None:
        """Look at the lesion or candidate that a voxel is in: the crosshair goes there."""
        self._chosen_voxel, self.chosen = voxel, self._number_at(voxel)
        self.session.set_crosshair(voxel)
        self.changed.emit()

    def _number_at(self, voxel: Voxel) -> int | None:
        listed = [lesion.number for lesion in self.listed if lesion.contains(voxel)]
        hidden = [one.number for one in self.hidden if one.part.contains(voxel)]
        return next(iter((*listed, *hidden)), None)

    # ---- what the person says ------------------------------------------------------------------

    @property
    def can_change(self) -> bool:
        """True where something can be said of lesions."""
        return self.session.review.can_change and self.measurement is not None

    def exclude(self, number: int, reason: str) -> None:
        """Rule a lesion out: no figure counts it; an empty reason takes it in again."""
        if reason:
            self._say(number, Verdict.RULED_OUT, reason)
        else:
            self.include(number)

    def set_no_target(self, number: int, reason: str) -> None:
        """Leave a lesion out of the target lesions alone: it is a tumor."""
        self._say(number, Verdict.NO_TARGET, reason)

    def _say(self, number: int, verdict: Verdict, reason: str) -> None:
        """Say something of a lesion, or of a candidate that is not shown."""
        self.session.review.mark(self._numbered(number), verdict, reason)
        for one in self.hidden:
            if one.number == number:
                self.session.review.judge(one.part, verdict, reason)

    def include(self, number: int) -> None:
        """Take a lesion in again."""
        review = self.session.review
        for lesion in self._numbered(number, self.listed):
            marks = [mark for mark in review.in_force if mark.marks(lesion.start, lesion.mask)]
            review.take_back(*marks)

    def confirm_targets(self, confirmed: bool = True) -> None:
        """Confirm the candidates as target lesions, or take that back."""
        proposal = self.recist
        if proposal is not None:
            self.session.review.confirm(proposal.candidates if confirmed else ())

    def _numbered(self, number: int, lesions: Sequence[Lesion] | None = None) -> tuple[Lesion, ...]:
        among = self.lesions if lesions is None else lesions
        return tuple(lesion for lesion in among if lesion.number == number)

    # ---- following the labels ----------------------------------------------------------------

    def _make_work(self) -> Iterator[object] | None:
        volume = self.session.volume
        if volume is None:
            return None
        return following.iter_measure(self.session.store.snapshot(), volume, self._followed)

    def _receive(self, item: object) -> None:
        if isinstance(item, following.Followed):
            self._followed = item
            self.measurement = self._with_state(item.found.measurement)
            self._follow_chosen()

    def _let_go(self) -> None:
        self._followed = None

    def _follow_chosen(self) -> None:
        """Numbers change as lesions come and go; the one that is looked at stays chosen."""
        voxel = self._chosen_voxel
        if voxel is not None:
            found = self._number_at(voxel)
            self.chosen = self.chosen if found is None else found
        if self.chosen is not None and self.chosen > len(self.listed) + len(self.hidden):
            self.chosen = self._chosen_voxel = None

    def _clear(self) -> None:
        self.measurement, self.chosen, self._chosen_voxel = None, None, None
        self._let_go()

    def _with_state(self, measurement: Measurement) -> Measurement:
        """Whether labels are partial is known only when they have come to their end."""
        store = self.session.store
        assert store.labels is not None
        partial = measurement.partial if store.segmenting else store.labels.partial
        return replace(measurement, partial=partial)

    def _on_state_changed(self) -> None:
        if self.measurement is not None:
            self.measurement = self._with_state(self.measurement)
        self.changed.emit()

    def _on_review_changed(self) -> None:
        """What asks for no other figures is shown at once."""
        if self.measurement is not None:
            found = match_marks(self.lesions, self.session.review.in_force)
            self.measurement = replace(
                self.measurement,
                no_targets=found.no_targets,
                confirmed=found.confirmed,
                lost_targets=found.lost,
                accepted=found.accepted,
            )
        self.changed.emit()

    def _on_candidates_changed(self) -> None:
        """Lesions that were measured while labels streamed learn how sure the network is."""
        store = self.session.store
        if self.measurement is not None and store.labels is not None:
            lesions = with_certainties(self.measurement.lesions, store.labels.candidates)
            self.measurement = replace(self.measurement, lesions=lesions)
            self._follow_chosen()
        self.changed.emit()
