"""Items that long work yields while it runs: progress, messages, slabs of labels."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """Progress of a piece of work.

    Attributes
    ----------
    phase : what is being done, a few words that can stand before a percentage.
    fraction : share of the whole work that is done, 0..1.

    Examples
    --------
    >>> import liverview as lv
    >>> steps = []
    >>> scan = lv.read("ct.nii.gz", progress=steps.append)
    >>> steps[-1]
    Progress(phase='Reading', fraction=1.0)
    """

    phase: str
    fraction: float


ProgressCallback: TypeAlias = Callable[[Progress], object]
"""What plain functions call with the progress of their work."""


@dataclass(frozen=True)
class Message:
    """One sentence that a person should read once; the work goes on.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.Message("No liver was found.").text
    'No liver was found.'
    """

    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Slab:
    """Labels of the axial slices [start, stop), on the CPU.

    Attributes
    ----------
    start : the first slice.
    labels : (I, J, stop - start).
    probabilities : (labels, I, J, stop - start), of each label of `FOREGROUND` with its
        parts, as the liver as an organ, vessel and tumor; where they were asked for.
    label_bbox : i and j beyond which all labels are background, for who has to look at them.
    gates : (levels, I, J, stop - start), the coefficients of the attention gates in 255ths, the
        coarsest decoder level first, where they were asked for; 0 where the network did not look.
    search_region : the box of the volume outside of which no slab of the segmentation has labels or
        probabilities; with those, or with gates, only.

    Examples
    --------
    >>> import numpy as np
    >>> import liverview as lv
    >>> slab = lv.Slab(8, np.zeros((64, 64, 4), np.uint8))
    >>> slab
    Slab of slices 8 to 11
    >>> slab.stop
    12
    """

    start: int
    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float16] | None = None
    label_bbox: tuple[slice, slice] = (slice(None), slice(None))
    gates: NDArray[np.uint8] | None = None
    search_region: Box | None = None

    def __repr__(self) -> str:
        return f"Slab of slices {self.start} to {self.stop - 1}"

    @property
    def stop(self) -> int:
        return self.start + self.labels.shape[2]


def drain(stream: Iterable[Any], progress: ProgressCallback | None = None) -> None:
    """Do all the work of a stream that has no result."""
    for item in stream:
        if progress is not None and isinstance(item, Progress):
            progress(item)


def result_of(stream: Iterable[Any], kind: type[T], progress: ProgressCallback | None = None) -> T:
    """The last item of a stream, which is its result."""
    item = None
    for item in stream:
        if progress is not None and isinstance(item, Progress):
            progress(item)
    if not isinstance(item, kind):
        raise TypeError(f"the stream ended with {item!r}, not with a {kind.__name__}")
    return item


def iter_to_result(stream: Iterable[Any], kind: type[T]) -> Generator[Any, None, T]:
    """Yields what a stream yields before its result, and returns that: for ``yield from``."""
    for item in stream:
        if isinstance(item, kind):
            return item
        yield item
    raise TypeError(f"the stream ended without a {kind.__name__}")
