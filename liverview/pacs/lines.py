"""Encryption of a line, and why a line cannot be opened."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from liverview.core.text import shown
from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import Node, NodeKind
from liverview.pacs.timeouts import Timeouts


def address_of(node: Node) -> tuple[str, int]:
    """Host and port."""
    if node.kind is NodeKind.DIMSE:
        return node.host.strip(), node.port
    parts = urlsplit(node.url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def is_encrypted(node: Node) -> bool:
    """True for TLS."""
    if node.kind is NodeKind.DIMSE:
        return node.tls
    return urlsplit(node.url).scheme == "https"


def client_context(node: Node) -> ssl.SSLContext:
    """TLS towards a node, whose certificate is checked.

    Raises
    ------
    PacsError : for files of certificates that cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=node.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise PacsError(_bad_file(node, node.ca_file, "trusted certificates", error)) from error
    _load_own(node, context)
    return context


def server_context(node: Node) -> ssl.SSLContext:
    """TLS for images that a node sends to us; it needs a certificate of our own.

    Raises
    ------
    PacsError : where there is none, or it cannot be read.
    """
    if not node.certificate:
        raise PacsError(
            f"{node.place} sends by C-MOVE over TLS only to who has a certificate: "
            "set the files of our own certificate, or retrieve by C-GET."
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_own(node, context)
    return context


def fault_of_line(node: Node, timeouts: Timeouts) -> str:
    """Open a line to a node, close it, and say in a sentence why it cannot be opened; or nothing.

    Raises
    ------
    PacsError : for files of certificates that cannot be read.
    """
    host, port = address_of(node)
    context = client_context(node) if is_encrypted(node) else None
    try:
        with socket.create_connection((host, port), timeouts.connect) as line:
            if context is not None:
                with context.wrap_socket(line, server_hostname=host):
                    pass
    except socket.gaierror:
        return f'{node.place} is not found: no host is called "{shown(host)}"; check its name.'
    except ConnectionRefusedError:
        return f"{node.place} does not answer at port {port}: check the port, and that it runs."
    except TimeoutError:
        return (
            f"{node.place} did not answer within {timeouts.connect:g} s: "
            "check its address, and that no firewall is between."
        )
    except ssl.SSLCertVerificationError as error:
        return (
            f"{node.place} has a certificate that does not fit ({error.verify_message}): "
            "set the file of the certificates to trust, and the host as the certificate names it."
        )
    except (ssl.SSLError, ConnectionError):
        return (
            f"{node.place} opened no encrypted line: check that its port speaks TLS, and whether "
            "it wants a certificate of ours."
            if is_encrypted(node)
            else f"{node.place} dropped the line: check its port, and whether it wants TLS."
        )
    except OSError as error:
        return f"{node.place} cannot be reached ({error.strerror or error}): check its address."
    return ""


def unanswered(node: Node) -> str:
    """The sentence for a line that can be opened and brings nothing."""
    return (
        f"{node.place} opened a line and closed it without an answer: check that its port is the "
        "one of the PACS, whether it wants TLS, and whether it lets this computer in."
    )


def _load_own(node: Node, context: ssl.SSLContext) -> None:
    if not node.certificate:
        return
    try:
        context.load_cert_chain(node.certificate, node.key)
    except (OSError, ssl.SSLError) as error:
        raise PacsError(_bad_file(node, node.certificate, "our own certificate", error)) from error


def _bad_file(node: Node, path: str, of: str, error: OSError) -> str:
    reason = error.strerror if not isinstance(error, ssl.SSLError) else "no certificate in PEM"
    return f"{node.name}: {path} cannot be used as the file of {of} ({reason}): choose another."
