"""Parse, call the command, print what a person can mend."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence

from liverview.cli.errors import expected_errors, sentence
from liverview.cli.parser import COMMANDS, command_parser
from liverview.cli.streams import OutputError, discard_standard_output, prepared_streams
from liverview.cli.window import window_parser
from liverview.core.shared_heap import share_heap
from liverview.core.waiting_threads import limit_spinning

TYPE_CHECKING = False  # as in liverview/__init__: importing typing would be half of `--help`
if TYPE_CHECKING:
    from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 after one clear sentence."""
    limit_spinning()
    share_heap()
    given = list(sys.argv[1:] if arguments is None else arguments)
    with prepared_streams():
        try:
            with _stopped_by_signals():
                return _run(given)
        except BrokenPipeError:
            # Whoever read the output has seen enough; nothing is left to say to anybody.
            discard_standard_output()
        except KeyboardInterrupt:
            print("liverview: stopped.", file=sys.stderr)
            return 130
        except expected_errors() as error:
            print(f"liverview: {sentence(error)}", file=sys.stderr)
            if isinstance(error, OutputError):
                discard_standard_output()
    return 2


def run() -> NoReturn:
    """Run the command line as a process of its own."""
    code = main()
    if "liverview.core.lean_imports" in sys.modules:  # else there is little to leave
        from liverview.core.garbage import leave_all

        leave_all()
    sys.exit(code)


def _run(given: Sequence[str]) -> int:
    command = given[0] if given and given[0] in COMMANDS else None
    try:
        parser = command_parser([command]) if command else window_parser(COMMANDS)
        options = parser.parse_args(given)
        with _imports(command):
            code: int = options.run(options)
    finally:
        if sys.stdout is not None:  # a program without a terminal on Windows has none
            sys.stdout.flush()
    return code


def _imports(command: str | None) -> contextlib.AbstractContextManager[None]:
    """Training may use all of torch; no other command does."""
    if command in ("train", "system"):
        return contextlib.nullcontext()
    from liverview.core.lean_imports import lean_imports

    return lean_imports()


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Being asked to end cleans up as Ctrl-C does; nothing partial is left behind."""
    names = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {name: signal.getsignal(name) for name in names}
    for name, handler in before.items():
        if handler is signal.SIG_DFL:  # not where it is ignored, as under nohup
            signal.signal(name, signal.default_int_handler)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
