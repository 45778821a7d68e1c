"""HTML by hand: every text in it is escaped, nothing is fetched and nothing is run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from liverview.cohort.page.pictures import ScanPicture
from liverview.cohort.page.style import STYLE
from liverview.core.text import shortened, shown
from liverview.report.html_page import head_lines

_LONGEST = 400  # characters of one cell


def text_html(text: object, most: int = _LONGEST) -> str:
    """Any text, as one line that a page can hold."""
    return escape(shortened(" ".join(shown(str(text)).split()), most))


def page_html(title: str, body: Iterable[str]) -> str:
    """The whole file, to be written as UTF-8."""
    return "\n".join([*head_lines(text_html(title), STYLE), *body, "</body>", "</html>"]) + "\n"


def table_html(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Sequence[int] = (),
    *,
    raw: Sequence[int] = (),
) -> str:
    """A table of texts.

    Parameters
    ----------
    numeric : the columns of numbers.
    raw : the columns that are HTML already.
    """
    kinds = [' class="number"' if n in numeric else "" for n in range(len(headings))]
    parts = ['<div class="wide"><table><thead><tr>']
    parts += [
        f'<th scope="col"{kind}>{text_html(heading)}</th>'
        for heading, kind in zip(headings, kinds, strict=True)
    ]
    parts.append("</tr></thead><tbody>")
    for row in rows:
        cells = [cell if n in raw else text_html(cell) for n, cell in enumerate(row)]
        parts.append(
            "<tr>"
            + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(cells, kinds, strict=True))
            + "</tr>"
        )
    parts.append("</tbody></table></div>")
    return "".join(parts)


def list_html(texts: Iterable[str], kind: str = "") -> str:
    """A list of texts."""
    start = f'<ul class="{kind}">' if kind else "<ul>"
    return f"{start}{''.join(f'<li>{text_html(text)}</li>' for text in texts)}</ul>"


def picture_html(picture: ScanPicture, name: str) -> str:
    """A picture with the name of its scan for those who cannot see it."""
    width, height = picture.size
    data = b64encode(picture.jpeg).decode("ascii")
    alt = text_html(f"{name}: {picture.caption}")
    return (
        f'<img src="data:image/jpeg;base64,{data}" width="{width}" height="{height}" alt="{alt}">'
    )
