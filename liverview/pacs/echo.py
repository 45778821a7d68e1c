"""Asking a node whether it is there and lets us in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from liverview.core.stream import Message, Progress
from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import Node, NodeKind, check_node
from liverview.pacs.timeouts import STANDARD, Timeouts
from liverview.pacs.waiting import iter_waited

if TYPE_CHECKING:
    from liverview.pacs.association import Line
    from liverview.pacs.web import WebClient


def iter_echo(node: Node, timeouts: Timeouts = STANDARD) -> Iterator[Progress | Message]:
    """Ask a node for a sign of life: C-ECHO, or a search that finds one study at most.

    Yields progress, and last a message that it answered.

    Raises
    ------
    PacsError : where it does not.
    """
    check_node(node)
    progress = Progress("Asking", 0.0)
    yield progress
    if node.kind is NodeKind.WEB:
        from liverview.pacs.web import WebClient

        client = WebClient(node, timeouts)
        waited = iter_waited(lambda _: _search_one(client), client.cut)
    else:
        from liverview.pacs.association import Line

        line = Line(node, timeouts)
        waited = iter_waited(lambda _: _echo(line), line.cut)
    for _ in waited:
        yield progress
    yield Message(f"{node.place} answers.")


def _echo(line: Line) -> None:
    from pynetdicom.presentation import build_context
    from pynetdicom.sop_class import Verification

    try:
        association = line.open([build_context(Verification)])
        status = association.send_c_echo()
        if "Status" not in status:
            raise line.silent("it was asked for a sign of life")
        if status.Status != 0:
            raise PacsError(
                f"{line.node.place} refused a sign of life (status {status.Status:04X}): "
                "ask who runs it to let this computer in."
            )
    finally:
        line.close()


def _search_one(client: WebClient) -> None:
    with client:
        client.find_studies({}, most=1)
