"""The names in a label table in Caret's XML: bounded, whatever the bytes are.

Header extensions are the bytes of strangers. A table is looked for only where its first tag
stands, is decoded by codecs that are for text alone, may define no entities, and ends the reading
where it is larger or deeper than any table.
"""

from __future__ import annotations

import codecs
import re
from typing import Any
from xml.parsers import expat

_LARGEST = 8 << 20  # bytes; 65,535 labels have about 7 MB
_MOST_TAGS = 200_000
_DEEPEST = 16
_LONGEST_NAME = 1000
_ROOT = "<CaretExtension"
_ENTRY = ["CaretExtension", "VolumeInformation", "LabelTable", "Label"]
_KEY = re.compile("[0-9]{1,9}")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z][\w.-]{0,40})["']""")
_TEXT_CODECS = (
    "ascii", "utf-8", "utf-16", "utf-32", "iso8859", "iso2022", "cp", "koi8", "mac", "gb", "big5",
    "shift_jis", "euc", "hz", "johab",
)  # fmt: skip
_WITHOUT_MARK = {
    b"<\0\0\0": "utf-32-le",
    b"\0\0\0<": "utf-32-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}
_WITH_MARK = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def caret_names(content: bytes) -> dict[int, str]:
    """Value -> name; empty where the bytes are no such table, or one that cannot be read."""
    if len(content) > _LARGEST:
        return {}
    try:
        text = _decode(content).rstrip("\0 \r\n\t")
        return _Table().read(text) if _ROOT in text else {}
    except (ValueError, LookupError, expat.ExpatError):
        return {}


def _decode(content: bytes) -> str:
    """The text, by its first bytes, its declaration, else UTF-8."""
    for marks in (_WITH_MARK, _WITHOUT_MARK):
        for mark, name in marks.items():
            if content.startswith(mark):
                # Zeros that fill the extension up may cut a character in two.
                return content.decode(name, "ignore")
    found = _DECLARED.match(content)
    name = codecs.lookup(found[1].decode()).name if found else "utf-8"
    if not name.startswith(_TEXT_CODECS):
        raise LookupError(name)
    return content.decode(name)


class _Table:
    """Takes the entries from a parser's events."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._path: list[str] = []
        self._tags = 0
        self._key = ""
        self._text = ""

    def read(self, text: str) -> dict[int, str]:
        parser = expat.ParserCreate("utf-8")  # whatever it declares: it is decoded already
        parser.buffer_text = True
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        # A document type is never needed, and can make a small text a huge one.
        parser.StartDoctypeDeclHandler = self._refuse
        parser.Parse(text.encode(), True)
        return self._names

    def _on_start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        self._tags += 1
        if self._tags > _MOST_TAGS or len(self._path) > _DEEPEST:
            self._refuse()
        if self._path == _ENTRY:
            self._key, self._text = attributes.get("Key", ""), ""

    def _on_text(self, text: str) -> None:
        if self._path == _ENTRY:
            self._text = (self._text + text)[:_LONGEST_NAME]

    def _on_end(self, tag: str) -> None:
        name = self._text.strip()
        if self._path == _ENTRY and name and _KEY.fullmatch(self._key):
            self._names[int(self._key)] = name
        self._path.pop()

    def _refuse(self, *about: Any) -> None:
        raise ValueError("no label table")
