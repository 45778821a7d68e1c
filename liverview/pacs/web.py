"""Talking with a DICOMweb node by dicomweb-client: our session for it, and what failures mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import requests
from dicomweb_client import DICOMwebClient
from urllib3.exceptions import HTTPError

from liverview.core.text import shown
from liverview.pacs.errors import PacsError, TokenNeededError
from liverview.pacs.lines import client_context, fault_of_line, is_encrypted, unanswered
from liverview.pacs.nodes import Node
from liverview.pacs.timeouts import Timeouts
from liverview.pacs.web_session import TooLongError, WebSession

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = "application/dicom+json"
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
MOST_OF_AN_IMAGE = 2**31
"""Bytes; one without an end would fill the memory."""
_PIECE = 2**18  # bytes
_END = re.compile(rb"\r\n--[^\r\n]{1,70}--[ \t]*(\r\n|\Z)")
"""The last boundary of a multipart reply (RFC 2046)."""
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
        context = client_context(node) if is_encrypted(node) else None
        self._session = WebSession(node.token, context, self._refused)
        self._dicomweb = DICOMwebClient(
            node.url.rstrip("/"),
            self._session,
            chunk_size=_PIECE,
            permissive_uid=True,
            timeout=(timeouts.connect, timeouts.reply),
        )
        # It would wait for a minute where nobody can cut it short.
        self._dicomweb.set_http_retry_params(retry=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def cut(self) -> None:
        """End what is under way, from another thread; what waits for the node returns."""
        self._session.cut()

    def find_studies(
        self, asked: Mapping[str, str], fields: Iterable[str] = (), most: int | None = None
    ) -> list[dict[str, Any]]:
        """The studies that match, as DICOM's JSON.

        Raises
        ------
        PacsError : where they cannot be searched.
        """
        return self._listed(
            lambda: self._dicomweb.search_for_studies(
                limit=most, fields=tuple(fields), search_filters=dict(asked)
            )
        )

    def find_series(
        self, study: str, asked: Mapping[str, str], fields: Iterable[str]
    ) -> list[dict[str, Any]]:
        """The series of a study that match, in the same way."""
        return self._listed(
            lambda: self._dicomweb.search_for_series(
                study, fields=tuple(fields), search_filters=dict(asked)
            )
        )

    def _listed(self, search: Callable[[], Any]) -> list[dict[str, Any]]:
        with self._talking("a list of studies"):
            found = search()
            if not isinstance(found, list):
                raise PacsError(self._unexpected("a list of studies"))
            return [entry for entry in found if isinstance(entry, dict)]

    def iter_images(self, study: str, series: str) -> Iterator[bytes]:
        """Yield the files of a series, as they are stored.

        dicomweb-client gives a series as pydicom's datasets, which are not the bytes that were
        sent; parts of any address it gives as they are.

        Raises
        ------
        PacsError : where there is something else, and where the line ends before the last.
        """
        self._session.accept = DICOM
        address = f"{self._dicomweb.base_url}/studies/{study}/series/{series}"
        with self._talking("images"):
            parts = self._dicomweb.iter_bulkdata(address)
            while True:
                self._session.body.left = MOST_OF_AN_IMAGE
                try:
                    part = next(parts, None)
                except ValueError as error:
                    if self._session.body.begun:
                        raise self._cut_off() from error
                    raise
                if part is None:
                    break
                yield bytes(part)
            # Parts end with the reply, whether or not its last boundary is there.
            if not _END.search(self._session.body.tail):
                raise self._cut_off()

    def _cut_off(self) -> PacsError:
        return PacsError(
            f"{self.node.place} dropped the line in the middle of the images, "
            "so none was kept: try again."
        )

    def post(
        self, path: str, headers: Mapping[str, str], body: Iterable[bytes]
    ) -> tuple[int, bytes]:
        """Status and content of the answer to something that is sent.

        Raises
        ------
        PacsError : where the status is neither good nor 400 or 409, which say why.
        """
        with self._talking("what it stored"):
            reply = self._session.post(
                f"{self._dicomweb.base_url}/{path}",
                headers=headers,
                data=body,
                timeout=(self.timeouts.connect, self.timeouts.reply),
            )
            return reply.status_code, reply.content

    @contextmanager
    def _talking(self, of: str) -> Iterator[None]:
        """A block in which failures of a request become sentences; ``of`` is what it is to bring.

        Raises
        ------
        PacsError : where the node does not bring it.
        """
        try:
            yield
        except PacsError:  # which is a ValueError, too
            raise
        except requests.exceptions.ReadTimeout as error:
            raise PacsError(self._silence()) from error
        except (requests.exceptions.SSLError, requests.exceptions.ConnectTimeout) as error:
            raise PacsError(self._fault()) from error
        except requests.exceptions.ConnectionError as error:
            raise PacsError(self._broken(error)) from error
        except TooLongError as error:
            raise PacsError(
                f"{self.node.place} sent an endless reply: narrow the search, or ask who runs it."
            ) from error
        except (ValueError, KeyError) as error:  # no JSON, no multipart, no Content-Type
            raise PacsError(self._unexpected(of)) from error
        except (requests.exceptions.RequestException, HTTPError) as error:
            raise PacsError(
                f"{self.node.place} dropped the line in the middle of its answer: try again."
            ) from error

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

    def _refused(self, reply: requests.Response) -> PacsError | None:
        """The error that a reply stands for, if any."""
        allowed = (200, 202, 204) if reply.request.method == "GET" else (200, 202, 204, 400, 409)
        return None if reply.status_code in allowed else self._refusal(reply)

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
