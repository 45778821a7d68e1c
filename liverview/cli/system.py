"""``liverview system``: versions, devices and weights."""

from __future__ import annotations

import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("system", help="versions, devices and weights, for a question")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.networks.system_info import diagnosing

    for what, value in diagnosing():
        print(f"{what:<20} {value}")
    return 0
