"""Codings of label maps: which value is which label, as a person says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

from liverview.core.errors import LiverviewError
from liverview.core.labels import FOREGROUND, Label
from liverview.core.terms import is_ignored_name, is_placeholder, label_from_name


class Ignore(Enum):
    """What is no label, and not background either."""

    IGNORE = "ignore"


IGNORE = Ignore.IGNORE
"""The meaning of voxels that nobody judged: no score counts them."""
Meaning: TypeAlias = Label | Ignore
GivenLabels: TypeAlias = str | Mapping[int, "str | Meaning"]
"""A coding as callers give it: a name of `CODINGS`, ``"1=liver,2=tumor"``, or a mapping."""

CODINGS: Mapping[str, Mapping[int, Label]] = MappingProxyType(
    {
        "lits": {1: Label.LIVER, 2: Label.TUMOR},
        "task03": {1: Label.LIVER, 2: Label.TUMOR},
        "task08": {1: Label.VESSEL, 2: Label.TUMOR},
        "liverview": {int(label): label for label in FOREGROUND},
    }
)
"""Codings that many files have, by their names; task03 is that of LiTS."""
_LARGEST = 65535
_WAY_OUT = "give pairs such as 1=liver,2=tumor,255=ignore, or lits, task08 or liverview"


class CodingError(LiverviewError):
    """A coding that cannot be; the message says what is wrong with it."""


@dataclass(frozen=True)
class Coding:
    """What the values of a label map, or the volumes of a one-hot file, stand for.

    Attributes
    ----------
    meanings : by value or, in a one-hot file, by volume from 0.
    known : its name, where it is one of `CODINGS`; its keys are values then, never volumes.
    """

    meanings: Mapping[int, Meaning]
    known: str = ""

    @property
    def labels(self) -> frozenset[Label]:
        """The labels that it has."""
        return labels_among(self.meanings.values())


def labels_among(meanings: Iterable[Meaning | None]) -> frozenset[Label]:
    """The labels among meanings, but for the background."""
    return frozenset(one for one in meanings if isinstance(one, Label) and one)


def parse_coding(given: GivenLabels) -> Coding:
    """A coding from what was given for it.

    Raises
    ------
    CodingError : where it is none of `CODINGS`, a pair cannot be read, or a value has two meanings.
    """
    if isinstance(given, str):
        known = given.strip().lower()
        if known in CODINGS:
            return Coding(CODINGS[known], known)
        pairs: list[tuple[int, str | Meaning]] = [
            _split_pair(part, given) for part in re.split(r"[,;\s]+", given.strip())
        ]
    else:
        pairs = list(given.items())
    meanings: dict[int, Meaning] = {}
    for value, name in pairs:
        meaning = _meaning_of(name)
        if not isinstance(value, int) or not 0 <= value <= _LARGEST:
            raise CodingError(f"the value {value!r} can be no label's: {_WAY_OUT}.")
        if meanings.setdefault(value, meaning) is not meaning:
            raise CodingError(f"the value {value} is given two labels: {_WAY_OUT}.")
    return Coding(meanings)


def meaning_from_name(name: str) -> Meaning | None:
    """What a name stands for: a label, BACKGROUND, or IGNORE; None where nobody knows it."""
    return IGNORE if is_ignored_name(name) else label_from_name(name)


def real_names(names: Mapping[int, str]) -> dict[int, str]:
    """The names but for those that programs give for want of one; none where only 0 has one."""
    real = {value: name for value, name in names.items() if not is_placeholder(name)}
    return real if any(value or meaning_from_name(name) for value, name in real.items()) else {}


def meaning_text(meaning: Meaning) -> str:
    """The word for a meaning in sentences and codings."""
    return "ignore" if isinstance(meaning, Ignore) else meaning.name.lower()


def _split_pair(part: str, given: str) -> tuple[int, str]:
    value, equals, name = part.partition("=")
    if not (
        equals
        and value.isascii()
        and value.isdecimal()
        and len(value) <= 5
        and name
        and "=" not in name
    ):
        raise CodingError(f'"{_shorten(given)}" does not say which value is which: {_WAY_OUT}.')
    return int(value), name


def _meaning_of(name: object) -> Meaning:
    if isinstance(name, Label | Ignore):
        return name
    meaning = meaning_from_name(name) if isinstance(name, str) else None
    if meaning is None:
        known = ", ".join(label.name.lower() for label in FOREGROUND)
        raise CodingError(
            f'"{_shorten(str(name))}" is no label: known are {known}, background and ignore.'
        )
    return meaning


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
