"""The verdicts on a lesion that menus offer, with their reasons."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QInputDialog, QMenu

_NO_LESION = ("Not a lesion", "Benign: cyst or hemangioma")
_NO_TARGET = ("Treated before", "Cannot be measured reproducibly")
Say = Callable[[str], object]


def fill_verdict_menu(menu: QMenu, rule_out: Say, set_no_target: Say) -> None:
    """Add the reasons for which a lesion is none, or no target.

    Parameters
    ----------
    rule_out, set_no_target : take the reason that was chosen.
    """
    menu.addSection("No lesion: out of every figure")
    for reason in _NO_LESION:
        menu.addAction(reason, partial(rule_out, reason))
    menu.addAction("Another reason …", partial(_ask_reason, menu, rule_out))
    menu.addSection("A tumor, but no target")
    for reason in _NO_TARGET:
        menu.addAction(reason, partial(set_no_target, reason))


def _ask_reason(menu: QMenu, rule_out: Say) -> None:
    reason, given = QInputDialog.getText(menu.parentWidget(), "Exclude", "Why is it no lesion?")
    if given and reason.strip():
        rule_out(reason.strip())
