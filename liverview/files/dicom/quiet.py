"""Silence around libraries of DICOM: what they warn of and log quotes values of patients."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, cast

_LOGGERS = (
    "pydicom", "highdicom", "pylibjpeg", "openjpeg", "pynetdicom", "dicomweb_client",
)  # fmt: skip
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


class _InQuietBlocks:
    """Stands where a warnings filter has its pattern: matches all that quiet blocks warn of.

    A context variable knows them, so that other threads' warnings stay what they are;
    `warnings.catch_warnings` would take those too.
    """

    def match(self, _text: str) -> bool:
        return _quiet.get()


_FILTER: Any = ("ignore", _InQuietBlocks(), Warning, None, 0)


@contextlib.contextmanager
def quiet_pydicom() -> Iterator[None]:
    """A block in which warnings of this thread are ignored, and what pydicom logs goes nowhere.

    Files of patients hold values that are not as the standard has them, and pydicom names them
    in what it warns of and logs. What matters of them is said by liverview in words of its own.
    Every thread that reads has to enter a block of its own; blocks may lie in each other. Loggers
    of DICOM libraries stay detached from the root logger afterwards.
    """
    filters = cast("list[Any]", warnings.filters)
    if not filters or filters[0] is not _FILTER:
        filters.insert(0, _FILTER)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.propagate:
            # Without a handler, logging would write to stderr.
            logger.addHandler(logging.NullHandler())
            logger.propagate = False
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)
