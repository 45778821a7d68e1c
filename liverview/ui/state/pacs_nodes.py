"""The nodes of a PACS that a person has set up, kept in the settings; tokens in memory alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, QSettings, Signal

from liverview.pacs.nodes import MOST_NODES, Node
from liverview.ui.stored import stored_text, stored_texts

_NODES, _LAST = "pacs/nodes", "pacs/last_node"


class PacsNodes(QObject):
    """Nodes in the order of their list, each by its name.

    Signals
    -------
    changed : nodes were added, changed or removed.
    """

    changed = Signal()

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._tokens: dict[str, str] = {}  # by address, until the window is closed
        self.nodes: tuple[Node, ...] = _read(stored_texts(settings, _NODES))

    def set_nodes(self, nodes: Sequence[Node]) -> None:
        """Keep these nodes in place of those before."""
        self.nodes = tuple(nodes[:MOST_NODES])
        self._settings.setValue(_NODES, [node.to_json() for node in self.nodes])
        self._settings.sync()
        self.changed.emit()

    def set_token(self, node: Node, token: str) -> None:
        """Remember a token until the window is closed."""
        self._tokens[node.url] = token

    def with_token(self, node: Node) -> Node:
        """The node with the token that is remembered for its address."""
        return replace(node, token=self._tokens.get(node.url, ""))

    @property
    def last(self) -> str:
        """The name of the node that was used last; empty for none."""
        return stored_text(self._settings, _LAST) or ""

    def set_last(self, name: str) -> None:
        """Remember which node was used last."""
        self._settings.setValue(_LAST, name)


def _read(texts: Sequence[str]) -> tuple[Node, ...]:
    """What the settings keep; what is no node there, or has another's name, is left out."""
    found: dict[str, Node] = {}
    for text in texts:
        node = Node.from_json(text)
        if node is not None:
            found.setdefault(node.name, node)
    return tuple(found.values())[:MOST_NODES]
