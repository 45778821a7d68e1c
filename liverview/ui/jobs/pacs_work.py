"""Generators that talk with a PACS; they import heavy modules when they run.

What a node does not do is an item here, not an error: the dialog that asked says it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverview.core.errors import LiverviewError
from liverview.core.labels import Label, LabelStyle
from liverview.core.stream import Message, Progress
from liverview.core.volume import LabelMap, Volume
from liverview.pacs.nodes import Node

if TYPE_CHECKING:
    from liverview.files.dicom.series.series_volume import SeriesVolume
    from liverview.pacs.query import FoundSeries, Query
    from liverview.pacs.send import Sent


@dataclass(frozen=True)
class Refused:
    """What was asked for was not done.

    Attributes
    ----------
    sentence : why, and the way out.
    token_needed : a token, or another one, may help.
    """

    sentence: str
    token_needed: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Retrieved:
    """A series that came, as volumes to open; its files are in memory."""

    volumes: tuple[SeriesVolume, ...]


@dataclass(frozen=True)
class TokenKept:
    """What became of a token: in the system's keyring, or nowhere, for there is none."""

    in_keyring: bool


def iter_test_node(node: Node) -> Iterator[Progress | Message | Refused]:
    """Ask a node for a sign of life."""
    from liverview.pacs.echo import iter_echo

    yield from _iter_guarded(lambda: iter_echo(_with_token(node)))


def iter_search(node: Node, query: Query) -> Iterator[Any]:
    """Search a node; yields what `liverview.pacs.query.iter_find` does, or `Refused`."""
    from liverview.pacs.query import iter_find

    yield from _iter_guarded(lambda: iter_find(_with_token(node), query))


def iter_retrieve_series(
    node: Node, series: FoundSeries
) -> Iterator[Progress | Retrieved | Refused]:
    """Retrieve a series and find the volumes in it."""
    yield from _iter_guarded(lambda: _iter_retrieve(node, series))


def iter_send_case(
    node: Node,
    volume: Volume,
    labels: LabelMap,
    styles: Mapping[Label, LabelStyle],
    name: str,
    *,
    segmentation: bool,
    report: bool,
) -> Iterator[Progress | Sent | Refused]:
    """Write labels and figures as DICOM to a temporary folder, and send them.

    Parameters
    ----------
    name : of the files, as sentences call them.
    segmentation, report : what is to be sent; a report refers to a segmentation that is sent too.
    """
    yield from _iter_guarded(
        lambda: _iter_send(node, volume, labels, styles, name, segmentation, report)
    )


def iter_keep_tokens(tokens: Sequence[tuple[Node, str]]) -> Iterator[TokenKept]:
    """Put tokens into the system's keyring, or take out those that are empty."""
    from liverview.pacs.tokens import keep_token

    for node, token in tokens:
        yield TokenKept(keep_token(node, token))


def _iter_guarded(work: Any) -> Iterator[Any]:
    from liverview.pacs.errors import TokenNeededError

    try:
        yield from work()
    except TokenNeededError as error:
        yield Refused(str(error), token_needed=True)
    except LiverviewError as error:
        yield Refused(str(error))


def _with_token(node: Node) -> Node:
    """The node with its token: the one that was entered, else the keyring's."""
    from liverview.pacs.nodes import NodeKind

    if node.token or node.kind is not NodeKind.WEB:
        return node
    from liverview.pacs.tokens import stored_token

    return replace(node, token=stored_token(node))


def _iter_retrieve(node: Node, series: FoundSeries) -> Iterator[Progress | Retrieved]:
    from liverview.files.dicom.headers.header_reading import header_of
    from liverview.files.dicom.places.sources import DicomSource
    from liverview.files.dicom.series.splitting import split_series
    from liverview.pacs.retrieve import iter_retrieve

    headers = []
    for item in iter_retrieve(_with_token(node), series):
        if isinstance(item, DicomSource):
            headers.append(header_of(item))
        else:
            yield item
    yield Retrieved(split_series(headers))


def _iter_send(
    node: Node,
    volume: Volume,
    labels: LabelMap,
    styles: Mapping[Label, LabelStyle],
    name: str,
    segmentation: bool,
    report: bool,
) -> Iterator[Progress | Sent]:
    from liverview.files import images
    from liverview.files.dicom.segmentations.label_writing import SegmentationOptions
    from liverview.pacs.send import iter_send
    from liverview.report.structured_report import iter_write_structured_report

    with tempfile.TemporaryDirectory(prefix="liverview-pacs-") as folder:
        paths: list[Path] = []
        if segmentation:
            paths.append(Path(folder) / f"{name}_seg.dcm")
            yield from images.iter_write_labels(
                paths[0], labels, volume, styles=styles, options=SegmentationOptions()
            )
        if report:
            written = Path(folder) / f"{name}_sr.dcm"
            yield from iter_write_structured_report(
                written, volume, labels, segmentation=paths[0] if paths else None, overwrite=False
            )
            paths.append(written)
        yield from iter_send(_with_token(node), paths)
