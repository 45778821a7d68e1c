"""Header extensions: kept from reading to writing, and the one with names and colors.

Names and colors are a label table in Caret's XML. TotalSegmentator writes it with the code 0
("unknown") and reads the first extension (totalsegmentator/nifti_ext_header.py), by a method of
nibabel that refuses 30. Connectome Workbench 1.5.0 looks at the first extension, too, and takes
it with 30 alone, the code that is registered for Caret. No order serves both: the table is
written with each code, and which comes first is to be chosen (`TableOrder`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from xml.etree import ElementTree

from liverview.core.labels import LabelStyle
from liverview.files.format import TableOrder
from liverview.files.gzipped import GzipReader
from liverview.files.nifti.caret_table import caret_map_names, caret_names
from liverview.files.nifti.header import Header

Extensions: TypeAlias = Sequence[tuple[int, bytes]]
_CARET = 30
_UNKNOWN = 0
_CODES = (_UNKNOWN, _CARET)
_PREFIX = 8  # bytes of size and code before the content
_ALIGNED = 16
_LARGEST = 64 << 20
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_extensions(
    reader: GzipReader, header: Header
) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """Read the extensions between header and voxels; returns them and the bytes read.

    An extension that claims more bytes than there are ends the list. So many bytes that they
    can be no extensions are not looked at.
    """
    room = header.offset - header.consumed
    if not 4 <= room <= _LARGEST:
        return (), 0
    block = reader.read(room)
    found = []
    at = 4
    order = "little" if header.nifti.endianness == "<" else "big"
    while block[:1] not in (b"", b"\0") and at + _PREFIX <= len(block):
        size = int.from_bytes(block[at : at + 4], order)  # type: ignore[arg-type]
        code = int.from_bytes(block[at + 4 : at + _PREFIX], order)  # type: ignore[arg-type]
        if not _PREFIX <= size <= len(block) - at:
            break
        found.append((code, block[at + _PREFIX : at + size]))
        at += size
    return tuple(found), len(block)


def extension_block(extensions: Extensions, endianness: str) -> bytes:
    """The bytes between header and voxels: the mark that there are some, and each of them."""
    order = "little" if endianness == "<" else "big"
    pieces = [bytes([bool(extensions), 0, 0, 0])]
    for code, content in extensions:
        padding = -(len(content) + _PREFIX) % _ALIGNED
        for number in (len(content) + _PREFIX + padding, code):
            pieces.append(number.to_bytes(4, order))  # type: ignore[arg-type]
        pieces.append(content + b"\0" * padding)
    return b"".join(pieces)


def with_label_table(
    extensions: Extensions,
    table: Mapping[int, LabelStyle],
    order: TableOrder = TableOrder.TOTALSEGMENTATOR,
) -> Extensions:
    """The extensions with names and colors first; label tables that were there are replaced."""
    rest = [(code, content) for code, content in extensions if not _label_table(code, content)]
    text = _caret_xml(table)
    for_workbench = order is TableOrder.WORKBENCH
    codes = (_CARET, _UNKNOWN) if for_workbench else (_UNKNOWN, _CARET)
    return [*((code, text) for code in codes), *rest]


def table_names(extensions: Extensions) -> dict[int, str]:
    """Value -> name by the first label table; empty where there is none."""
    for code, content in extensions:
        table = _label_table(code, content)
        if table:
            return table
    return {}


def map_names(extensions: Extensions) -> dict[int, str]:
    """Index of a map -> its name, of a file of several maps (Connectome Workbench)."""
    tables = (caret_map_names(content) for code, content in extensions if code in _CODES)
    return next((names for names in tables if names), {})


def _caret_xml(table: Mapping[int, LabelStyle]) -> bytes:
    root = ElementTree.Element("CaretExtension")
    information = ElementTree.SubElement(root, "VolumeInformation", Index="0")
    labels = ElementTree.SubElement(information, "LabelTable")
    for value, style in table.items():
        channels = zip(("Red", "Green", "Blue"), style.color, strict=True)
        shown = {name: f"{part / 255:.6g}" for name, part in channels}
        attributes = {"Key": str(value), **shown, "Alpha": "1"}
        entry = ElementTree.SubElement(labels, "Label", attributes)
        entry.text = _NOT_IN_XML.sub("", style.name)
    ElementTree.SubElement(information, "StudyMetaDataLinkSet")
    ElementTree.SubElement(information, "VolumeType").text = "Label"
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text


def _label_table(code: int, content: bytes) -> dict[int, str]:
    """Value -> name of a Caret label table; empty where the extension is something else."""
    return caret_names(content) if code in _CODES else {}
