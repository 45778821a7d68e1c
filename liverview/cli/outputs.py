"""Before long work: whether every output can be written."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path


def check_outputs(
    options: argparse.Namespace,
    inputs: list[Path],
    *labels: Path,
    side_files: Sequence[Path] = (),
    go_on: bool = False,
    each_alone: bool = False,
) -> None:
    """Before long work: every output can be written, and none is an input or another one.

    With ``go_on``, the JSON is there and goes on. With ``each_alone``, what stands in the way of a
    label map or of a file beside it is said in its turn.
    """
    from liverview.files import atomic, formats, images

    # Of an input that is a link to itself, reading says so.
    seen = {Path(os.path.realpath(path)): "is read" for path in inputs}
    montage = getattr(options, "montage", None)
    if montage and montage.suffix.lower() != ".png":
        raise atomic.TargetError(f"{montage} must end in .png: the montage is a PNG.")
    own, beside = set(labels), set(side_files)
    for path in (*labels, *side_files, *(path for path in (options.json, montage) if path)):
        place = atomic.resolved(path)
        taken = seen.get(place)
        if taken:
            raise atomic.TargetError(f"{path} {taken} by this command: choose another name.")
        seen[place] = "is written already"
        if each_alone and (path in own or path in beside):
            continue
        check = images.check_target if path in own else atomic.check_target
        check(path, overwrite=options.overwrite or (go_on and path == options.json))
        if formats.DICOM.has_suffix(path):
            from liverview.files.dicom.writing.targets import check_file_target

            check_file_target(path, overwrite=True)
