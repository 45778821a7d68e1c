"""Retrieving a series from a node, into memory."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from liverview.core.stream import Progress
from liverview.files.dicom.places.sources import DicomSource, FileSource, MemorySource
from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import Node, NodeKind, Retrieval, check_node
from liverview.pacs.query import FoundSeries
from liverview.pacs.timeouts import STANDARD, Timeouts
from liverview.pacs.waiting import iter_waited

MOST_IN_MEMORY = 2**30
"""Bytes of a series that are kept in memory; what is beyond goes to temporary files."""


@dataclass(frozen=True)
class Image:
    """An image as it came: the UID of its instance, and its bytes as a DICOM file."""

    instance: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class TemporarySource(FileSource):
    """A file of a folder that is removed with the last of its sources, or at the end."""

    folder: _TemporaryFolder = field(repr=False, compare=False)


class _TemporaryFolder:
    """A folder that nobody else may read, and that lives as long as this."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="liverview-pacs-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def iter_retrieve(
    node: Node,
    series: FoundSeries,
    timeouts: Timeouts = STANDARD,
    most_in_memory: int = MOST_IN_MEMORY,
) -> Iterator[Progress | DicomSource]:
    """Retrieve the images of a series: by C-GET, C-MOVE or WADO-RS, as the node is set up.

    All of them, or an error: whoever collects the sources drops them where it raises.

    Raises
    ------
    PacsError : where images are missing, or the node does not do it; one sentence.
    """
    check_node(node)
    progress = Progress("Retrieving", 0.0)
    yield progress
    seen: set[str] = set()
    held, folder = 0, None
    for item in _iter_images(node, series, timeouts):
        if isinstance(item, Image) and item.instance not in seen:
            seen.add(item.instance)
            name = f"image {len(seen)} from {node.name}"
            if held + len(item.data) <= most_in_memory:
                held += len(item.data)
                yield MemorySource(name, item.data)
            else:
                folder = folder or _TemporaryFolder()
                yield _write(node, folder, len(seen), item.data)
            progress = _progress(len(seen), series.images)
        yield progress
    if not seen:
        raise PacsError(f"{node.place} sent no image of this series: search again, it may be gone.")


def _progress(count: int, images: int | None) -> Progress:
    if not images:
        return Progress(f"Retrieving, {count} images", 0.0)
    return Progress(f"Retrieving, {count} of {images} images", min(count / images, 1.0))


def _write(node: Node, folder: _TemporaryFolder, number: int, data: bytes) -> TemporarySource:
    path = folder.path / f"{number:06}.dcm"
    try:
        path.write_bytes(data)
    except OSError as error:
        raise PacsError(
            f"{node.place} sent more than the folder of temporary files holds "
            f"({error.strerror}): make room in {folder.path.parent}."
        ) from error
    return TemporarySource(path, folder)


def _iter_images(node: Node, series: FoundSeries, timeouts: Timeouts) -> Iterator[Any]:
    if node.kind is NodeKind.WEB:
        from liverview.pacs.web import WebClient
        from liverview.pacs.web_retrieve import retrieve

        client = WebClient(node, timeouts)
        yield from iter_waited(partial(retrieve, client, series), client.cut)
        return
    from liverview.pacs.association import Line
    from liverview.pacs.dimse_retrieve import get, move

    line = Line(node, timeouts)
    bring = get if node.retrieval is Retrieval.GET else move
    yield from iter_waited(partial(bring, line, series), line.cut)
