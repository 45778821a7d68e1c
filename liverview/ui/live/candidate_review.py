"""Candidates for lesions: how sure the network has to be, and a person's word on each."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from liverview.core.box import Box
from liverview.core.candidates import DEFAULT_CERTAINTY, LesionCandidate, find_marks
from liverview.core.grid import Voxel
from liverview.core.review import LesionMark, Verdict
from liverview.ui.live.findings import Findings
from liverview.ui.state.session import Session

NOT_A_LESION = "Not a lesion"
_SAID = {Verdict.RULED_OUT: "rejected", Verdict.TARGET: "a target", Verdict.NO_TARGET: "no target"}
_TOGETHER_MS = 600  # moves of the slider that follow each other sooner are one step
_COMING = "The network's candidates come when the segmentation has ended."
_UNKNOWN = (
    "No candidates are known of these labels: a segmentation here finds them, with how sure the "
    "network is of each; label maps of files have none."
)


class CandidateReview(QObject):
    """Follows the candidates of the open labels, and takes what a person wants of them.

    The current candidate is the one that the crosshair is in, else the one that was gone to last
    as long as the crosshair is beside it: nothing is judged that is not looked at.

    Signals
    -------
    changed : other candidates are known, or other ones are shown, judged or current.
    gone_to : the crosshair was put into a candidate, for the person to look at.
    message : a sentence for the person.
    """

    changed = Signal()
    gone_to = Signal()
    message = Signal(str)

    def __init__(self, session: Session, findings: Findings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.findings = session, findings
        self._gone_to: LesionCandidate | None = None
        self._wanted: float | None = None  # a setting that is not in force yet
        self._dragging = False
        self._step: object = None  # of the history, which further moves belong to
        self._looked_at: LesionCandidate | None = None  # when that was last told
        self._said: tuple[object, object, dict[int, list[LesionMark]]] = (None, None, {})
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._apply)
        self._together = QTimer(self, singleShot=True, interval=_TOGETHER_MS)
        self._together.timeout.connect(self._end_step)
        store = session.store
        for signal in (
            store.candidates_changed, store.state_changed, store.replaced, store.history.moved,
            session.review.changed,
        ):  # fmt: skip
            signal.connect(self.changed)
        session.crosshair_changed.connect(self._on_crosshair_changed)
        session.volume_changed.connect(self._on_volume_changed)
        findings.changed.connect(self.changed)

    # ---- what there is -----------------------------------------------------------------------

    @property
    def parts(self) -> tuple[LesionCandidate, ...]:
        """The candidates, the most certain first."""
        labels = self.session.labels
        return () if labels is None else labels.candidates

    @property
    def why_not(self) -> str:
        """Says why the certainty cannot be another one just now; empty where it can."""
        if self.session.store.segmenting:
            return _COMING
        return "" if self.parts else _UNKNOWN

    @property
    def least_certainty(self) -> float:
        """The certainty from which candidates are tumors, as the person has it."""
        labels = self.session.labels
        known = None if labels is None else labels.least_certainty
        return next((x for x in (self._wanted, known) if x is not None), DEFAULT_CERTAINTY)

    @property
    def are_tumors(self) -> tuple[bool, ...]:
        """Of each candidate, if it is a tumor: sure enough or accepted, and not rejected."""
        shown, out = self.session.store.shown_candidates, Verdict.RULED_OUT
        return tuple(
            index in shown and all(mark.verdict is not out for mark in self._marks(part))
            for index, part in enumerate(self.parts)
        )

    @property
    def shown_count(self) -> int:
        """The number of candidates that are tumors."""
        return sum(self.are_tumors)

    @property
    def current(self) -> LesionCandidate | None:
        """The candidate that is looked at; None where none is."""
        at = self.session.crosshair
        inside, last = self.find_at(at), self._gone_to
        if inside is not None or last is None or all(part is not last for part in self.parts):
            return inside
        return last if _is_beside(at, last.box) else None

    @property
    def current_hidden(self) -> LesionCandidate | None:
        """The candidate that is looked at, where it is not shown; None elsewhere."""
        part, shown = self.current, self.session.store.shown_candidates
        return part if part is not None and self._index(part) not in shown else None

    @property
    def undecided(self) -> tuple[LesionCandidate, ...]:
        """The candidates that the person has said nothing of, the most certain first."""
        return tuple(part for part in self.parts if not self._marks(part))

    def find_at(self, voxel: Voxel) -> LesionCandidate | None:
        """The candidate that a voxel is in, shown or not."""
        return next((part for part in self.parts if part.contains(voxel)), None)

    def _marks(self, part: LesionCandidate) -> list[LesionMark]:
        """What the person has said of a candidate."""
        parts, marks = self.parts, self.session.review.in_force
        if self._said[0] is not parts or self._said[1] is not marks:
            self._said = parts, marks, {id(one): find_marks(one, marks) for one in parts}
        return self._said[2][id(part)]

    def _index(self, part: LesionCandidate) -> int:
        return next(n for n, one in enumerate(self.parts) if one is part)

    # ---- how sure --------------------------------------------------------------------------

    def set_least_certainty(self, least: float) -> None:
        """Make tumors of the candidates that are so sure; of several moves the last one counts."""
        if not self.why_not and least != self.least_certainty:
            self._wanted = least
            self._soon.start()
            self.changed.emit()

    def begin_drag(self) -> None:
        """All moves up to `end_drag` are one step."""
        self._together.stop()
        self._end_step()
        self._dragging = True

    def end_drag(self) -> None:
        self._apply()
        self._dragging = False
        self._end_step()

    def reset(self) -> None:
        """Go back to the certainty that every segmentation begins with."""
        self.set_least_certainty(DEFAULT_CERTAINTY)

    def _apply(self) -> None:
        self._soon.stop()
        wanted, self._wanted = self._wanted, None
        if wanted is None or self.why_not:
            return
        history = self.session.store.history
        before = history.last
        follows = self._step is not None and before is self._step
        self.session.store.set_least_certainty(wanted, follows=follows)
        if history.last is not before:  # else another step would be taken for it
            self._step = history.last
        if not self._dragging:
            self._together.start()

    def _end_step(self) -> None:
        self._step = None

    # ---- one after the other -----------------------------------------------------------------

    def accept(self) -> None:
        """Say that what is looked at is a lesion, and go on."""
        self._judge(Verdict.ACCEPTED)

    def reject(self) -> None:
        """Rule out what is looked at, and go on."""
        self._judge(Verdict.RULED_OUT, NOT_A_LESION)

    def step(self, count: int) -> None:
        """Go to the next surest candidate, or the one before, also to those that are not shown."""
        parts, now = self.parts, self.current
        if not parts:
            self.message.emit("There are no candidates to go to.")
            return
        first = 0 if count > 0 else -1
        index = first if now is None else (self._index(now) + count) % len(parts)
        self._go_to(parts[index])
        self.message.emit(self._words_of(parts[index]))

    def _words_of(self, part: LesionCandidate) -> str:
        """``Candidate 3 of 8: 72 % sure, accepted``."""
        index, marks = self._index(part), self._marks(part)
        words = [f"{100 * part.certainty:.0f} % sure"]
        if marks:
            words.append(_SAID.get(marks[-1].verdict, "accepted"))
        elif not self.are_tumors[index]:
            words.append("not shown")
        return f"Candidate {index + 1} of {len(self.parts)}: {', '.join(words)}."

    def _judge(self, verdict: Verdict, reason: str = "") -> None:
        if not self.session.review.can_change:
            self.message.emit("Lesions are accepted and rejected once there are labels that hold.")
            return
        part, word = self.current, "Accepted" if verdict is Verdict.ACCEPTED else "Rejected"
        if part is None:
            self._judge_other(verdict, reason, word)
            return
        if self.judge(part, verdict, reason):
            self._go_on(part, f"{word}.")

    def judge(self, part: LesionCandidate, verdict: Verdict, reason: str = "") -> bool:
        """Accept a candidate or rule it out, and stay; False where nothing is left of it."""
        out = Verdict.RULED_OUT
        # Also one that is a target, or was said to be none, is a lesion already.
        kept = any((mark.verdict is out) == (verdict is out) for mark in self._marks(part))
        if not kept and not self.session.review.judge(part, verdict, reason):
            self.message.emit("Nothing is left of this candidate: it was drawn over.")
            return False
        return True

    def _judge_other(self, verdict: Verdict, reason: str, word: str) -> None:
        """Judge a lesion that is no candidate: one that a person drew, or that a file has."""
        at, review = self.session.crosshair, self.session.review
        lesion = next((one for one in self.findings.lesions if one.contains(at)), None)
        if lesion is not None:
            review.mark([lesion], verdict, reason)
        self._go_on(None, "" if lesion is None else f"{word}.")

    def _go_on(self, part: LesionCandidate | None, said: str) -> None:
        """Go to the surest candidate after this one that the person has said nothing of."""
        undecided = self.undecided
        if not undecided:
            nothing = "All candidates are judged." if self.parts else "There are no candidates."
            self.message.emit(f"{said} {nothing}".strip())
            return
        first = 0 if part is None else self._index(part)
        later = [one for one in undecided if self._index(one) > first]
        self._go_to((later or list(undecided))[0] if part is not None else undecided[0])
        self.message.emit(f"{said} {len(undecided)} to judge.".strip())

    def _go_to(self, part: LesionCandidate) -> None:
        self._gone_to = part
        self.findings.choose_at(part.inside)
        self.gone_to.emit()
        self.changed.emit()

    def _on_crosshair_changed(self) -> None:
        if self.current is not self._looked_at:
            self._looked_at = self.current
            self.changed.emit()

    def _on_volume_changed(self) -> None:
        self._gone_to = self._wanted = self._step = None
        self._soon.stop()
        self.changed.emit()


def _is_beside(voxel: tuple[int, ...], box: Box) -> bool:
    """True where a voxel lies in a box along two axes: after slices were scrolled through."""
    return sum(side.start <= v < side.stop for v, side in zip(voxel, box, strict=True)) >= 2
