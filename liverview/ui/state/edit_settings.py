"""The choices that all tools for correcting labels share, and the one way to apply a shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label, label_family
from liverview.editing.limits import EditLimits, erased_value

if TYPE_CHECKING:
    from liverview.ui.state.session import Session


class EditSettings(QObject):
    """The label that is drawn, and what drawing may change.

    Attributes
    ----------
    label : that tools draw, and that erasing takes away.
    limits : what may be painted over.

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

    def set_label(self, label: Label) -> None:
        """Choose the label that tools draw."""
        if label is not self.label:
            self.label = label
            self.changed.emit()

    def set_limits(self, **fields: Any) -> None:
        """Change some fields of the limits."""
        new = replace(self.limits, **fields)
        if new != self.limits:
            self.limits = new
            self.changed.emit()

    def edit_name(self, tool: str, *, erase: bool = False) -> str:
        """An edit as a menu says it: ``brush, tumor``."""
        return f"{'erase' if erase else tool}, {self.label.name.lower()}"

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
        volume, styles = self._session.volume, self._session.styles
        assert volume is not None
        label = self.label if label is None else label
        visible = [label for label in FOREGROUND if styles[label].visible]
        with self._session.store.edit(box, name) as voxels:
            where = mask & self.limits.allowed(
                voxels, volume.voxels[box], volume.intercept, visible
            )
            if erase:
                where &= np.isin(voxels, label_family(label))
            voxels[where] = erased_value(label) if erase else label
