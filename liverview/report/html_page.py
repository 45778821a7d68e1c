"""The report as one HTML page that needs nothing else: no script, no link, pictures inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from html import escape

from liverview.report.contents import Contents, Figure, Key, Section, Table

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --faint: #5b636d; --line: #d5d9de;
  --ground: #fff; --head: #f1f3f5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --faint: #a2aab3;
  --line: #3d444c; --ground: #1b1e22; --head: #262b31; } }
* { box-sizing: border-box; }
body { margin: 2rem auto; padding: 0 1.25rem; max-width: 62rem; color: var(--ink);
  background: var(--ground); font: 15px/1.45 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; padding-bottom: .2rem;
  border-bottom: 1px solid var(--line); }
.disclaimer { margin: 0 0 1.25rem; font-weight: 600; }
.notice { margin: 0 0 1.25rem; padding: .5rem .75rem; font-weight: 600;
  border: 2px solid #b45309; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 0; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93em; }
th, td { text-align: left; vertical-align: top; padding: .3rem .55rem;
  border-bottom: 1px solid var(--line); }
td:last-child { overflow-wrap: anywhere; }
th { background: var(--head); font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
.remarks { margin: .6rem 0 0; padding-left: 1.1rem; color: var(--faint); font-size: .87em; }
.keys { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.25rem; padding: 0; }
.keys span { display: inline-block; width: 1.1em; height: .8em; margin-right: .4em; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr));
  gap: 1rem; align-items: start; }
figure { margin: 0; break-inside: avoid; }
figure img { display: block; width: 100%; height: auto; }
figcaption { margin-top: .3rem; color: var(--faint); font-size: .87em; }
@page { size: A4; margin: 16mm; }
@media print {
  :root { color-scheme: light; --ink: #000; --faint: #444; --line: #bbb; --ground: #fff;
    --head: #eee; }
  body { margin: 0; padding: 0; max-width: none; font-size: 10pt; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  .wide { overflow: visible; }
  .figures { grid-template-columns: 1fr 1fr; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
# Whatever a file's name holds, nothing is fetched and nothing is run.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def head_lines(title: str, style: str) -> list[str]:
    """The beginning of a page up to its body, of which nothing is fetched and nothing runs."""
    return [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
    ]


def html_page(contents: Contents) -> str:
    """The whole HTML file, to be written as UTF-8."""
    facts = (f"<dt>{escape(name)}</dt><dd>{escape(what)}</dd>" for name, what in contents.facts)
    parts = [
        *head_lines(escape(contents.title), _STYLE),
        f"<h1>{escape(contents.title)}</h1>",
        f'<p class="disclaimer">{escape(contents.disclaimer)}</p>',
        *([f'<p class="notice">{escape(contents.notice)}</p>'] if contents.notice else ()),
        f"<dl>{''.join(facts)}</dl>",
        *(line for section in contents.sections for line in _iter_section_html(section)),
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _iter_section_html(section: Section) -> Iterator[str]:
    yield f"<section><h2>{escape(section.heading)}</h2>"
    yield from (f"<p>{escape(text)}</p>" for text in section.paragraphs)
    if section.table:
        yield from _iter_table_html(section.table)
    if section.keys:
        yield f'<ul class="keys">{"".join(map(_key_html, section.keys))}</ul>'
    if section.figures:
        yield f'<div class="figures">{"".join(map(_figure_html, section.figures))}</div>'
    if section.remarks:
        remarks = "".join(f"<li>{escape(text)}</li>" for text in section.remarks)
        yield f'<ul class="remarks">{remarks}</ul>'
    yield "</section>"


def _iter_table_html(table: Table) -> Iterator[str]:
    kinds = [' class="number"' if column.numeric else "" for column in table.columns]
    yield '<div class="wide"><table><thead><tr>'
    for column, kind in zip(table.columns, kinds, strict=True):
        yield f'<th scope="col"{kind}>{escape(column.heading)}</th>'
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = (f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _key_html(key: Key) -> str:
    red, green, blue = key.color
    swatch = f'<span style="background: rgb({red}, {green}, {blue})"></span>'
    return f"<li>{swatch}{escape(key.name)}: {escape(key.drawn)}</li>"


def _figure_html(figure: Figure) -> str:
    width, height = figure.size
    data, caption = b64encode(figure.jpeg).decode("ascii"), escape(figure.caption)
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" width="{width}" height="{height}" '
        f'alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )
