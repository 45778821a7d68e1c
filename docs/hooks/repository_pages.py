"""MkDocs hook: files of the repository as pages, and links that hold in both places.

Links in the sources are those of the repository, so that they can be followed there. On the
pages they lead to the page of the same file; a link to a file that is no page fails the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "weights/coarse.md": "weights/coarse.md",
    "weights/fine.md": "weights/fine.md",
    "weights/lesions.md": "weights/lesions.md",
    "weights/click.md": "weights/click.md",
    "resources/bank/README.md": "resources/bank.md",
    "resources/livers/README.md": "resources/livers.md",
}
"""Page by file of the repository; everything in docs/ is a page besides."""
ICON = "resources/icons/liverview.svg", "images/liverview.svg"
README = "README.md"  # no page, but its links are checked
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside docs/."""
    root = Path(config.config_file_path).parent
    for source, page in PAGES.items():
        text = (root / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    icon, shown = ICON
    files.append(File.generated(config, shown, abs_src_path=str(root / icon)))
    targets = _LINK.findall((root / README).read_text(encoding="utf-8"))
    dead = [target for target in targets if not (root / target).exists()]
    if dead:
        raise PluginError(f"{README} links to {', '.join(dead)}, which is not there.")
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages."""
    sources = {target: source for source, target in PAGES.items()}
    here = page.file.src_uri
    folder = posixpath.dirname(sources.get(here, f"docs/{here}"))

    def page_link(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[1]))
        target = PAGES.get(path, path.removeprefix("docs/"))
        return posixpath.relpath(target, posixpath.dirname(here) or ".")

    return _LINK.sub(page_link, markdown)
