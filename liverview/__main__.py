"""``python -m liverview`` is the ``liverview`` command."""

from liverview.cli import run

run()
