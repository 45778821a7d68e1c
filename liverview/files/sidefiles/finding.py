"""Finding the names of a label map's values in the files around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from liverview.core.coding import real_names
from liverview.core.grid import OnGrid
from liverview.files.review_record import Review
from liverview.files.sidefiles.nnunet import DATASET, dataset_names
from liverview.files.sidefiles.record import record_names, record_review
from liverview.files.sidefiles.slicer import ctbl_names
from liverview.files.sidefiles.snap import snap_names
from liverview.files.sidefiles.writing import SideFiles

Names: TypeAlias = dict[int, str]
_LARGEST = 16 << 20  # bytes; a data set lists its cases, too


def find_names(label_map: Path) -> tuple[Names, str] | None:
    """Names of values, and where they are from in words; None where no file says any.

    In this order: the JSON, the ITK-SNAP file and the Slicer table of the label map's name, such
    files with a general name (labels.txt, labels.ctbl), dataset.json beside it or up to two
    folders above. A file that cannot be read, is of another kind or only counts its values
    ("Label 1") is passed over.
    """
    for path, what, parse in _iter_candidates(label_map):
        names = real_names(parse(path))
        if names:
            return names, f"{what} {path.name}"
    return None


def find_review(label_map: Path, grid: OnGrid) -> Review:
    """What the JSON of the label map's name says of it beside its names."""
    text = _text(SideFiles.of(label_map).record)
    try:
        return record_review(json.loads(text), grid) if text is not None else Review()
    except (ValueError, RecursionError):
        return Review()


def _iter_candidates(label_map: Path) -> Iterator[tuple[Path, str, Callable[[Path], Names]]]:
    own = SideFiles.of(label_map)
    folder, stem = label_map.parent, own.snap.name.removesuffix(".txt")
    yield own.record, "the JSON file", _of_json(record_names)
    for name in (stem, f"{stem}_labels", f"{stem}_label", "labels", "label"):
        for ending in (".txt", ".label"):
            yield folder / (name + ending), "the ITK-SNAP label file", _of_text(snap_names)
    for name in (stem, f"{stem}_ColorTable", "labels"):
        yield folder / f"{name}.ctbl", "the Slicer color table", _of_text(ctbl_names)
    for above in [folder, *folder.resolve().parents[:2]]:
        yield above / DATASET, "the nnU-Net data set", _of_json(dataset_names)


def _of_text(parse: Callable[[str], Names]) -> Callable[[Path], Names]:
    def names(path: Path) -> Names:
        text = _text(path)
        return parse(text) if text is not None else {}

    return names


def _of_json(parse: Callable[[Any], Names]) -> Callable[[Path], Names]:
    def names(path: Path) -> Names:
        text = _text(path)
        try:
            return parse(json.loads(text)) if text is not None else {}
        except (ValueError, RecursionError):
            return {}

    return names


def _text(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        return decode_text(path.read_bytes())
    except (OSError, UnicodeDecodeError):
        return None


def decode_text(content: bytes) -> str:
    """The text of a side file, whatever program wrote it.

    UTF-8, -16 or -32, by the mark at the beginning or the zeros among the first bytes; what is no
    UTF-8 is in the Western encoding of Windows, else in Latin-1, where every byte is a letter.

    Raises
    ------
    UnicodeDecodeError : where it says that it is UTF-16 or UTF-32, and is not.
    """
    encoding = json.detect_encoding(content)
    if not encoding.startswith("utf-8"):
        return content.decode(encoding)
    for name in (encoding, "cp1252"):
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")
