"""The text of an NRRD header: fields, and keys with values of any kind.

Format: https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from liverview.files.opening import ImageFileError
from liverview.files.voxel_header import refuse_gzipped

MAGIC = b"NRRD000"
_LARGEST = 64 << 20  # bytes; a header of Slicer's with a thousand segments has 1 MB
_LIST = "LIST"
_ESCAPES = {"\\n": "\n", "\\\\": "\\"}


@dataclass(frozen=True)
class Fields:
    """An NRRD header as it is written.

    Attributes
    ----------
    fields : by their names in lower case without spaces, such as ``spacedirections``.
    keys : the values of keys.
    listed : file names that follow "data file: LIST".
    size : bytes of the header, with the empty line that ends it.
    """

    fields: Mapping[str, str]
    keys: Mapping[str, str]
    listed: tuple[str, ...]
    size: int


def read_fields(path: Path, file: BinaryIO) -> tuple[Fields, bytes]:
    """Read a header, up to the empty line or the end of the file; also its bytes.

    Raises
    ------
    ImageFileError : where it is none, too long or has a line that can be nothing.
    """
    lines, size = [], 0
    while line := file.readline(_LARGEST - size + 1):
        size += len(line)
        if size > _LARGEST:
            raise ImageFileError(
                f"{path} has a header of more than {_LARGEST >> 20} MB: export it again."
            )
        lines.append(line)
        if not line.strip(b"\r\n"):
            break
        refuse_gzipped(path, line, "an NRRD file")
        if len(lines) == 1 and not line.startswith(MAGIC):
            raise ImageFileError(
                f"{path} is not an NRRD file: it starts with {line[:8]!r}, not with 'NRRD000'; "
                "choose the header or the file itself."
            )
    text = b"".join(lines)
    return parse_fields(path, text), text


def parse_fields(path: Path | str, text: bytes) -> Fields:
    """The fields of a header's bytes.

    Raises
    ------
    ImageFileError : for a line that can be nothing.
    """
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    listed: list[str] = []
    in_list = False
    for line in text.decode("utf-8", "replace").splitlines()[1:]:
        if in_list:
            if line.strip():
                listed.append(line.strip())
        elif line.startswith("#") or not line.strip():
            continue
        elif found := re.match(r"(.+?):=(.*)", line):
            key = re.sub(r"\\[n\\]", lambda m: _ESCAPES[m[0]], found[1])
            keys.setdefault(key, re.sub(r"\\[n\\]", lambda m: _ESCAPES[m[0]], found[2]))
        elif found := re.match(r"([^:]+): *(.*)", line):
            name = re.sub(r"\s+", "", found[1]).lower()
            if fields.setdefault(name, found[2].strip()) != found[2].strip():
                raise ImageFileError(
                    f'{path} has the field "{found[1]}" twice, with different values: export it '
                    "again."
                )
            in_list = name == "datafile" and found[2].split()[:1] == [_LIST]
        else:
            raise ImageFileError(
                f"{path} has a line in its header that is no field: {line[:60]!r}; export it again."
            )
    return Fields(fields, keys, tuple(listed), len(text))


def escaped(text: str) -> str:
    """The value of a key as a header has it."""
    return text.replace("\\", "\\\\").replace("\r", "").replace("\n", "\\n")
