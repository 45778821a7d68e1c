"""``liverview system``: versions, devices and weights."""

from __future__ import annotations

import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("system", help="versions, devices and weights, for a question")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.networks.system_info import iter_system_info

    for what, value in iter_system_info():
        print(f"{what:<20} {value}")
    return 0
