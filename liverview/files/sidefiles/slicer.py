"""3D Slicer color tables (.ctbl): which value has which name and color.

Format: Slicer's developer guide, Modules, Colors, "Discrete scale color lookup table".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from liverview.core.labels import FOREGROUND, Label, LabelStyle

_ROW = re.compile(r"\s*(\d{1,9})\s+(\S+)(?:\s+\d+){3,4}(?:\s.*)?")


def ctbl_text(title: str, styles: Mapping[Label, LabelStyle]) -> str:
    """The content of a color table; spaces in names become underscores, as Slicer writes them."""
    rows = ["0 Background 0 0 0 0"]
    for label in (label for label in FOREGROUND if label in styles):
        red, green, blue = styles[label].color
        name = "_".join(styles[label].name.split())
        rows.append(f"{label:d} {name} {red} {green} {blue} 255")
    head = [f"# Color table file {title}", f"# {len(rows)} values"]
    return "\n".join([*head, *rows]) + "\n"


def ctbl_names(text: str) -> dict[int, str]:
    """Value -> name, underscores as they stand; empty where this is no color table."""
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = [_ROW.fullmatch(line) for line in rows]
    return {int(row[1]): row[2] for row in found if row} if all(found) else {}
