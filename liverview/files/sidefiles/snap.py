"""ITK-SNAP label descriptions: which value has which name and color.

Format: the header that every such file carries, and ITK-SNAP's Logic/Common/ColorLabelTable.cxx.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from liverview.core.labels import FOREGROUND, Label, LabelStyle

_HEADER = """\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    IDX:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
"""
_ROW = re.compile(r'\s*(\d{1,9})(?:\s+\d+){3}\s+[\d.eE+-]+\s+[01]\s+[01]\s+"(.*)"\s*')


def snap_text(styles: Mapping[Label, LabelStyle]) -> str:
    """The content of a label description file."""
    rows = ['    0     0    0    0        0  0  0    "Clear Label"']
    for label in (label for label in FOREGROUND if label in styles):
        red, green, blue = styles[label].color
        name = styles[label].name.replace('"', "'")
        rows.append(f'{label:5d} {red:5d}{green:5d}{blue:5d}        1  1  1    "{name}"')
    return _HEADER + "\n".join(rows) + "\n"


def snap_names(text: str) -> dict[int, str]:
    """Value -> name; empty where this is no label description file."""
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = [_ROW.fullmatch(line) for line in rows]
    return {int(row[1]): row[2] for row in found if row} if all(found) else {}
