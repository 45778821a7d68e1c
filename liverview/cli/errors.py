"""Errors that a person can mend."""

from __future__ import annotations

from pathlib import Path

from liverview.core.text import shortened, shown


def expected_errors() -> tuple[type[Exception], ...]:
    """Everything that a person can cause; all else is a bug and keeps its traceback."""
    return (ValueError, OSError, MemoryError)


def sentence(error: Exception, path: Path | None = None) -> str:
    """An error in one printable line that names the file: ``path``, where it does not itself."""
    text = str(error)
    if isinstance(error, MemoryError):
        text = f"there is not enough memory ({text})" if text else "there is not enough memory"
        text += ": close other programs, or crop the scan."
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    named = path is None or path.name in text
    return shortened(shown(" ".join((text if named else f"{path}: {text}").split())))
