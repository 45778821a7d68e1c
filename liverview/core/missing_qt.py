"""Sentences for a person who asks for what needs Qt, and it is not installed."""

from __future__ import annotations

from liverview.core.errors import LiverviewError

INSTALL = 'pip install "PySide6-Essentials!=6.12.0" pyqtgraph PyOpenGL'
"""What an installation without Qt lacks, see requirements-without-qt.txt."""
_MODULES = frozenset({"PySide6", "shiboken6", "pyqtgraph", "OpenGL"})


class MissingQtError(LiverviewError):
    """Something needs Qt, and it is not installed or does not find a library of the system."""


def is_without_qt(error: ImportError) -> bool:
    """True where Qt, or what draws with it, is not installed at all."""
    return isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in _MODULES


def missing_qt(error: ImportError, what: str) -> MissingQtError:
    """The error that names the way out.

    Parameters
    ----------
    what : needs Qt, as "The window"; a sentence begins with it.

    Raises
    ------
    ImportError : ``error`` itself, where a module is missing that has nothing to do with Qt.
    """
    if is_without_qt(error):
        return MissingQtError(f"{what} needs Qt, which is not installed here: {INSTALL}.")
    if isinstance(error, ModuleNotFoundError):
        raise error
    return MissingQtError(
        f"{what} needs a library of the system that is not installed ({error}): see README, Start."
    )
