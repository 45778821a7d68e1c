"""Guesses which label a value is where nothing names it, and whether they can be relied on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.coding import CODINGS, IGNORE, Meaning
from liverview.core.labels import FOREGROUND, Label
from liverview.core.terms import label_from_name

_OURS = frozenset({Label.LIVER, Label.VESSEL, Label.TUMOR})
_UNJUDGED = 255  # of most that have such a value
PLAIN = "its plain numbers"


class Guess(NamedTuple):
    """A guess of what values mean.

    Attributes
    ----------
    meanings : by value; None for those that nothing can be said of.
    sure : it need not be asked about.
    fits_alone : no other coding that is known has these values: where nobody can be asked, the
        guess is taken.
    reason : in words that end "mapped by ...".
    """

    meanings: Mapping[int, Meaning | None]
    sure: bool
    reason: str
    fits_alone: bool = False


def guess_meanings(values: Collection[int], voxels: NDArray[Any], name: str) -> Guess:
    """Guess what the values of a label map mean.

    Parameters
    ----------
    values : those that occur, but for 0.
    voxels : (I, J, K), the label map.
    name : of the file, without its endings, which says of a single value what it is.
    """
    present = frozenset(values)
    if not present:
        return Guess({}, True, PLAIN)
    if present >= _OURS and present <= set(FOREGROUND):
        return Guess(_ours(present), True, f"{PLAIN}, which are liverview's own, 0 to 3")
    if present == {1}:
        return _guess_mask(name)
    rest = present - {_UNJUDGED} or present
    ignored: dict[int, Meaning | None] = {_UNJUDGED: IGNORE} if len(rest) < len(present) else {}
    if rest == {1, 2}:
        inside = _lies_inside(voxels, 2, 1)
        known = CODINGS["lits" if inside else "task08"]
        reason = (
            f"{PLAIN}, where 2 lies in 1 as tumors of LiTS and Task03 do in the liver"
            if inside
            else f"{PLAIN}, where 2 lies beside 1 as tumors of Task08 do beside vessels"
        )
        return Guess({**known, **ignored}, False, reason)
    if rest == present and rest <= _OURS and Label.TUMOR in rest:
        reason = (
            f"{PLAIN}, of which {int(Label.TUMOR)} is in no coding that is known but liverview's"
        )
        return Guess(_ours(rest), False, reason, fits_alone=True)
    return Guess({**_ours(rest), **ignored}, False, f"{PLAIN}, as far as they are liverview's own")


def _ours(values: Collection[int]) -> dict[int, Meaning | None]:
    return {n: Label(n) if n in set(FOREGROUND) else None for n in sorted(values)}


def _guess_mask(name: str) -> Guess:
    """Of 0 and 1: what the file's name says, whole or from a separator on, else the liver."""
    starts = [0, *(n + 1 for n, letter in enumerate(name) if letter in "_- .")]
    for start in starts:
        label = label_from_name(name[start:])
        if label is not None and name[start:]:
            return Guess({1: label}, bool(label), "the file's name")
    reason = f"{PLAIN}, of which 1 is the liver in LiTS, Task03 and liverview"
    return Guess({1: Label.LIVER}, True, reason)


def _lies_inside(voxels: NDArray[Any], inner: int, outer: int) -> bool:
    """True where most neighbors of a value's voxels that are not its own are another value's."""
    found = {outer: 0, 0: 0}
    for axis in range(3):
        moved = np.moveaxis(voxels, axis, 0)
        for first, second in ((moved[:-1], moved[1:]), (moved[1:], moved[:-1])):
            beside = second[first == inner]
            for value in found:
                found[value] += int(np.count_nonzero(beside == value))
    return found[outer] >= found[0]
