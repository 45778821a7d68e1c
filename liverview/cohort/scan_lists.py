"""Lists and tables of scans: a path in each line, or rows with a path, an id and other columns.

Both are as people and spreadsheets write them: in UTF-8 or UTF-16, with or without a byte order
mark, or as Windows-1252; with any line ends; with commas, semicolons or tabs between columns.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from liverview.core.text import quoted
from liverview.files.opening import ImageFileError

LIST_SUFFIXES = ".txt", ".lst"
TABLE_SUFFIXES = ".csv", ".tsv"
PATH_COLUMNS = "path", "file", "scan", "series"
"""Titles of the column of paths, in any case; the first of these that a table has."""
ID_COLUMN = "id"
_DELIMITERS = ",;\t|"
_LARGEST = 1 << 28  # bytes of a list
_HEAD = 100_000  # characters of the titles by which the separator is known
_MOST_ID_BYTES = 150  # of 255 that a file name may have: suffixes, and names beside it, come after
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_STRAY = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class GivenItem:
    """A file or folder that was given, by itself or in a list.

    Attributes
    ----------
    path : relative ones in a list are relative to the list's folder.
    name : the id of a table; None where none was given.
    columns : of a table's row, all but path and id.
    vouched : a table says that it is what the command is for.
    origin : the list and its line, to begin a sentence with; empty of what was given by itself.
    """

    path: Path
    name: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    vouched: bool = False
    origin: str = ""


def is_list(path: Path) -> bool:
    """True for a file that is a list or a table of scans, by its suffix."""
    return path.suffix.lower() in (*LIST_SUFFIXES, *TABLE_SUFFIXES) and path.is_file()


def read_list(path: Path) -> list[GivenItem]:
    """Read a list or a table; files that it names need not be there.

    Raises
    ------
    ImageFileError : one sentence that names the line, for what is no list, has no column of paths,
        or has ids that are missing, the same, or no names of files.
    OSError : where it cannot be read.
    """
    text = _read_text(path)
    table = path.suffix.lower() in TABLE_SUFFIXES
    found = list(_iter_rows(path, text) if table else _iter_lines(path, text))
    if not found:
        raise ImageFileError(f"{path} names no scans: put a path in each line.")
    return found


def _read_text(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8 stay in it as lone surrogates."""
    if path.stat().st_size > _LARGEST:
        raise ImageFileError(f"{path} is too large for a list of scans: divide it.")
    data = path.read_bytes()
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode(encoding, "surrogateescape" if encoding == "utf-8-sig" else "strict")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ImageFileError(f"{path} is no text: give a list of paths, or a table as CSV.")
    return text


# ---- lists -----------------------------------------------------------------------------------


def _iter_lines(path: Path, text: str) -> Iterator[GivenItem]:
    for number, line in enumerate(re.split("\r\n|\n|\r", text), 1):
        line = line.strip(" \t")
        if not line or line.startswith("#"):
            continue
        if len(line) > 2 and line[0] == line[-1] == '"':
            line = line[1:-1]
        origin = _origin(path, number)
        yield GivenItem(_path_in(path.parent, line, origin), origin=origin)


# ---- tables ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Titles:
    """The first row of a table, and which of its columns are the path and the id."""

    titles: Sequence[str]
    path: int
    id: int | None

    def columns_of(self, cells: Sequence[str]) -> dict[str, str]:
        other = (n for n in range(len(self.titles)) if n not in (self.path, self.id))
        return {self.titles[n]: _as_windows(cells[n]) for n in other}


def _iter_rows(path: Path, text: str) -> Iterator[GivenItem]:
    titles: _Titles | None = None
    lines: dict[str, int] = {}  # by id, as file systems compare names
    for number, cells in _iter_cells(path, text):
        if titles is None:
            titles = _read_titles(path, cells)
            continue
        origin = _origin(path, number)
        cells = _padded(cells, titles, origin)
        if not cells[titles.path]:
            raise ImageFileError(
                f"{origin}: the {titles.titles[titles.path]} is empty: fill it in, or take the "
                "line out."
            )
        name = None if titles.id is None else _as_windows(cells[titles.id])
        if name is not None:
            _check_id(name, origin)
            first = lines.setdefault(unicodedata.normalize("NFC", name).casefold(), number)
            if first != number:
                raise ImageFileError(
                    f"{origin}: the id {quoted(name)} is that of line {first}, too: results are "
                    "called by it, so give each scan its own."
                )
        scan = _path_in(path.parent, cells[titles.path], origin)
        yield GivenItem(scan, name, titles.columns_of(cells), vouched=True, origin=origin)


