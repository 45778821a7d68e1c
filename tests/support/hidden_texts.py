"""Bytes with all that is hidden in them: archives, compressed streams, base64."""

from __future__ import annotations

import base64
import binascii
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_DEFLATED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_DEEPEST = 4


def iter_layers(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and whatever they hold when they are unpacked and decoded, down to any depth."""
    yield data
    if depth == _DEEPEST:
        return
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from iter_layers(archive.read(name), depth + 1)
    for found in _DEFLATED.finditer(data):
        stream = zlib.decompressobj(wbits=47)
        try:
            inside = stream.decompress(data[found.start() :], 1 << 24)
        except zlib.error:
            continue
        if inside:
            yield from iter_layers(inside, depth + 1)
    for found in _BASE64.finditer(data):
        text = found[0][: len(found[0]) // 4 * 4]
        try:
            yield from iter_layers(base64.b64decode(text), depth + 1)
        except binascii.Error:
            continue


def markers_in(data: bytes, markers: tuple[str, ...]) -> set[str]:
    """Those of some texts that stand anywhere in bytes, as UTF-8 or UTF-16."""
    layers = list(iter_layers(data))
    return {
        marker
        for marker in markers
        for layer in layers
        if marker.encode() in layer or marker.encode("utf-16-le") in layer
    }


def markers_in_folder(folder: Path, markers: tuple[str, ...]) -> dict[str, set[str]]:
    """The files of a folder with markers in what they hold or in their names."""
    found = {}
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        hits = markers_in(path.name.encode() + b"\n" + data, markers)
        hits |= markers_in(data, markers) if data else set()
        if hits:
            found[str(path.relative_to(folder))] = hits
    return found
