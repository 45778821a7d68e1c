"""The objects that mouse tools work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from liverview.ui.live.click_correction import ClickCorrection
from liverview.ui.tools.markup_layer import MarkupLayer


@dataclass(frozen=True, eq=False)
class ToolContext:
    """Passed to every tool when it is made; the session is that of the view it is used in.

    Attributes
    ----------
    markup_layer : the rulers and ellipses of the views.
    clicks : marks that a network completes.
    finish : makes the first tool active again.
    redraw : has all views drawn anew, as after a move of what the tool draws over them.
    tell : says a sentence to the person.
    go_back : makes the tool active again that was so before this one.
    """

    markup_layer: MarkupLayer
    clicks: ClickCorrection
    finish: Callable[[], None]
    redraw: Callable[[], None]
    tell: Callable[[str], None]
    go_back: Callable[[], None]
