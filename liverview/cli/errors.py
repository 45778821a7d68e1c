"""Errors that a person can mend."""

from __future__ import annotations


def expected_errors() -> tuple[type[Exception], ...]:
    """Everything that a person can cause; all else is a bug and keeps its traceback."""
    return (ValueError, OSError, MemoryError)
