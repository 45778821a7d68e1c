"""The parts of a multipart reply, as its pieces arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MOST_OF_A_PART = 2**31
"""Bytes; a part without an end would fill the memory."""
_LONGEST_HEAD = 2**16


class MultipartError(ValueError):
    """A reply that is no multipart, or has no end."""


def iter_parts(pieces: Iterable[bytes], boundary: bytes) -> Iterator[bytes]:
    """Yield the body of each part (RFC 2046).

    Raises
    ------
    MultipartError : where the last boundary is missing, so that something is.
    """
    mark = b"\r\n--" + boundary
    held = bytearray(b"\r\n")  # so that the first boundary is as the others
    preamble, searched = True, 0
    for piece in pieces:
        held += piece
        while (at := held.find(mark, searched)) >= 0 and len(held) >= at + len(mark) + 2:
            if not preamble:
                yield _body(held[:at])
            preamble = False
            end = at + len(mark)
            if held[end : end + 2] == b"--":
                return
            del held[:end]
            searched = 0
        searched = max(0, len(held) - len(mark) - 2) if at < 0 else at
        if len(held) > MOST_OF_A_PART:
            raise MultipartError("a part is too long")
    raise MultipartError("the last boundary is missing")


def _body(part: bytearray) -> bytes:
    """A part behind its head, of which nothing is needed."""
    # A part without a head begins with the empty line itself.
    end = part.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
    if end < 0:
        raise MultipartError("a part has no head")
    return bytes(memoryview(part)[end + 4 :])
