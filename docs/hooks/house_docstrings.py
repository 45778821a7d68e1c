"""griffe extension: reads the docstrings' lists of the form `name : what it is`.

numpydoc puts a type after the colon and the description on the next lines. liverview's types
are annotations, so the description stands after the colon; here it is moved to the next line.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTION = re.compile(r"(Attributes|Parameters|Raises)\n-{3,}\n")
_ENTRY = re.compile(r"(?P<names>[\w*]+(?:, [\w*]+)*) : (?P<text>.*)")


class HouseDocstrings(griffe.Extension):
    """Rewrites docstrings into numpydoc's form before they are parsed."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = in_numpydoc(obj.docstring.value)


def in_numpydoc(text: str) -> str:
    """A docstring with every `name : what it is` of its lists on two lines."""
    pieces = _SECTION.split(text)
    # Before the first list, then title and body of each in turn.
    out = [pieces[0]]
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        lines = [_entry(line) for line in body.split("\n")]
        out.append(f"{title}\n{'-' * len(title)}\n" + "\n".join(lines))
    return "".join(out)


def _entry(line: str) -> str:
    found = _ENTRY.fullmatch(line)
    return f"{found['names']}\n    {found['text']}" if found else line
