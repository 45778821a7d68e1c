"""The record of how labels were made: a comment among the header extensions.

It is written where labels say how they were made, as those of many scans do, and never kept from
one file to the next: what a person changed was not made so.
"""

from __future__ import annotations

from liverview.files.nifti.extensions import Extensions
from liverview.files.nifti.header import Header

_COMMENT = 6  # NIfTI's code for plain text
_MARK = b"liverview-record "
_LABEL_INTENT = 1002
_TABLE = b"<LabelTable"


def with_record(extensions: Extensions, record: str) -> Extensions:
    """The extensions with a record last, in place of one that was there; "" is none."""
    rest = [(code, content) for code, content in extensions if not _is_record(code, content)]
    return [*rest, (_COMMENT, _MARK + record.encode("utf-8"))] if record else rest


def find_record(extensions: Extensions) -> str:
    """The record; "" where there is none."""
    for code, content in extensions:
        if _is_record(code, content):
            return content.rstrip(b"\0")[len(_MARK) :].decode("utf-8", "replace")
    return ""


def is_label_map(header: Header, extensions: Extensions) -> bool:
    """True where the header says so, and values of one byte, or names for them, bear it out."""
    said = int(header.nifti["intent_code"]) == _LABEL_INTENT
    named = any(_TABLE in content for _, content in extensions)
    return said and (header.dtype.itemsize == 1 or named)


def _is_record(code: int, content: bytes) -> bool:
    return code == _COMMENT and content.startswith(_MARK)
