"""Talking with a DICOMweb node: requests, and what their failures mean."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from liverview.core.text import shown
from liverview.pacs.errors import PacsError, TokenNeededError
from liverview.pacs.lines import client_context, fault_of_line, is_encrypted, unanswered
from liverview.pacs.nodes import Node
from liverview.pacs.timeouts import Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = "application/dicom+json"
_MOST_JSON = 64 * 2**20  # bytes of a list of studies
# It would log addresses, and a search's address holds the patient's name.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)

_STATUS = {
    403: "does not let us do this: ask who runs it",
    404: "has nothing at this address: check the address of DICOMweb, and that it is still there",
    406: "cannot give it in the form that was asked for: retrieve by C-GET or C-MOVE instead",
    413: "does not take so much at once: ask who runs it to raise its limit",
    415: "does not take this kind of file: save it otherwise",
    429: "is too busy: try again later",
    503: "is too busy: try again later",
}


class WebClient:
    """A session with a DICOMweb node, to be used as a context.

    The token goes to this node alone: no redirect is followed, and what the system's files say
    about passwords is not used.
    """

    def __init__(self, node: Node, timeouts: Timeouts) -> None:
        self.node, self.timeouts = node, timeouts
        self._sockets: list[socket.socket] = []
        self._session = requests.Session()
        self._session.auth = _Token(node.token)
        context = client_context(node) if is_encrypted(node) else None
        adapter = _Adapter(self._sockets, context)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def cut(self) -> None:
        """End what is under way, from another thread; what waits for the node returns."""
        for line in list(self._sockets):
            with suppress(OSError):  # closed meanwhile
                line.shutdown(socket.SHUT_RDWR)

    def search(self, path: str, asked: Mapping[str, str | list[str]]) -> list[dict[str, Any]]:
        """The entries that a search finds, as DICOM's JSON.

        Raises
        ------
        PacsError : where it cannot be searched.
        """
        with self.ask("GET", path, params=asked, headers={"Accept": JSON}) as reply:
            if reply.status_code == 204:
                return []
            self._expect(reply, "json", "a list of studies")
            body = bytearray()
            for piece in reply.iter_content(2**16):
                body += piece
                if len(body) > _MOST_JSON:
                    raise PacsError(f"{self.node.place} sent an endless list: narrow the search.")
        import json

        try:
            found = json.loads(body)
        except ValueError as error:
            raise PacsError(self._unexpected("a list of studies")) from error
        if not isinstance(found, list):
            raise PacsError(self._unexpected("a list of studies"))
        return [entry for entry in found if isinstance(entry, dict)]

    @contextmanager
    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> Iterator[requests.Response]:
        """A reply of the node, whose status is good or among those ``allowed``.

        Raises
        ------
        PacsError : else, and where the line ends while the reply is read.
        """
        try:
            with self._session.request(
                method,
                f"{self.node.url.rstrip('/')}/{path}{_encoded(params or {})}",
                headers=headers,
                data=body,
                stream=True,
                allow_redirects=False,
                timeout=(self.timeouts.connect, self.timeouts.reply),
            ) as reply:
                if reply.status_code not in (200, 202, 204, *allowed):
                    raise self._refusal(reply)
                yield reply
        except requests.exceptions.ReadTimeout as error:
            raise PacsError(self._silence()) from error
        except (requests.exceptions.SSLError, requests.exceptions.ConnectTimeout) as error:
            raise PacsError(self._fault()) from error
        except requests.exceptions.ConnectionError as error:
            raise PacsError(self._broken(error)) from error
        except (requests.exceptions.RequestException, HTTPError) as error:
            raise PacsError(
                f"{self.node.place} dropped the line in the middle of its answer: try again."
            ) from error

    def _expect(self, reply: requests.Response, kind: str, of: str) -> None:
        if kind not in reply.headers.get("Content-Type", "").lower():
            raise PacsError(self._unexpected(of))

    def unexpected_reply(self, of: str) -> PacsError:
        """The error for a reply that is something else."""
        return PacsError(self._unexpected(of))

    def _unexpected(self, of: str) -> str:
        return (
            f"{self.node.place} answered with something else than {of}, such as a web page: "
            "check the address of DICOMweb."
        )

    def _silence(self) -> str:
        return (
            f"{self.node.place} said nothing for {self.timeouts.reply:g} s: "
            "try again, or ask who runs it."
        )

    def _broken(self, error: requests.exceptions.ConnectionError) -> str:
        if "Read timed out" in str(error):  # in the middle of a reply
            return self._silence()
        if "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error):
            return self._fault()
        return f"{self.node.place} dropped the line instead of an answer: try again."

    def _fault(self) -> str:
        return fault_of_line(self.node, self.timeouts) or unanswered(self.node)

    def _refusal(self, reply: requests.Response) -> PacsError:
        status, place = reply.status_code, self.node.place
        if status == 401:
            wrong = "did not take the token" if self.node.token else "wants a token"
            return TokenNeededError(f"{place} {wrong}: enter the one that its administrator gave.")
        if 300 <= status < 400:
            where = shown(reply.headers.get("Location", "elsewhere"))[:200]
            return PacsError(
                f"{place} sends on to {where}, which is not followed: "
                "set the address of DICOMweb itself, and a token where it wants a login."
            )
        said = _STATUS.get(status)
        if said is None:
            fault = "failed inside" if status >= 500 else "refused the request"
            said = f"{fault}: try again, or ask who runs it"
        return PacsError(f"{place} answered {status}; it {said}.")


def _encoded(params: Mapping[str, str | list[str]]) -> str:
    """A query; wildcards stand as they are, which RFC 3986 allows: Orthanc takes no others."""
    if not params:
        return ""
    return "?" + urlencode(params, doseq=True, safe="*?", quote_via=quote)


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
