"""The parser of all commands; each command adds its own."""

from __future__ import annotations

import argparse

from liverview.cli import (
    click,
    cohort,
    convert,
    deidentify,
    evaluate,
    measure,
    mesh,
    phantom,
    report,
    segment,
    series,
    system,
    train,
    vessels,
)

COMMANDS = {
    "segment": segment,
    "cohort": cohort,
    "series": series,
    "click": click,
    "phantom": phantom,
    "deidentify": deidentify,
    "measure": measure,
    "mesh": mesh,
    "vessels": vessels,
    "convert": convert,
    "report": report,
    "evaluate": evaluate,
    "train": train,
    "system": system,
}
"""The module of every command, by its name."""


def command_parser() -> argparse.ArgumentParser:
    """The parser of everything but the window; `run` of what it parses is what to call."""
    parser = argparse.ArgumentParser(prog="liverview")
    commands = parser.add_subparsers(required=True)
    for module in COMMANDS.values():
        module.add_parser(commands)
    return parser
