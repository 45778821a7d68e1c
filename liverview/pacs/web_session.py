"""The session that dicomweb-client asks by: one address alone, bounded, and cut at any time."""

from __future__ import annotations

import io
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from liverview.pacs.errors import PacsError

MOST_OF_A_REPLY = 64 * 2**20
"""Bytes; one without an end would fill the memory."""
_TAIL = 2**10
# They would log addresses, and a search's address holds the patient's name.
for _name in ("urllib3", "dicomweb_client"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class TooLongError(Exception):
    """A reply goes on beyond what is taken."""


class WebSession(requests.Session):
    """What dicomweb-client asks by: no redirects, no reply without an end, refusals said early."""

    def __init__(
        self, token: str, context: Any, refused: Callable[[requests.Response], PacsError | None]
    ) -> None:
        super().__init__()
        self._sockets: list[socket.socket] = []
        self.auth = _Token(token)
        adapter = _Adapter(self._sockets, context)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        self._refused = refused
        self.accept = ""
        self.body = _Body(io.BytesIO())

    def close(self) -> None:
        """Close what is open, a reply that was not read to its end included."""
        self.body.close()
        super().close()

    def cut(self) -> None:
        """End what is under way, from another thread."""
        for line in list(self._sockets):
            with suppress(OSError):  # closed meanwhile
                line.shutdown(socket.SHUT_RDWR)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """A reply whose status is good.

        Raises
        ------
        PacsError : for another one.
        """
        headers = dict(options.pop("headers", None) or {})
        # dicomweb-client leaves the port out of it, and cuts addresses of IPv6.
        headers.pop("Host", None)
        if self.accept:
            headers["Accept"] = self.accept
        options["allow_redirects"] = False
        reply = super().request(method, _plainer(url), headers=headers, **options)
        error = self._refused(reply)
        if error is not None:
            reply.close()
            raise error
        return reply

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """A reply, read at once where the options do not say "stream"."""
        at_once = not options.get("stream")
        reply = super().send(request, **(options | {"stream": True}))
        self.body = reply.raw = _Body(reply.raw)
        if at_once:
            reply.content  # noqa: B018 - reads it
        return reply


class _Body:
    """What is read of a reply, counted; its end is kept."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.left, self.tail, self.begun = MOST_OF_A_REPLY, b"", False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, *arguments: Any, **options: Any) -> Iterator[bytes]:
        """The pieces, as requests asks for them.

        Raises
        ------
        TooLongError : where there is more than what is left.
        """
        return self._iter_pieces(*arguments, **options)

    def _iter_pieces(self, *arguments: Any, **options: Any) -> Iterator[bytes]:
        for piece in self._raw.stream(*arguments, **options):
            self.left -= len(piece)
            if self.left < 0:
                raise TooLongError
            self.begun = True
            self.tail = (self.tail + piece[-_TAIL:])[-_TAIL:]
            yield piece


def _plainer(url: str) -> str:
    """An address whose wildcards stand as they are (RFC 3986): Orthanc takes no others."""
    path, mark, query = url.partition("?")
    for written, plain in (("%2A", "*"), ("%3F", "?"), ("+", "%20")):
        query = query.replace(written, plain)
    return path + mark + query


class _Token(requests.auth.AuthBase):
    """Puts the token into a request; also where there is none, lest one is taken from .netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        user, colon, password = self._token.partition(":")
        if colon:
            return requests.auth.HTTPBasicAuth(user.encode(), password.encode())(request)
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Adapter(HTTPAdapter):
    """Connections whose sockets are known, so that they can be cut, and checked by our context."""

    def __init__(self, sockets: list[socket.socket], context: Any) -> None:
        self._sockets, self._context = sockets, context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        if self._context is not None:
            options["ssl_context"] = self._context
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._sockets)

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        """Host and TLS of a request: certificates are those of our context, not of requests."""
        host, options = super().build_connection_pool_key_attributes(request, verify, cert)
        if self._context is not None:
            options = {"cert_reqs": "CERT_REQUIRED", "ssl_context": self._context}
        return host, options


def _pool_classes(sockets: list[socket.socket]) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class Encrypted(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}
