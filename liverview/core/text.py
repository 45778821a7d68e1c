"""Text that people and files get: names that are bytes, and values of any length.

The name of a file is bytes. Python keeps those that are no text in the encoding of the system as
lone surrogates, which no text file and no terminal takes; here they become visible escapes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

TYPE_CHECKING = False  # as in liverview/__init__: importing typing would be half of `--help`
if TYPE_CHECKING:
    from typing import Any

ESCAPING = "liverview-escaping"
"""An error handler for encoding: what cannot be encoded is escaped, a stray byte as ``\\xfc``."""
KEEPING_BYTES = "liverview-keeping-bytes"
"""As `ESCAPING`, but stray bytes stay the bytes that they are."""
_STRAY = re.compile("[\udc80-\udcff]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Text that is kept must not look like text that was escaped.
_LOOKS_ESCAPED = re.compile(r"\\(x[0-9a-f]{2}|u00[0-9a-f]{2}|ud[89a-f][0-9a-f]{2})")
_FIRST_BYTE = 0xDC00  # the surrogate of byte 0


def printable(name: str, *, one_line: bool = True) -> str:
    r"""A name, or text with names in it, as one line that can be written anywhere as UTF-8.

    Bytes that are no UTF-8 become ``\xfc``, as do control characters; backslashes beside them are
    doubled, so that different names stay different. Any other text stays as it is, also where
    the system's encoding took its bytes apart. Without ``one_line``, control characters stay.

    Examples
    --------
    >>> import os
    >>> from liverview.core.text import printable
    >>> print(printable(os.fsdecode(b"M\xfcller.nii.gz")))
    M\xfcller.nii.gz
    """
    name = _STRAY.sub(lambda found: _join_bytes(found[0]), name)
    pattern = _NOT_IN_A_LINE if one_line else _SURROGATE
    if not (pattern.search(name) or _LOOKS_ESCAPED.search(name)):
        return name
    return pattern.sub(lambda found: _escape(found[0]), name.replace("\\", r"\\"))


def shown(text: str) -> str:
    """Text for people, with names in it: stray bytes are escaped, all else stays as it is."""
    joined = _STRAY.sub(lambda found: _join_bytes(found[0]), text)
    return _SURROGATE.sub(lambda found: _escape(found[0]), joined)


def printable_values(content: Any) -> Any:
    """JSON values with every text in them made `printable`, keys too; lines are kept."""
    if isinstance(content, str):
        return printable(content, one_line=False)
    if isinstance(content, Mapping):
        return {printable_values(key): printable_values(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [printable_values(value) for value in content]
    return content


def shortened(text: str, most: int = 1000) -> str:
    """Text of at most so many characters: where it is longer, its middle is left out."""
    if len(text) <= most:
        return text
    gap = " ... "
    tail = (most - len(gap)) // 3
    return f"{text[: most - len(gap) - tail]}{gap}{text[-tail:]}"


def quoted(value: object, most: int = 80) -> str:
    """A value as a sentence quotes it: one line, and never longer than ``most`` characters."""
    try:
        text = str(value) if isinstance(value, Exception) else repr(value)
    except (RecursionError, ValueError):  # too deep, or a number of too many digits
        text = f"a {type(value).__name__}"
    return shortened(" ".join(text.split()), most)


def _join_bytes(stray: str) -> str:
    """Stray bytes, those together that are UTF-8 as the characters that they are."""
    data = bytes(ord(character) - _FIRST_BYTE for character in stray)
    return data.decode("utf-8", "surrogateescape")


def _escape(character: str) -> str:
    number = ord(character)
    if _FIRST_BYTE + 0x80 <= number < _FIRST_BYTE + 0x100:
        return f"\\x{number - _FIRST_BYTE:02x}"
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _is_byte(character: str) -> bool:
    return _FIRST_BYTE + 0x80 <= ord(character) < _FIRST_BYTE + 0x100


def _handle_escaping(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_escape, error.object[error.start : error.end])), error.end


def _handle_keeping_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError) and _is_byte(error.object[error.start]):
        return bytes([ord(error.object[error.start]) - _FIRST_BYTE]), error.start + 1
    return _handle_escaping(error)


codecs.register_error(ESCAPING, _handle_escaping)
codecs.register_error(KEEPING_BYTES, _handle_keeping_bytes)
