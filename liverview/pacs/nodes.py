"""The nodes of a PACS: where they are and how they are talked with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from liverview.core.text import shown
from liverview.pacs.errors import PacsError

MOST_NODES = 50
_LONGEST = 1024  # letters of an address or a path


class NodeKind(Enum):
    """Protocols that a node is talked with by."""

    DIMSE = "DICOM"
    WEB = "DICOMweb"


class Retrieval(Enum):
    """Commands that bring images by DIMSE: over the same line, or to a port of ours."""

    GET = "C-GET"
    MOVE = "C-MOVE"


@dataclass(frozen=True)
class Node:
    """A node of a PACS.

    Attributes
    ----------
    name : as it is listed; no two nodes share one.
    kind : DIMSE or DICOMweb.
    ae_title, host, port : of the node, for DIMSE.
    our_ae_title : that liverview calls itself.
    retrieval : by C-GET or C-MOVE.
    our_port : that images come to by C-MOVE.
    tls : DIMSE is encrypted; DICOMweb is where its address begins with https.
    ca_file : certificates that are trusted in place of the system's; empty for the system's.
    certificate, key : files of our own certificate and its key, where the node wants one.
    url : of DICOMweb, to which "/studies" is added.
    token : of DICOMweb, in memory only; "user:password" is sent as such, else it is a bearer.
    """

    name: str
    kind: NodeKind = NodeKind.DIMSE
    ae_title: str = ""
    host: str = ""
    port: int = 104
    our_ae_title: str = "LIVERVIEW"
    retrieval: Retrieval = Retrieval.GET
    our_port: int = 11112
    tls: bool = False
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    url: str = ""
    token: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """Name and address, as sentences call the node."""
        where = self.url if self.kind is NodeKind.WEB else f"{self.host}:{self.port}"
        return shown(f"{self.name} ({where})")

    def to_json(self) -> str:
        """The node without its token, for the settings."""
        kept = asdict(self) | {"kind": self.kind.name, "retrieval": self.retrieval.name}
        del kept["token"]
        return json.dumps(kept, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Node | None:
        """The node that `to_json` gave; None where the text is no such node."""
        try:
            given: Any = json.loads(text)
            node = cls(
                **given
                | {
                    "kind": NodeKind[given["kind"]],
                    "retrieval": Retrieval[given["retrieval"]],
                    "token": "",
                }
            )
            check_node(node)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return node


def check_node(node: Node) -> None:
    """Raise `PacsError` where a node cannot be used as it is set up."""
    for each in fields(node):
        value = getattr(node, each.name)
        if each.type == "str" and not (isinstance(value, str) and len(value) <= _LONGEST):
            raise PacsError(
                f"The PACS node's {each.name} is no text of at most {_LONGEST} letters."
            )
    if not node.name.strip():
        raise PacsError("The PACS node has no name: give it one.")
    if node.kind is NodeKind.WEB:
        _check_url(node)
    else:
        _check_titles(node)
    if bool(node.certificate) != bool(node.key):
        raise PacsError(
            f"{node.name}: our own certificate needs both files, the certificate and its key."
        )


def _check_url(node: Node) -> None:
    try:
        parts = urlsplit(node.url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
        inner = parts.username is not None or parts.query or parts.fragment
    except ValueError:
        good, inner = False, ""
    if not good:
        raise PacsError(
            f'{node.name}: "{node.url}" is no address of DICOMweb: it looks like '
            "https://pacs.example.org/dicom-web."
        )
    if inner:
        raise PacsError(
            f"{node.name}: the address of DICOMweb holds a password or a query: "
            "leave it out, and give the token in its own field."
        )


def _check_titles(node: Node) -> None:
    for title, of in ((node.ae_title, "the node's"), (node.our_ae_title, "our")):
        plain = title.isascii() and title.isprintable() and "\\" not in title
        if not (plain and 0 < len(title.strip()) <= 16):
            raise PacsError(
                f'{node.name}: "{title}" cannot be {of} AE title: '
                "it has 1 to 16 plain letters, digits or signs, and no backslash."
            )
    if not node.host.strip() or any(letter.isspace() for letter in node.host.strip()):
        raise PacsError(f'{node.name}: "{node.host}" is no name or address of a host.')
    for port in (node.port, node.our_port):
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
            raise PacsError(f"{node.name}: a port is a number from 1 to 65535, not {port}.")
    if not isinstance(node.tls, bool):
        raise PacsError(f"{node.name}: TLS is on or off.")


def without_token(node: Node) -> Node:
    """The node as settings know it."""
    return replace(node, token="")
