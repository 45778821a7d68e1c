"""Selecting parts of labels and working on them, so that the window never waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import FOREGROUND, Label, label_parent
from liverview.editing.part_commands import (
    EditedBlock,
    PartCommand,
    RelabelPart,
    SplitPart,
    command_voxels,
    edit_parts,
)
from liverview.editing.part_split import CutLine, crossed_seeds
from liverview.editing.part_workspace import PartGround
from liverview.editing.parts import Part, Seed, seed_of
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.live.live_result import StartJob
from liverview.ui.live.part_search import PartSearch
from liverview.ui.state.session import Session

_AT_ONCE = 300_000  # voxels that a command works on without a job
_SETTLED_MS = 300  # until large parts are found again in labels that change


class PartEditing(QObject):
    """Selects parts, keeps them found as the labels change, and runs commands on them.

    Each command is one edit of the label store. One that takes long runs in a job; where labels
    that it has read change meanwhile, nothing comes of it, and the person is told.

    Signals
    -------
    message : a sentence for the person.
    changed : other parts are selected, or a command began or ended.
    """

    message = Signal(str)
    changed = Signal()

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._start = start
        self._search = PartSearch(session, start, self)
        self._job: Job | None = None
        self._read: Box | None = None  # what the job works on
        self._overtaken = False  # labels in it have changed
        self._stale = False  # labels of the selected parts have changed
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._find_again)
        session.selected.changed.connect(self.changed)
        session.selected.toggled.connect(partial(self.select_at, add=True))
        session.selected.line_drawn.connect(self.split)
        session.store.changed.connect(self._on_labels_changed)
        session.volume_changed.connect(self._on_volume_changed)

    @property
    def can_run(self) -> bool:
        """True where parts are selected and no command is under way."""
        return bool(self.session.selected.parts) and self._job is None

    # ---- selecting -------------------------------------------------------------------------

    def seed_at(self, voxel: Voxel) -> Seed | None:
        """The seed of what is seen at a voxel: hidden vessels are liver there, as in the views."""
        if self.session.labels is None:
            return None
        label: Label | None = self.session.store.label_at(voxel)
        if label is Label.BACKGROUND:
            return None
        while label is not None and not self.session.styles[label].visible:
            label = label_parent(label)
        return None if label is None else Seed(voxel, label)

    def select_at(
        self, voxel: Voxel, *, add: bool = False, then: Callable[[], object] | None = None
    ) -> None:
        """Select the part at a voxel, or none where there is none.

        Parameters
        ----------
        add : select it beside the others; one that is selected already, no longer.
        then : called when it is selected, which takes a moment for an organ.
        """
        selected, seed = self.session.selected, self.seed_at(voxel)
        known = selected.part_at(voxel) if seed is not None else None
        if known is not None and known.label is seed.label and not self._stale:  # type: ignore[union-attr]
            if add:
                selected.set_parts([part for part in selected.parts if part is not known])
            if then is not None:
                then()
            return
        kept = [Seed(part.seed.voxel, part.label) for part in selected.parts] if add else []
        self.select([*kept, *([seed] if seed is not None else [])], then)

    def select(self, seeds: Sequence[Seed], then: Callable[[], object] | None = None) -> None:
        """Select the parts at seeds."""

        def take(parts: tuple[Part, ...]) -> None:
            self._stale = False
            self._timer.stop()
            self.session.selected.set_parts(parts)
            if then is not None:
                then()

        self._timer.stop()
        self._search.find(seeds, take)

    # ---- commands --------------------------------------------------------------------------

    def run(self, command: PartCommand) -> None:
        """Run a command on the selected parts."""
        parts = self.session.selected.parts
        if self._job is not None:
            self.message.emit("Wait for the last command on a part to end.")
        elif not parts:
            self.message.emit("Select a part first: click it with the right button.")
        elif self._stale:
            self._find_again(then=partial(self._run_again, command))
        else:
            self._run_on(parts, command)

    def run_at(self, seeds: Sequence[Seed], command: PartCommand) -> None:
        """Select the parts at seeds and run a command on them."""
        self.select(seeds, partial(self._run_again, command))
        if self._search.is_running:
            self.message.emit("Looking for the part …")

    def split(self, line: CutLine) -> None:
        """Split the selected parts along a line; without any, those that it crosses."""
        if line.is_point or self.session.labels is None:
            self.message.emit("Draw a line across a part: press on one side, release on the other.")
            return
        if self.session.selected.parts:
            self.run(SplitPart(line))
            return
        labels = line.plane.slice_of(self.session.labels.voxels, line.index)
        seeds = crossed_seeds(labels, line, self._visible)
        if seeds:
            self.run_at(seeds, SplitPart(line))
        else:
            self.message.emit(
                "The line crosses no part: draw it from one side of a part to the other."
            )

    def _run_again(self, command: PartCommand) -> None:
        """Run a command once its parts have been found."""
        if self.session.selected.parts:
            self.run(command)

    def _run_on(self, parts: tuple[Part, ...], command: PartCommand) -> None:
        ground = self._ground()
        if command_voxels(ground, parts, command) <= _AT_ONCE:
            self._finish(parts, command, edit_parts(ground, parts, command))
            return
        store, name = self.session.store, command.name(parts)
        lent = PartGround(
            store.snapshot(), ground.volume, ground.limits, ground.visible, ground.label_bbox
        )
        self.message.emit(f"{name.capitalize()} …")
        areas = [command.area(ground, part) for part in command.prepare(parts)]
        self._read, self._overtaken = areas[0], False
        for area in areas[1:]:
            self._read = area.union(self._read)
        self._job = job = self._start(generators.iter_edit_parts(lent, parts, command))
        result: list[EditedBlock | None] = [None]
        job.yielded.connect(partial(result.__setitem__, 0))
        job.ended.connect(partial(self._on_ended, job, parts, command, result))
        self.changed.emit()

    def _on_ended(
        self,
        job: Job,
        parts: tuple[Part, ...],
        command: PartCommand,
        result: list[EditedBlock | None],
        outcome: Outcome,
    ) -> None:
        if job is not self._job:
            return
        self._job = None
        if outcome is Outcome.DONE and self._overtaken:
            name = command.name(parts).capitalize()
            self.message.emit(f"{name}: not done, for the labels changed meanwhile. Try again.")
        elif outcome is Outcome.DONE:
            self._finish(parts, command, result[0])
        self.changed.emit()

    def _finish(
        self, parts: tuple[Part, ...], command: PartCommand, block: EditedBlock | None
    ) -> None:
        """Put what a command made into the labels, as one edit, and select what is left."""
        name = command.name(parts)
        if block is None:
            self.message.emit(self._why_unchanged(parts, command))
            return
        try:
            with self.session.store.edit(block.box, name) as voxels:
                if isinstance(command, RelabelPart):
                    self.session.store.define(command.label)
                voxels[...] = block.voxels
        except RuntimeError as error:  # a segmentation streams
            self.message.emit(f"{str(error).capitalize()}.")
            return
        if command.keeps and not block.seeds:
            self.message.emit("Nothing is left of the part. Undo brings it back.")
        elif isinstance(command, SplitPart):
            self.message.emit(f"Split into {len(block.seeds)} parts; what was cut off is selected.")
            self.session.selected.clear()  # else a quick Delete would take the rest of an organ
            self.select(block.seeds, partial(self._select_cut_off, parts))
            return
        else:
            self.message.emit(f"{name.capitalize()}: done.")
        self.select(block.seeds)

    def _select_cut_off(self, split: Sequence[Part]) -> None:
        """Of the pieces of each part, leave all but the largest selected, to go on with them."""
        pieces = self.session.selected.parts
        for whole in split:
            inside = [piece for piece in pieces if whole.contains(piece.seed.voxel)]
            largest = max(inside, key=lambda piece: piece.voxel_count, default=None)
            pieces = tuple(piece for piece in pieces if piece is not largest)
        self.session.selected.set_parts(pieces)

    def _why_unchanged(self, parts: Sequence[Part], command: PartCommand) -> str:
        locked = self.session.editing.limits.locked
        names = [label.name.capitalize() for label in FOREGROUND if label in locked]
        if any(part.label in locked for part in parts):
            return f"Nothing changed: {' and '.join(names)} cannot be changed while locked."
        return command.unchanged

    def _ground(self) -> PartGround:
        session = self.session
        labels, volume, bbox = session.labels, session.volume, session.store.label_bbox
        assert labels is not None
        assert volume is not None
        return PartGround(
            labels, volume, session.editing.limits, self._visible,
            bbox or Box.of_shape((0, 0, 0)),
        )  # fmt: skip

    @property
    def _visible(self) -> tuple[Label, ...]:
        return tuple(label for label in FOREGROUND if self.session.styles[label].visible)

    # ---- following the labels ----------------------------------------------------------------

    def _on_labels_changed(self, box: Box) -> None:
        if self._read is not None and _share_voxels(box, self._read):
            self._overtaken = True
        near = [part for part in self.session.selected.parts if _touches(box, part)]
        if near:
            self._stale = True
            if self._search.is_running:  # which begins anew by itself
                return
            large = any(part.mask.size > _AT_ONCE for part in near)
            self._timer.start(_SETTLED_MS if large else 0)

    def _find_again(self, then: Callable[[], object] | None = None) -> None:
        """Find the selected parts in the labels as they are; what is gone is selected no more."""
        labels = self.session.labels
        if labels is None:
            return
        seeds = [seed_of(labels.voxels, part) for part in self.session.selected.parts]
        self.select([seed for seed in seeds if seed is not None], then)

    def _on_volume_changed(self) -> None:
        self._search.cancel()
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        self._job, self._stale = None, False
        self.session.selected.clear()


def _share_voxels(one: Box, other: Box) -> bool:
    return all(max(a.start, b.start) < min(a.stop, b.stop) for a, b in zip(one, other, strict=True))


def _touches(box: Box, part: Part) -> bool:
    """Whether a change in a box may change a part, which reaches its neighbors."""
    start, stop = [s - 1 for s in part.box.start], [s + 1 for s in part.box.stop]
    return _share_voxels(box, Box.from_bounds(start, stop))
