"""Values of DICOM elements, as stored, to text and numbers; what is wrong is missing."""

from __future__ import annotations

import math
import re

_ESCAPED = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
_RESETS = re.compile(rb"[\\^=\r\n\f\t]")  # characters after which the first set is in force again
_ESCAPE_OF = re.compile(rb"\x1b(?:\$[()]?.|[^$].)", re.DOTALL)
_PADDING = b" \0"


def text_of(value: bytes, character_set: bytes = b"") -> str:
    """The text of a value in the character set of its file; several values stay in one text."""
    value = value.strip(_PADDING)
    # ISO 2022 switches between sets by escape sequences that are ASCII themselves.
    if value.isascii() and b"\x1b" not in value and not character_set.startswith(b"ISO_IR 13"):
        return value.decode("ascii")
    return _decode(value, _encodings(character_set)).strip(" \0")


def person_name(value: bytes, character_set: bytes = b"") -> str:
    """A name as people read it: other scripts of it follow in parentheses."""
    groups = [
        " ".join(group.replace("^", " ").split())
        for group in text_of(value, character_set).split("=")
    ]
    first, *others = [group for group in groups if group] or [""]
    return f"{first} ({', '.join(others)})" if others else first


def _encodings(character_set: bytes) -> list[str]:
    """Python's names of the character sets of a file; common misspellings are understood."""
    from pydicom.charset import STAND_ALONE_ENCODINGS, python_encoding

    found: list[str] = []
    for term in character_set.decode("ascii", "replace").split("\\"):
        term = re.sub(r"^ISO[ _-]?IR[ _-]?(\d+)$", r"ISO_IR \1", term.strip(" \0").upper())
        term = re.sub(r"^ISO.?2022.?IR.?(\d+)$", r"ISO 2022 IR \1", term)
        if term in STAND_ALONE_ENCODINGS and found:
            continue  # it cannot be switched to
        found.append(python_encoding.get(term, "") if term else "")
    return found


def _decode(value: bytes, encodings: list[str]) -> str:
    from pydicom.charset import CODES_TO_ENCODINGS

    parts = []
    for part in _ESCAPED.findall(value):
        escape = _ESCAPE_OF.match(part)
        encoding = CODES_TO_ENCODINGS.get(escape.group(), "") if escape else ""
        if not encoding or escape is None:
            parts.append(_decode_plain(part.replace(b"\x1b", b""), encodings[0]))
        elif encoding in ("iso2022_jp", "iso2022_jp_2"):  # whose decoders know the escapes
            parts.append(part.decode(encoding, "replace"))
        else:
            rest = part[escape.end() :]
            reset = _RESETS.search(rest)
            end = reset.start() if reset else len(rest)
            parts.append(rest[:end].decode(encoding, "replace"))
            parts.append(_decode_plain(rest[end:], encodings[0]))
    return "".join(parts)


def _decode_plain(value: bytes, encoding: str) -> str:
    """By the encoding; where a file does not say it, UTF-8 if it can be that, else Latin 1."""
    try:
        return value.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        return value.decode(encoding or "latin-1", "replace")


def texts_of(value: bytes) -> tuple[str, ...]:
    """The values of a text of ASCII, empty ones at the end left out."""
    parts = [part.strip() for part in text_of(value).split("\\")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def numbers_of(value: bytes | None, count: int) -> tuple[float, ...] | None:
    """The first numbers of a decimal string; None where there are fewer, or what is no number."""
    if value is None:
        return None
    parts = value.split(b"\\", count)[:count]
    if len(parts) < count:
        return None
    try:
        found = tuple([float(part.strip(_PADDING)) for part in parts])
    except ValueError:
        return _numbers_with_commas(parts)
    return found if all(map(math.isfinite, found)) else None


def _numbers_with_commas(parts: list[bytes]) -> tuple[float, ...] | None:
    """As some writers have them, in the way of their country: 0,75 for 0.75."""
    try:
        found = tuple([float(part.strip(_PADDING).replace(b",", b".")) for part in parts])
    except ValueError:
        return None
    return found if all(map(math.isfinite, found)) else None


def number_of(value: bytes | None) -> float | None:
    """The first number of a decimal string; None where it is missing or none."""
    found = numbers_of(value, 1)
    return found[0] if found else None


def whole_number_of(value: bytes | None) -> int | None:
    """The first number of an integer string; None where it is missing or no whole number."""
    if value is None:
        return None
    first = value.split(b"\\", 1)[0].strip(_PADDING)
    if first.isdigit() and len(first) < 20:
        return int(first)
    number = number_of(first)
    return int(number) if number is not None and number.is_integer() else None


def binary_number_of(value: bytes | None, little: bool, signed: bool = False) -> int | None:
    """The first number of binary ones of 16 bits; of 32 where the value has just these."""
    if value is None or len(value) < 2:
        return None
    size = 4 if len(value) == 4 else 2
    return int.from_bytes(value[:size], "little" if little else "big", signed=signed)
