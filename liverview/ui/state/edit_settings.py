"""The choices that all tools for correcting labels share, and the one way to apply a shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label, label_mask, label_parts
from liverview.editing.brush import Brush, limit_radius
from liverview.editing.limits import EditLimits, Scope, erased_value
from liverview.ui.state.stroke import Stroke

if TYPE_CHECKING:
    from liverview.ui.state.session import Session


class EditSettings(QObject):
    """The label that is drawn, and what drawing may change.

    Attributes
    ----------
    label : that tools draw, and that erasing takes away.
    limits : what may be painted over.
    brush : of the brush and the eraser.
    adaptive : whether the brush stays within the edge that it is on.
    erase_all : erasing takes every label away, down to the background, not the one label alone.

    Signals
    -------
    changed : any of these.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.label = Label.TUMOR
        self.limits = EditLimits()
        self.brush = Brush()
        self.adaptive = False
        self.erase_all = False

    def set_label(self, label: Label) -> None:
        """Choose the label that tools draw."""
        self._set(label=label)

    def set_limits(self, **fields: Any) -> None:
        """Change some fields of the limits."""
        self._set(limits=replace(self.limits, **fields))

    def set_brush(self, **fields: Any) -> None:
        """Change some fields of the brush; a radius that it cannot have becomes one that it can."""
        new = replace(self.brush, **fields)
        self._set(brush=replace(new, radius_mm=limit_radius(new.radius_mm)))

    def set_adaptive(self, adaptive: bool) -> None:
        """Keep the brush within the edge that it is on, or not."""
        self._set(adaptive=adaptive)

    def set_erase_all(self, erase_all: bool) -> None:
        """Erase every label, or the one that is drawn."""
        self._set(erase_all=erase_all)

    def _set(self, **new: object) -> None:
        if any(getattr(self, name) != value for name, value in new.items()):
            for name, value in new.items():
                setattr(self, name, value)
            self.changed.emit()

    # ---- in words --------------------------------------------------------------------------

    def edit_name(self, tool: str, *, erase: bool = False) -> str:
        """An edit as a menu says it: ``brush, tumor``."""
        if erase and self.erase_all:
            return "erase, all labels"
        return f"{'erase' if erase else tool}, {self.label.name.lower()}"

    def describe(self, *, erase: bool = False) -> str:
        """The edit that a tool would make, in a sentence."""
        name, limits = self.label.name.lower(), self.limits
        if erase and self.erase_all:
            text = "Erases all labels down to background"
        elif erase:
            parts = " with its parts" if label_parts(self.label) else ""
            text = f"Erases {name}{parts}, which becomes {erased_value(self.label).name.lower()}"
        else:
            over = {
                Scope.ALL: "all labels",
                Scope.VISIBLE: "visible labels",
                Scope.ONE: limits.one.name.lower(),
                Scope.BACKGROUND: "background",
            }
            text = f"Draws {name} over {over[limits.scope]}"
        locked = [one.name.lower() for one in FOREGROUND if one in limits.locked]
        text += f", not {' or '.join(locked)}" if locked else ""
        if limits.hu is not None:
            low, high = limits.hu
            unit = "HU" if self._session.volume is None or self._session.volume.in_hu else ""
            text += f", within {low:g} to {high:g} {unit}".rstrip()
        return f"{text}, up to the edge." if self.adaptive and not erase else f"{text}."

    # ---- edits -----------------------------------------------------------------------------

    def apply_mask(
        self,
        box: Box,
        mask: NDArray[np.bool_],
        name: str,
        *,
        erase: bool = False,
        label: Label | None = None,
    ) -> None:
        """Draw or erase the label where a mask is set and the limits allow it, as one edit.

        Parameters
        ----------
        box : of the volume.
        mask : of the box's shape.
        name : of the edit, as a menu says it.
        erase : take the label with its parts away instead; it becomes what it is a part of.
        label : to draw or erase; by default the chosen one.

        Raises
        ------
        RuntimeError, ValueError : as `LabelStore.edit`.
        """
        label = self.label if label is None else label
        with self._session.store.edit(box, name) as voxels:
            new = self._draw(voxels, box, mask, label, erase=erase)
            if not erase and not np.array_equal(new, voxels):
                self._session.store.define(label)
            voxels[...] = new

    def add_to_stroke(
        self, stroke: Stroke, box: Box, mask: NDArray[np.bool_], *, erase: bool = False
    ) -> None:
        """The same as a piece of a stroke."""

        def draw(before: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return self._draw(before, box, mask, self.label, erase=erase)

        stroke.add(box, draw, None if erase else self.label)

    def _draw(
        self,
        before: NDArray[np.uint8],
        box: Box,
        mask: NDArray[np.bool_],
        label: Label,
        *,
        erase: bool,
    ) -> NDArray[np.uint8]:
        """The labels of a box after the edit, of its shape, from those before it."""
        volume, styles = self._session.volume, self._session.styles
        assert volume is not None
        visible = [one for one in FOREGROUND if styles[one].visible]
        where = mask & self.limits.allowed(before, volume.voxels[box], volume.intercept, visible)
        value = Label.BACKGROUND if self.erase_all else erased_value(label)
        if erase and not self.erase_all:
            where &= label_mask(before, label)
        return np.where(where, np.uint8(value if erase else label), before)
