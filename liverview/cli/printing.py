"""Printing of the commands: figures, and the progress of streams."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from liverview.core.volume import LabelMap
    from liverview.evaluation.scores import LabelScore
    from liverview.measurement.results import Measurement

T = TypeVar("T")


def print_volumes(measurement: Measurement) -> None:
    width = max(7, *(len(label.name) for label in measurement.volume_ml))
    for label, ml in measurement.volume_ml.items():
        print(f"{label.name.lower():<{width}} {ml:10.1f} mL")
    if measurement.partial:
        print("PARTIAL: the segmentation was stopped, and what is missing was not looked at.")


def scores_by_name(scores: Sequence[LabelScore]) -> dict[str, Any]:
    return {score.label.name.lower(): score.to_dict() for score in scores}


def write_json(path: Path, content: dict[str, Any]) -> None:
    from liverview.files.atomic import write_json

    write_json(path, content)
    print(f"{path} written.")


def read_labels(path: Path) -> LabelMap:
    """A label map in our values; what its values were taken for is said where it is not plain."""
    from liverview.files.images import read_labels

    labels = read_labels(path)
    for note in labels.warnings:
        print(f"{path.name}: {note}", file=sys.stderr)
    return labels


def iter_with_progress_bar(stream: Iterable[T]) -> Iterator[T]:
    """Pass a stream on; on a terminal, draw its progress and print its notices."""
    from liverview.core.stream import Message, Progress

    terminal = sys.stderr.isatty()
    clear = "\r\033[K" if terminal else ""
    try:
        for item in stream:
            if isinstance(item, Message):
                print(f"{clear}{item.text}", file=sys.stderr)
            elif isinstance(item, Progress) and terminal:
                bar = "█" * round(24 * min(item.fraction, 1))
                line = f"\r{item.phase:<24} {bar:<24} {item.fraction:4.0%}"
                print(line, end="", file=sys.stderr, flush=True)
            yield item
    finally:
        print(clear, end="", file=sys.stderr)
