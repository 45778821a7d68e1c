"""What a de-identified copy does with each element: the basic profile of DICOM PS3.15, Annex E.

Table E.1-1 lists elements; `resources/basic_profile.txt` is that table. It lists no element that
the standard did not think of, so that this goes further in what it does not list: private and
unknown elements, free text, names, dates and titles of applications are removed, UIDs replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache

from liverview.core import paths
from liverview.files.dicom.quiet import quiet_pydicom


class Action(Enum):
    """Ways to treat an element; those of the table by its letters."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    REPLACE_UID = "U"
    CLEAN_ITEMS = "U*"
    KEEP = "K"


PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
_LONG_CODE = 0x00080119
_PIXEL_GROUP = 0x7FE0
_FREE = frozenset({"PN", "DA", "DT", "TM", "LT", "ST", "UT", "UC", "UR", "AE", "OB", "UN"})
"""Value representations that nothing is kept of where the table does not list the element."""


@cache
def profile_table() -> Mapping[int, tuple[Action, ...]]:
    """Table E.1-1: by tag, the actions that the profile has for an element."""
    text = (paths.resources() / "basic_profile.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {int(row[0], 16): tuple(Action(each) for each in row[1].split("/")) for row in rows}


def action_for(tag: int, representation: str, *, plain: bool) -> Action:
    """What to do with an element.

    Of several actions the table means the first that leaves the image valid. In plain images of
    one frame the elements of such rows are optional, or may be empty: it is the first. Elsewhere,
    as in items of sequences, they may be required: it is the last.

    Parameters
    ----------
    representation : its value representation, such as LO.
    plain : it lies on the top level of an image of one frame.
    """
    group, element = tag >> 16, tag & 0xFFFF
    if group % 2 or element == 0 or group >> 8 in (0x50, 0x60):
        return Action.REMOVE
    if tag == PATIENT_ID:
        return Action.DUMMY
    listed = profile_table().get(tag)
    if listed is not None:
        return listed[0 if plain else -1]
    if group == _PIXEL_GROUP or tag == _LONG_CODE:
        return Action.KEEP
    if not _is_known(tag) or representation in _FREE:
        return Action.REMOVE
    if representation == "UI":
        return Action.REPLACE_UID
    return Action.CLEAN_ITEMS if representation == "SQ" else Action.KEEP


@cache
def _is_known(tag: int) -> bool:
    from pydicom.datadict import dictionary_has_tag

    with quiet_pydicom():
        return bool(dictionary_has_tag(tag))
