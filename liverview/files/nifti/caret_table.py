"""The names of labels, and of maps, in Caret's XML: bounded, whatever the bytes are.

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
_MAP = ["CaretExtension", "VolumeInformation"]
_MAP_NAME = [*_MAP, "GuiLabel"]
_ENTRY = [*_MAP, "LabelTable", "Label"]
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
    table = _read(content)
    return {} if table is None else table.names


def caret_map_names(content: bytes) -> dict[int, str]:
    """Index of a map -> its name; empty where the bytes are no table, or that of one map."""
    table = _read(content)
    return table.map_names if table is not None and table.maps > 1 else {}


def _read(content: bytes) -> _Table | None:
    if len(content) > _LARGEST:
        return None
    try:
        text = _decode(content).rstrip("\0 \r\n\t")
        return _Table(text) if _ROOT in text else None
    except (ValueError, LookupError, expat.ExpatError):
        return None


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
    """Takes names from a parser's events.

    Attributes
    ----------
    names : of the labels of all maps, by value.
    map_names : by index.
    maps : how many there are.
    """

    def __init__(self, text: str) -> None:
        self.names: dict[int, str] = {}
        self.map_names: dict[int, str] = {}
        self.maps = 0
        self._path: list[str] = []
        self._tags = 0
        self._map = self._key = self._text = ""
        parser = expat.ParserCreate("utf-8")  # whatever it declares: it is decoded already
        parser.buffer_text = True
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        # A document type is never needed, and can make a small text a huge one.
        parser.StartDoctypeDeclHandler = self._refuse
        parser.Parse(text.encode(), True)

    def _on_start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        self._tags += 1
        if self._tags > _MOST_TAGS or len(self._path) > _DEEPEST:
            self._refuse()
        if self._path == _MAP:
            self.maps += 1
            self._map = attributes.get("Index", "")
        elif self._path == _ENTRY:
            self._key = attributes.get("Key", "")
        self._text = ""

    def _on_text(self, text: str) -> None:
        if self._path in (_ENTRY, _MAP_NAME):
            self._text = (self._text + text)[:_LONGEST_NAME]

    def _on_end(self, tag: str) -> None:
        name = self._text.strip()
        if self._path == _ENTRY and name and _KEY.fullmatch(self._key):
            self.names[int(self._key)] = name
        elif self._path == _MAP_NAME and name and _KEY.fullmatch(self._map):
            self.map_names[int(self._map)] = name
        self._path.pop()

    def _refuse(self, *about: Any) -> None:
        raise ValueError("no label table")
