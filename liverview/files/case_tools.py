"""How labels are drawn and what tools draw, as a part of the state of a case."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Any

from liverview.files.checked_json import CheckedEntries

_NAME = 40  # letters of the name of a label or style
_MOST_LABELS = 255
_FAR = sys.float_info.max


@dataclass(frozen=True)
class StyleState:
    """How a label is drawn; ``draw_style`` is the name of a `DrawStyle`."""

    visible: bool
    opacity: float
    color: tuple[int, int, int]
    draw_style: str

    @classmethod
    def read(cls, entries: CheckedEntries) -> StyleState:
        red, green, blue = entries.wholes("color", 3, 0, 255)
        return cls(
            visible=entries.flag("visible"),
            opacity=entries.number("opacity", 0, 1),
            color=(red, green, blue),
            draw_style=entries.text("draw_style", _NAME),
        )

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "color": list(self.color)}


@dataclass(frozen=True)
class EditingState:
    """What tools draw, and over what; labels and scope by their names.

    Attributes
    ----------
    hu : the lowest and the highest value that may be painted over; None for all.
    """

    label: str
    scope: str
    one: str
    locked: tuple[str, ...] = ()
    hu: tuple[float, float] | None = None

    @classmethod
    def read(cls, entries: CheckedEntries) -> EditingState:
        hu = None
        if entries.has("hu"):
            low, high = entries.numbers("hu", 2, -_FAR, _FAR)
            hu = (low, high)
        return cls(
            label=entries.text("label", _NAME),
            scope=entries.text("scope", _NAME),
            one=entries.text("one", _NAME),
            locked=entries.texts("locked", _MOST_LABELS),
            hu=hu,
        )

    def to_dict(self) -> dict[str, Any]:
        hu = None if self.hu is None else list(self.hu)
        return {**vars(self), "locked": list(self.locked), "hu": hu}
