"""The parser of all commands; each command adds its own."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

COMMANDS = (
    "segment",
    "cohort",
    "series",
    "click",
    "phantom",
    "deidentify",
    "measure",
    "mesh",
    "vessels",
    "convert",
    "report",
    "evaluate",
    "train",
    "system",
)
"""The name of every command, which is that of its module, too."""


def command_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of everything but the window; `run` of what it parses is what to call.

    Only the modules of the commands in ``names`` are imported: whoever knows which one is meant
    spares the others.
    """
    parser = argparse.ArgumentParser(prog="liverview")
    commands = parser.add_subparsers(required=True)
    for name in names:
        importlib.import_module(f"liverview.cli.{name}").add_parser(commands)
    return parser
