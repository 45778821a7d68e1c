"""Segmentation as the work of a cohort: of paths and options alone, so that it goes anywhere.

Networks are loaded once by each process, from the folder of the weights.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cohort.models_ahead import ModelsAhead
from liverview.cohort.results import sample_sha256
from liverview.cohort.scan_steps import (
    Computed,
    Segmented,
    SegmentOptions,
    Work,
    check_replaced,
    iter_labels,
    iter_read_scan,
    iter_save,
)
from liverview.cohort.tasks import Task
from liverview.cohort.work import Done
from liverview.core.about import __version__
from liverview.core.volume import Volume
from liverview.files.sidefiles.weights import WeightsError, weights_sha256
from liverview.measurement.export import measurement_record
from liverview.measurement.wording import volume_lines

if TYPE_CHECKING:
    from liverview.inference.segmentation import Models

_KEPT = 2  # folders of weights whose networks a process keeps


@functools.lru_cache(_KEPT)
def networks_ahead(folder: Path | None, device: str) -> ModelsAhead:
    """The networks of a folder for a device, loaded once by a process."""
    return ModelsAhead(folder, device)


def loaded_models(folder: Path | None, device: str = "cpu") -> tuple[Models, str]:
    """The networks of a folder and the name of their device, once they are loaded.

    Raises
    ------
    CheckpointError : where one is missing, damaged or of the wrong kind.
    DeviceError : where the device is unknown or not there.
    """
    return networks_ahead(folder, device).wait()


@dataclass(frozen=True)
class SegmentWork:
    """Segmentation of the tasks of a cohort, in this process or any other.

    Attributes
    ----------
    device : that networks run on: auto, cpu, cuda, cuda:N or mps.
    weights : the folder of the networks; None for those that come with the program.
    options : the outputs that are wanted, and of what.
    kind : the command.
    """

    device: str = "cpu"
    weights: Path | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)
    kind: str = "segment"

    @property
    def made_with(self) -> Mapping[str, str]:
        options = self.options
        return {
            "software": f"liverview {__version__}",
            **{f"{name} sha256": digest for name, digest in options.hashes.items()},
            "least certainty": f"{options.least_certainty:g}",
            "volume": str(options.index or 0),
        }

    def prepared(self) -> SegmentWork:
        """This work with its networks loaded, on the device that they run on.

        Raises
        ------
        CheckpointError : where a network is missing, damaged or of the wrong kind.
        DeviceError : where the device is unknown or not there.
        """
        return replace(self, device=loaded_models(self.weights, self.device)[1])

    def prepare(self) -> None:
        """Load the networks of this process, as `prepared` does."""
        loaded_models(self.weights, self.device)

    def networks_ahead(self) -> ModelsAhead:
        """The networks of this process, loaded once they are begun or waited for."""
        return networks_ahead(self.weights, self.device)

    def check_here(self) -> None:
        """Look whether this process sees the networks that the work was made for.

        Raises
        ------
        WeightsError : where it does not.
        """
        if weights_sha256(self.weights) != dict(self.options.hashes):
            raise WeightsError(
                f"{self.weights or 'The installed weights'}: these are not the networks that the "
                "run was started with; put them into a folder that all machines share."
            )

    def input_sha256(self, item: Task) -> str:
        """A hash of pieces of the scan from its whole length; OSError where it cannot be read."""
        return sample_sha256(item.scan)

    def iter_do(self, item: Task) -> Work[Done]:
        """Read, segment, save and verify one scan, and measure it."""
        volume = yield from self.iter_read(item)
        computed = yield from self.iter_compute(item, volume)
        return (yield from self.iter_finish(item, computed))

    def iter_read(self, item: Task) -> Work[Volume]:
        """Read a scan: the first of the three steps of `iter_do`, for who overlaps them."""
        check_replaced(item, self.options)
        return (yield from iter_read_scan(item.scan, self.options.index))

    def iter_compute(self, item: Task, volume: Volume) -> Work[Computed]:
        """Segment it, or read the labels that are there."""
        models = functools.partial(loaded_models, self.weights, self.device)
        return (yield from iter_labels(item, volume, models, self.options))

    def iter_finish(self, item: Task, computed: Computed) -> Work[Done]:
        """Save and verify its labels, and measure them."""
        segmented = yield from iter_save(item, computed, self.options)
        return _done(segmented)


def _done(segmented: Segmented) -> Done:
    written = tuple(segmented.written)
    names = ", ".join(os.fspath(path) for path in written)
    if segmented.seconds is None:
        run: dict[str, str | float] = {}
        said = f"{names} written beside " if names else "Measured: "
        said += f"{segmented.task.output}, which was there already."
    else:
        run = {"device": segmented.device, "seconds": round(segmented.seconds, 2)}
        said = f"{names} written, segmented in {segmented.seconds:.1f} s on {segmented.device}."
    return Done(
        figures=measurement_record(
            segmented.volume, segmented.measurement, **segmented.liver, **run
        ),
        lines=(*volume_lines(segmented.measurement), said),
        written=written,
        notes=tuple(segmented.volume.warnings),
        seconds=None if segmented.seconds is None else round(segmented.seconds, 3),
    )
