"""``liverview`` alone: the window, or the main job without one (``--out``)."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from liverview.core.about import DISCLAIMER, __version__


def window_parser(commands: Iterable[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="liverview",
        description=f"Look at livers on CT and segment them. {DISCLAIMER}",
        epilog=f"Commands without a window: {', '.join(commands)}; "
        "liverview COMMAND --help says more.",
    )
    parser.add_argument(
        "scan",
        nargs="?",
        type=Path,
        metavar="SCAN",
        help="scan, folder or .zip with DICOM, or session to open",
    )
    parser.add_argument(
        "--labels", type=Path, metavar="SEG", help="show the label map of a file on the SCAN"
    )
    parser.add_argument("--phantom", type=int, metavar="SEED", help="open a generated phantom")
    parser.add_argument("--segment", action="store_true", help="start segmenting at once")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="segment, write label map, measurements and a screenshot there, and quit",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files in DIR")
    parser.add_argument("--version", action="version", version=f"liverview {__version__}")
    parser.set_defaults(run=run)
    return parser


def run(options: argparse.Namespace) -> int:
    from liverview.files.atomic import make_folder
    from liverview.files.formats import labels_file_name
    from liverview.files.sessions.container import is_session_file

    show = _window()
    if options.labels is not None and options.scan is None:
        raise ValueError("--labels needs the scan that they are of: liverview SCAN --labels SEG.")
    if options.labels is not None and (options.out is not None or options.segment):
        raise ValueError(
            "--labels shows a label map: leave out --segment and --out, which make one."
        )
    session = options.scan is not None and is_session_file(options.scan)
    if session and (options.labels is not None or options.out is not None):
        raise ValueError(
            f"{options.scan} is a session, with a scan and labels of its own: leave out --labels "
            "and --out, or give the scan."
        )
    if options.out is not None:
        if options.scan is None and options.phantom is None:
            raise ValueError("--out needs something to segment: a SCAN, or --phantom SEED.")
        make_folder(options.out)
        if any(options.out.glob(labels_file_name("*"))) and not options.overwrite:
            raise ValueError(f"{options.out} holds results already: add --overwrite.")
    phantom = None
    if options.phantom is not None and options.scan is None:
        from liverview.phantoms.config import PhantomConfig

        phantom = PhantomConfig(seed=options.phantom)
    code: int = show(
        options.scan, phantom, options.segment, options.device, options.out, options.labels
    )
    return code


def _window() -> Callable[..., int]:
    """The window's main function; MissingQtError where there is no Qt."""
    from liverview.core.missing_qt import missing_qt

    try:
        from liverview.ui.app import run
    except ImportError as error:
        raise missing_qt(error, "The window (and --out)") from error
    return run
