"""Measurement of label maps as the work of a cohort."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from liverview.cohort.given_items import find_items, missing_warnings
from liverview.cohort.naming import unique_names
from liverview.cohort.part import Part
from liverview.cohort.results import sample_sha256
from liverview.cohort.scan_lists import GivenItem
from liverview.cohort.work import CohortItem, Done
from liverview.core.about import __version__
from liverview.core.coding import parse_coding
from liverview.core.stream import Message, Progress
from liverview.files import formats, images
from liverview.files.label_maps import checked_label_map
from liverview.measurement.compute import measure
from liverview.measurement.export import measurement_figures
from liverview.measurement.recist import assess_recist
from liverview.measurement.results import Measurement


@dataclass(frozen=True)
class NamedItem:
    """A file or folder of a cohort that nothing is named by.

    Attributes
    ----------
    name, path, columns : see `CohortItem`.
    """

    name: str
    path: Path
    columns: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class FoundItems:
    """The items of a cohort, or of a part of it.

    Attributes
    ----------
    items : in the order in which they were given.
    count : of all parts.
    warnings : sentences about files of lists that are not there.
    """

    items: list[NamedItem]
    count: int
    warnings: tuple[str, ...] = ()


def find_label_maps(given: Sequence[Path], part: Part | None = None) -> FoundItems:
    """Find the label maps to measure: files, and those of folders, patterns, lists and tables.

    Raises
    ------
    ImageFileError : where a folder, pattern or list has none.
    TargetError : where two have one name.
    """
    return _named(find_items(given, formats.find_scans), part)


def find_case_items(given: Path, part: Part | None = None) -> FoundItems:
    """Find the folders of cases that a pattern, list or table names; as `find_label_maps`."""
    return _named(find_items([given], lambda folder: [folder]), part)


def named_items(paths: Sequence[Path], part: Part | None = None) -> FoundItems:
    """Items of these names, or a part of them."""
    items = [NamedItem(path.name, path) for path in paths]
    kept = [item for item in items if part is None or part.has(item.name)]
    return FoundItems(kept, len(items))


def _named(items: Sequence[GivenItem], part: Part | None) -> FoundItems:
    names = unique_names(items)
    share = [n for n, name in enumerate(names) if part is None or part.has(name)]
    return FoundItems(
        [NamedItem(names[n], items[n].path, items[n].columns) for n in share],
        len(items),
        tuple(missing_warnings([items[n] for n in share])),
    )


@dataclass(frozen=True)
class MeasureWork:
    """Measurement of label maps.

    Attributes
    ----------
    coding : what the person says of their values; None goes by what they say themselves.
    """

    coding: str | None = None
    kind: str = "measure"
    device: str = "cpu"

    @property
    def made_with(self) -> Mapping[str, str]:
        return {"software": f"liverview {__version__}", "labels": self.coding or ""}

    def input_sha256(self, item: CohortItem) -> str:
        """A hash of pieces of the label map; OSError where it cannot be read."""
        return sample_sha256(item.path)

    def iter_do(self, item: CohortItem) -> Generator[Progress | Message, None, Done]:
        """Read and measure one label map."""
        yield Progress("Measuring", 0)
        began = time.monotonic()
        named = images.read_named_labels(item.path)
        if self.coding is not None:
            named = named.apply(parse_coding(self.coding))
        labels = checked_label_map(named)
        measurement = measure(labels)
        return Done(
            {"name": item.name, **measurement_figures(measurement)},
            (f"{item.name}  {one_line(measurement)}",),
            notes=tuple(labels.warnings),
            seconds=time.monotonic() - began,
        )


def one_line(measurement: Measurement) -> str:
    """Volumes, the number of lesions and RECIST in one line."""
    words = [
        f"{label.name.lower()} {ml:.1f} mL"
        for label, ml in measurement.volume_ml.items()
        if measurement.defines(label)
    ]
    count = len(measurement.lesions)
    words.append("1 lesion" if count == 1 else f"{count} lesions")
    partial = ["PARTIAL"] if measurement.partial else []
    return ", ".join([*words, f"RECIST 1.1: {assess_recist(measurement).words}", *partial])