def _iter_cells(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the line that it begins in."""
    skipped = 0
    stated = re.match(r"sep=(.)(\r\n|\n|\r)", text)  # a spreadsheet's own first line
    if stated:
        text, skipped = text[stated.end() :], 1
    delimiter = stated[1] if stated else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ImageFileError(
                f"{_origin(path, skipped + begins)}: it is no row of a table ({error}): mend its "
                "quotes, or save the table as CSV again."
            ) from error
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield skipped + begins, cells
        begins = reader.line_num + 1


def _delimiter(text: str) -> str:
    """What separates the titles: what gives most columns, one of them that of the paths."""
    first = next((line for line in re.split("\r\n|\n|\r", text) if line.strip()), "")[:_HEAD]

    def worth(delimiter: str) -> tuple[bool, int]:
        titles = next(csv.reader([first], delimiter=delimiter), [])
        return _path_column(titles) is not None, len(titles)

    return max(_DELIMITERS, key=worth)


def _path_column(titles: Sequence[str]) -> int | None:
    plain = [title.strip().casefold() for title in titles]
    return next((plain.index(name) for name in PATH_COLUMNS if name in plain), None)


def _read_titles(path: Path, cells: Sequence[str]) -> _Titles:
    plain = [cell.casefold() for cell in cells]
    index = _path_column(cells)
    if index is None:
        *others, last = PATH_COLUMNS
        raise ImageFileError(
            f"{path} has no column of paths ({quoted(', '.join(cells))}): give its first line "
            f"the title {', '.join(others)} or {last} above the paths."
        )
    titles: dict[str, None] = {}  # in their order; none is lost by another one of its name
    for number, cell in enumerate(cells, 1):
        titles[cell if cell and cell not in titles else f"{cell or 'column'}_{number}"] = None
    return _Titles(list(titles), index, plain.index(ID_COLUMN) if ID_COLUMN in plain else None)


def _padded(cells: list[str], titles: _Titles, origin: str) -> list[str]:
    count = len(titles.titles)
    if any(cells[count:]):
        raise ImageFileError(
            f"{origin}: it has {len(cells)} cells, the first line {count}: put cells with the "
            "separator in them into quotes."
        )
    return [*cells, *[""] * (count - len(cells))]


def _check_id(name: str, origin: str) -> None:
    """Refuse an id that could not begin the name of a file on every system."""
    reason = ""
    if not name:
        reason = "the id is empty: fill it in, or leave the column out"
    elif _NOT_IN_NAMES.search(name) or name.startswith(".") or name.endswith("."):
        reason = (
            f"the id {quoted(name)} cannot be the name of a file: use letters, digits, dots "
            "inside, - and _"
        )
    elif len(name.encode("utf-8", "surrogateescape")) > _MOST_ID_BYTES:
        reason = f"the id {quoted(name)} is longer than {_MOST_ID_BYTES} bytes: shorten it"
    if reason:
        raise ImageFileError(f"{origin}: {reason}.")


# ---- both ------------------------------------------------------------------------------------


def _origin(path: Path, line: int) -> str:
    return f"{path}, line {line}"


def _path_in(folder: Path, text: str, origin: str) -> Path:
    """A path as a list in this folder means it."""
    if _CONTROL.search(text):
        raise ImageFileError(f"{origin}: {quoted(text)} is no path: it has control characters.")
    named = os.fsdecode(text.encode("utf-8", "surrogateescape"))  # as the system names its bytes
    path = Path(named)
    if path.parts and path.parts[0] == "~":
        path = Path(os.path.expanduser(named))  # noqa: PTH111 - which raises without a home
    path = folder / path
    if "\\" in text and "/" not in text and not os.path.lexists(path):
        path = folder / PureWindowsPath(named).as_posix()
    if _STRAY.search(text) and not os.path.lexists(path):
        # a spreadsheet's bytes, not the file system's
        return _path_in(folder, _as_windows(text), origin)
    return path


def _as_windows(text: str) -> str:
    """Bytes that are no UTF-8, as what a spreadsheet of Windows meant by them."""
    if not _STRAY.search(text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
