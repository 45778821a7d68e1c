"""Folders that appear whole or not at all: filled beside the target, then renamed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from liverview.files.atomic import TargetError, reason_of, resolved
from liverview.files.held import HeldFile, remove_left

_PURPOSE = "saving"
_SUFFIX = ".folder"
_NAME = re.compile(r"\.liverview-saving-[0-9a-f]{8}-[a-z0-9_]{8}\.folder")


def check_folder_target(path: Path, may_go: Callable[[Path], bool], *, overwrite: bool) -> None:
    """Raise `TargetError` now if no folder could appear there, before long work.

    A folder that is there must be empty, or, with ``overwrite``, hold only what ``may_go``.
    """
    target = resolved(path)
    try:
        inside = sorted(target.iterdir()) if target.is_dir() else []
        if os.path.lexists(target) and not target.is_dir():
            raise TargetError(f"{path} is a file: choose a name for a folder.")
        if inside and not overwrite:
            raise TargetError(
                f"{path} is not empty: choose another folder, or allow it to be replaced."
            )
        strange = next((each for each in inside if not may_go(each)), None)
        if strange is not None:
            raise TargetError(
                f"{path} holds files of others, such as {strange.name}: choose another folder."
            )
        HeldFile(target.parent, _PURPOSE).remove()
    except OSError as error:
        raise TargetError(f"{path} could not be saved: {reason_of(error)}.") from error


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes the target's name if the block succeeds, else vanishes.

    What is there under the name is replaced: `check_folder_target` says whether it may be.
    Folders beside it whose process was killed while it filled them are removed.
    """
    target = resolved(path)
    _remove_left_folders(target.parent)
    held: HeldFile | None = None
    try:
        held = HeldFile(target.parent, _PURPOSE)
        filled = held.path.with_name(held.path.name + _SUFFIX)
        filled.mkdir()
        yield filled
        _put_in_place(filled, target)
    except OSError as error:
        raise TargetError(f"{path} could not be saved: {reason_of(error)}.") from error
    finally:
        if held is not None:
            shutil.rmtree(held.path.with_name(held.path.name + _SUFFIX), ignore_errors=True)
            held.remove()


def _put_in_place(filled: Path, target: Path) -> None:
    """Rename a folder; what is there under the name comes back where that fails."""
    if not target.exists():
        filled.rename(target)
        return
    aside = filled.with_suffix(".replaced")
    target.rename(aside)
    try:
        filled.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _remove_left_folders(parent: Path) -> None:
    """Remove folders whose file of the same name, held while they are filled, is gone."""
    remove_left(parent, _PURPOSE, renamed=True)
    with contextlib.suppress(OSError):
        for path in parent.glob(f".liverview-{_PURPOSE}-*{_SUFFIX}"):
            if _NAME.fullmatch(path.name) and not os.path.lexists(path.with_suffix("")):
                shutil.rmtree(path, ignore_errors=True)
