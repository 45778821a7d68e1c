"""The standard streams of a command: any name can be printed, and an output that fails is named."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

from liverview.core.errors import LiverviewError
from liverview.core.text import ESCAPING, KEEPING_BYTES

TYPE_CHECKING = False  # as in liverview/__init__: importing typing would be half of `--help`
if TYPE_CHECKING:
    from typing import Any, TextIO


class OutputError(LiverviewError):
    """The standard output cannot be written."""


@contextlib.contextmanager
def prepared_streams() -> Iterator[None]:
    """Within the block, print takes what the encoding lacks, and says where it fails.

    What cannot be encoded is escaped; bytes of names stay bytes where the system says so, as the
    C locale does. A standard output that fails raises `OutputError`; of standard error there is
    nobody left to tell.
    """
    before = sys.stdout, sys.stderr
    with contextlib.ExitStack() as restored:
        for stream in before:
            if isinstance(stream, io.TextIOWrapper):
                restored.callback(_set_errors, stream, stream.errors or "strict")
                keeps = stream.errors == "surrogateescape"
                _set_errors(stream, KEEPING_BYTES if keeps else ESCAPING)
        if sys.stdout is not None:  # a program without a terminal on Windows has none
            sys.stdout = _Checked(sys.stdout)
        if sys.stderr is not None:
            sys.stderr = _Lenient(sys.stderr)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def discard_standard_output() -> None:
    """Let go of an output that cannot be written, or Python would try again at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _set_errors(stream: io.TextIOWrapper, errors: str) -> None:
    """Set the error handler; that this writes what waits, and may fail, is no matter here."""
    with contextlib.suppress(OSError):
        stream.reconfigure(errors=errors)


class _Wrapped:
    """A stream of which all but writing is as it was."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Checked(_Wrapped):
    def write(self, text: str) -> int:
        with _named_failure():
            return self._stream.write(text)

    def flush(self) -> None:
        with _named_failure():
            self._stream.flush()


class _Lenient(_Wrapped):
    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


@contextlib.contextmanager
def _named_failure() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"standard output could not be written ({error.strerror or error}): free some space "
            "or send it elsewhere; files that are named as written are complete."
        ) from error
