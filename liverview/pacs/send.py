"""Sending files to a node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from liverview.core.stream import Progress
from liverview.pacs.nodes import Node, NodeKind, check_node
from liverview.pacs.timeouts import STANDARD, Timeouts
from liverview.pacs.waiting import iter_waited


@dataclass(frozen=True)
class Sent:
    """What a node did with a file.

    Attributes
    ----------
    path : of the file.
    accepted : it was stored.
    sentence : why not; or what the node remarked of it, or nothing.
    """

    path: Path
    accepted: bool
    sentence: str = ""


def iter_send(
    node: Node, paths: Sequence[Path], timeouts: Timeouts = STANDARD
) -> Iterator[Progress | Sent]:
    """Send files, by C-STORE or STOW-RS; a `Sent` for each, in their order.

    Raises
    ------
    PacsError : where the node cannot be talked with, or the line ends; what was sent before that
        is there.
    """
    check_node(node)
    progress = Progress("Sending", 0.0)
    yield progress
    count = 0
    for item in _iter_results(node, paths, timeouts):
        if isinstance(item, Sent):
            count += 1
            yield item
            progress = Progress(f"Sending, {count} of {len(paths)}", count / len(paths))
        yield progress


def _iter_results(node: Node, paths: Sequence[Path], timeouts: Timeouts) -> Iterator[Any]:
    if node.kind is NodeKind.WEB:
        from liverview.pacs.web import WebClient
        from liverview.pacs.web_send import store as store_by_web

        client = WebClient(node, timeouts)
        yield from iter_waited(partial(store_by_web, client, paths), client.cut)
        return
    from liverview.pacs.association import Line
    from liverview.pacs.dimse_send import store

    line = Line(node, timeouts)
    yield from iter_waited(partial(store, line, paths), line.cut)
