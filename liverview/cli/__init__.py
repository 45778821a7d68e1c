"""The command line: parse, call the core, print. One file per command.

Nothing heavy is imported before a command needs it, and none of the commands but the
window and the report, whose PDF it sets, imports Qt.
"""

from liverview.cli.main import main, run

__all__ = ["main", "run"]
