"""What a PDF holds, read from the file as the format says: pages, fonts, text, pictures.

ISO 32000-1: objects (7.3.10), streams (7.3.8), text (9.4.3), ToUnicode maps (9.10.3). As much of
it as Qt writes: no object streams, fonts with two bytes per glyph.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PdfPage:
    """A page: its size in points, its text without any space, and how many pictures it can show."""

    size: tuple[float, float]
    text: str
    pictures: int


def read_pages(path: Path) -> list[PdfPage]:
    """The pages in their order; fails where a font has no map to Unicode or is not embedded."""
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    found = re.finditer(rb"^(\d+) 0 obj\n(.*?)^endobj", content, re.S | re.M)
    objects = {int(match[1]): match[2] for match in found}
    (tree,) = (body for body in objects.values() if b"/Type /Pages" in body)
    kids = re.search(rb"/Kids\s*\[(.*?)\]", tree, re.S)
    assert kids is not None
    return [_page(objects, int(number)) for number in re.findall(rb"(\d+) 0 R", kids[1])]


def squeezed(text: str) -> str:
    """Without any space: in a PDF, words are where they are and spaces are gaps."""
    return "".join(text.split())


def _page(objects: dict[int, bytes], number: int) -> PdfPage:
    page = objects[number]
    resources = objects[_reference(page, b"Resources")]
    fonts = {
        name: _to_unicode(objects, int(font))
        for name, font in re.findall(rb"/(F\d+) (\d+) 0 R", resources)
    }
    text, font = [], b""
    for token in re.finditer(
        rb"/(F\d+) \S+ Tf|<([0-9A-Fa-f]+)> Tj", _stream(objects[_reference(page, b"Contents")])
    ):
        font = token[1] or font
        codes = token[2] or b""
        text += [fonts[font][int(codes[i : i + 4], 16)] for i in range(0, len(codes), 4)]
    box = re.search(rb"/MediaBox \[0 0 (\S+) (\S+)\]", page)
    assert box is not None
    size = float(box[1]), float(box[2])
    return PdfPage(size, squeezed("".join(text)), len(re.findall(rb"/Im\d+", resources)))


def _to_unicode(objects: dict[int, bytes], font: int) -> dict[int, str]:
    descendant = objects[_reference(objects[font], b"DescendantFonts")]
    assert b"/FontFile2" in objects[_reference(descendant, b"FontDescriptor")]
    table = _stream(objects[_reference(objects[font], b"ToUnicode")]).decode("ascii")
    found = {}
    for first, last, start, listed in re.findall(
        r"<(\w{4})> <(\w{4})> (?:<(\w{4})>|\[(.*?)\])", table
    ):
        codes = [int(code, 16) for code in re.findall(r"<(\w+)>", listed)]
        numbers = range(int(first, 16), int(last, 16) + 1)
        codes = codes or [int(start, 16) + offset for offset in range(len(numbers))]
        found.update(zip(numbers, map(chr, codes), strict=True))
    return found


def _reference(body: bytes, key: bytes) -> int:
    match = re.search(rb"/" + key + rb" \[?(\d+) 0 R", body)
    assert match is not None, key
    return int(match[1])


def _stream(body: bytes) -> bytes:
    match = re.search(rb"^(.*?)stream\r?\n(.*)endstream", body, re.S)
    assert match is not None
    return zlib.decompressobj().decompress(match[2]) if b"/FlateDecode" in match[1] else match[2]
