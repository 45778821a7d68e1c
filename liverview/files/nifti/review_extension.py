"""The header's words about a label map of liverview's: partial or not, marks on lesions.

`liverview.files.review_record` is a header extension with the code 6, plain text for any program.
That a label map is partial is in the header's description as well, which survives tools that
drop extensions, and which viewers show.
"""

from __future__ import annotations

import json
from typing import Any

from liverview.core.volume import LabelMap
from liverview.files.format import StoredVolume
from liverview.files.nifti.extensions import Extensions
from liverview.files.nifti.header import FORMAT as NIFTI
from liverview.files.nifti.header import header_kind
from liverview.files.review_record import FORMAT, Review, parse_review, review_content

_COMMENT = 6
_BEGINNING = f'{{"format": "{FORMAT}"'.encode("ascii")
_COMPLETE = b"liverview"
_OF_OTHERS = b"converted by liverview"
_PARTIAL = b"liverview: PARTIAL, its segmentation was stopped before the end"


def description(labels: LabelMap) -> bytes:
    """The description for a label map's header, at most 80 bytes.

    Of one that defines none of liverview's labels, values are another program's.
    """
    if labels.defined is not None and not labels.defined:
        return _OF_OTHERS
    return _PARTIAL if labels.partial else _COMPLETE


def with_review(extensions: Extensions, labels: LabelMap) -> Extensions:
    """The extensions with what is said of a label map last; what was said before is left out."""
    rest = [(code, content) for code, content in extensions if not _is_review(code, content)]
    content = review_content(labels)
    return [*rest, (_COMMENT, json.dumps(content).encode("ascii"))] if content else rest


def label_review(volume: StoredVolume) -> Review | None:
    """What a file's header says of the label map that it is; None where it is not liverview's."""
    source = volume.source
    if source is None or source.format != NIFTI:
        return None
    for code, content in source.extensions:
        if _is_review(code, content):
            return parse_review(content.rstrip(b"\0"), volume)
    described = _described(source.header)
    if not described.startswith(_COMPLETE):
        return None
    return Review(partial=described.startswith(_PARTIAL))


def _described(header: bytes) -> bytes:
    kind, order = header_kind(header[:4])
    nifti: Any = kind(header, endianness=order, check=False)
    return bytes(nifti["descrip"])


def _is_review(code: int, content: bytes) -> bool:
    return code == _COMMENT and content.startswith(_BEGINNING)
