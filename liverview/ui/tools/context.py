"""What the mouse tools work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from liverview.ui.tools.markup_layer import MarkupLayer


@dataclass(frozen=True, eq=False)
class ToolContext:
    """What a tool is made with; the session is that of the view in which it is used.

    Attributes
    ----------
    markup_layer : the rulers and ellipses of the views.
    finish : makes the first tool active again.
    """

    markup_layer: MarkupLayer
    finish: Callable[[], None]
