"""Label lists of Connectome Workbench: which value has which name and color.

Format: the help of ``wb_command -volume-label-import``: two lines a label, the name alone in the
first, in the second its value and red, green, blue and opacity, 0 to 255.
"""

from __future__ import annotations

from collections.abc import Mapping

from liverview.core.labels import FOREGROUND, Label, LabelStyle


def label_list_text(styles: Mapping[Label, LabelStyle]) -> str:
    """The content of a label list."""
    rows = []
    for label in FOREGROUND:
        if label in styles:
            name = " ".join(styles[label].name.split())
            rows += [name, " ".join(str(n) for n in (int(label), *styles[label].color, 255))]
    return "\n".join(rows) + "\n"
