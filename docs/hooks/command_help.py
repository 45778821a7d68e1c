"""MkDocs hook: puts the help texts of the command line where `<!-- help: NAME -->` stands.

The texts are those of `liverview.cli.parser`, made while the pages are built; a command that no
page shows, or a name that is no command, fails the build.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from liverview.cli.parser import COMMANDS, command_parser
from liverview.cli.window import window_parser

PAGE = "command_line.md"
WINDOW = "window"
COLUMNS = "90"
_MARK = re.compile(r"<!-- help: (\w+) -->")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace every mark by the help text of its command."""
    if page.file.src_uri != PAGE:
        return markdown
    shown, known = set(_MARK.findall(markdown)), {*COMMANDS, WINDOW}
    if shown != known:
        raise PluginError(f"{PAGE}: help of {sorted(shown ^ known)} is missing or unknown.")
    return _MARK.sub(lambda match: f"```text\n{help_text(match[1])}\n```", markdown)


def help_text(name: str) -> str:
    """What `liverview NAME --help` prints in a terminal of 90 columns."""
    is_window = name == WINDOW
    parser: argparse.ArgumentParser = window_parser(COMMANDS) if is_window else command_parser()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            parser.parse_args(["--help"] if is_window else [name, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return printed.getvalue().strip()
