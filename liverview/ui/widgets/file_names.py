"""Between Qt and the names of files: they are bytes, and Qt knows those alone that are UTF-8."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QBuffer, QUrl
from PySide6.QtGui import QPixmap

from liverview.core.text import shown

_URI = "file://"
_REPLACED = "\ufffd"  # stands in Qt for a byte that it does not know


def path_from_qt(name: str) -> Path:
    """The path that Qt names, as a file dialog does; of bytes it left out, those of the folder."""
    path = Path(_as_python_has_it(name))
    if _REPLACED not in name or path.exists():
        return path
    found = Path(path.anchor)
    for part in path.parts[bool(path.anchor) :]:
        found = found / (_find_part(found, part) if _REPLACED in part else part)
    return found


def path_from_url(url: QUrl) -> Path:
    """The path of a local file that was dropped, to the byte."""
    if _REPLACED not in url.toLocalFile():
        return path_from_qt(url.toLocalFile())
    whole = url.path(QUrl.ComponentFormattingOption.FullyEncoded)
    return Path(os.fsdecode(unquote_to_bytes(whole)))


def url_from_path(path: Path) -> QUrl:
    """The URL of a file, to the byte."""
    return QUrl.fromEncoded(path.absolute().as_uri().encode("ascii"))


def text_for_settings(path: Path) -> str:
    """The path as settings keep it: as it is shown, or as a URI where that is another one."""
    text = str(path)
    return text if shown(text) == text else path.absolute().as_uri()


def path_from_settings(text: str) -> Path:
    """The path that `text_for_settings` made the text of."""
    if text.startswith(_URI):
        return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_URI))))
    return Path(_as_python_has_it(text))


def save_picture(picture: QPixmap, path: Path) -> bool:
    """Write a picture as PNG; True where that was possible."""
    content = QBuffer()
    content.open(QBuffer.OpenModeFlag.WriteOnly)
    if not picture.save(content, "PNG"):
        return False
    try:
        path.write_bytes(content.data().data())
    except OSError:
        return False
    return True


def _as_python_has_it(name: str) -> str:
    """Qt's names are UTF-8 in any locale, Python's are in the encoding of the system."""
    return os.fsdecode(name.encode("utf-8", "replace")) if os.name == "posix" else name


def _find_part(folder: Path, part: str) -> str:
    """The one entry of a folder that Qt would name so; the part itself where there are others."""
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return part
    found = [name for name in names if os.fsencode(name).decode("utf-8", "replace") == part]
    return found[0] if len(found) == 1 else part
