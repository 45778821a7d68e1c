"""What the settings hold, taken from them in one place: of the wanted kind, or nothing.

A settings file is a text that anybody can edit and a disk can damage. Every value that is read
comes through here: it is of the type and size that its reader expects, else None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import Enum
from hashlib import sha256
from typing import TypeVar

from PySide6.QtCore import QByteArray, QSettings

E = TypeVar("E", bound=Enum)
_LONGEST = 4096  # letters of one text
_MOST = 100  # texts of a list
_LARGEST = 1e9
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def stored_text(settings: QSettings, key: str, longest: int = _LONGEST) -> str | None:
    """A text of at most so many letters."""
    value = _value(settings, key)
    return value if isinstance(value, str) and len(value) <= longest else None


def stored_texts(settings: QSettings, key: str) -> list[str]:
    """The texts of a list; an INI file gives a list of one back as its item."""
    value = _value(settings, key)
    given: Iterable[object] = value if isinstance(value, list) else [value]
    return [
        text for text in given if isinstance(text, str) and 0 < len(text) <= _LONGEST
    ][:_MOST]  # fmt: skip


def stored_number(settings: QSettings, key: str) -> float | None:
    """A finite number of a size that is used."""
    value = _value(settings, key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= _LARGEST else None


def stored_flag(settings: QSettings, key: str, default: bool) -> bool:
    """True or false."""
    return _FLAGS.get(str(_value(settings, key)).lower(), default)


def stored_member(settings: QSettings, key: str, default: E) -> E:
    """The member of an enumeration that has this name."""
    name = stored_text(settings, key)
    found = type(default).__members__.get(name) if name is not None else None
    return default if found is None else found


def keep_bytes(settings: QSettings, key: str, data: QByteArray) -> None:
    """Keep bytes that Qt trusts, with their hash beside them."""
    settings.setValue(key, data)
    settings.setValue(_hash_key(key), _hash(key, data))


def stored_bytes(settings: QSettings, key: str) -> QByteArray | None:
    """Bytes that are as `keep_bytes` has stored them: of others, Qt crashes or hangs."""
    data = _value(settings, key)
    if not isinstance(data, QByteArray):
        return None
    return data if stored_text(settings, _hash_key(key)) == _hash(key, data) else None


def _value(settings: QSettings, key: str) -> object:
    try:
        return settings.value(key)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # of a type that Python lacks
        return None


def _hash_key(key: str) -> str:
    return f"{key}_sha256"


def _hash(key: str, data: QByteArray) -> str:
    return sha256(key.encode() + b"\0" + bytes(data.data())).hexdigest()
