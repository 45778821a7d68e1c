"""Scans of a Medical Segmentation Decathlon folder as single slices, one at a time.

A slice out of the middle of a .nii.gz needs all that comes before it. So every scan is read
once, into plain arrays that are mapped into memory, of which a slice is read alone.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from liverview.core.errors import LiverviewError
from liverview.core.volume import Volume
from liverview.files import atomic, images
from liverview.files.formats import name_without_suffix
from liverview.networks.preprocessing import Preprocessing, center_slice, pad_to_size
from liverview.training.recipe import SliceRecipe

_SYNONYMS = {"cancer": "tumor", "tumour": "tumor"}


class DataError(LiverviewError):
    """Data that cannot be trained on; the message names the file and the way out."""


@dataclass(frozen=True)
class DecathlonCase:
    """A scan of the folder and its label map."""

    name: str
    image: Path
    labels: Path


@dataclass(frozen=True)
class Decathlon:
    """The scans of a folder that a run uses.

    Attributes
    ----------
    name, license : from dataset.json.
    training, validation : disjoint, sorted by name.
    """

    name: str
    license: str
    training: tuple[DecathlonCase, ...]
    validation: tuple[DecathlonCase, ...]


def read_decathlon(folder: Path, recipe: SliceRecipe) -> Decathlon:
    """Read dataset.json and the scans' headers; split the scans by the recipe's seed.

    Raises
    ------
    DataError : where it is no such folder, or one of other classes, or holds too few scans.
    ImageFileError : where a scan's header cannot be read.
    """
    file = folder / "dataset.json"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        names = [values["labels"][str(n)].lower() for n in range(len(values["labels"]))]
        scans = [_case_of_entry(folder, entry) for entry in values["training"]]
        title, license_ = str(values.get("name", folder.name)), str(values.get("licence", ""))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(
            f"{file} cannot be read ({error}): --data needs a folder of the Medical "
            "Segmentation Decathlon, such as Task03_Liver."
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is not one of the Decathlon: its {error} is amiss.") from error
    classes = tuple(_SYNONYMS.get(name, name) for name in names)
    if classes != recipe.classes:
        raise DataError(
            f"{file} has labels for {', '.join(classes)}, the recipe {recipe.name} is for "
            f"{', '.join(recipe.classes)}: choose the recipe or the folder that fits."
        )
    limit = recipe.sample.fewer_than
    used = [scan for scan in scans if images.read_summary(scan.image).shape[2] < limit]
    if len(used) < 2:
        raise DataError(
            f"{folder} has {len(used)} scan(s) with fewer than {limit} slices; at least two are "
            "needed, one to train on and one to validate."
        )
    training, validation = split_cases(used, recipe)
    return Decathlon(title, license_, training, validation)


def _case_of_entry(folder: Path, entry: dict[str, str]) -> DecathlonCase:
    image = folder / entry["image"]
    return DecathlonCase(name_without_suffix(image), image, folder / entry["label"])


def read_alone(path: Path) -> Volume:
    """Read a scan that is alone in its file, as one to train on must be.

    Raises
    ------
    DataError : where the file holds several volumes.
    ImageFileError : where it cannot be read.
    """
    count = images.read_summary(path).volumes
    if count > 1:
        raise DataError(
            f"{path} holds {count} volumes: save the one that the labels are of as its own file."
        )
    return images.read(path)


def split_cases(
    scans: Sequence[DecathlonCase], recipe: SliceRecipe
) -> tuple[tuple[DecathlonCase, ...], tuple[DecathlonCase, ...]]:
    """Split scans into those to train on and those to validate, independent of their order."""
    ordered = sorted(scans, key=lambda scan: scan.name)
    shuffled = np.random.default_rng(recipe.seed).permutation(len(ordered))
    count = min(math.ceil(recipe.sample.validation_share * len(ordered)), len(ordered) - 1)
    held_out = set(shuffled[:count].tolist())
    training = tuple(scan for n, scan in enumerate(ordered) if n not in held_out)
    validation = tuple(scan for n, scan in enumerate(ordered) if n in held_out)
    return training, validation


class Unpacking(Dataset[str]):
    """The unpacking of scans into the cache; item n unpacks scan n unless it is there already.

    An item is "" or the message of an error, which would lose its form between processes.
    """

    def __init__(self, scans: Sequence[DecathlonCase], cache: Path, classes: int) -> None:
        self.scans = scans
        self.cache = cache
        self.classes = classes

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(index)
        try:
            _unpack_scan(self.scans[index], self.cache, self.classes)
        except (ValueError, OSError, MemoryError) as error:
            return str(error)
        return ""


def _unpack_scan(scan: DecathlonCase, cache: Path, classes: int) -> None:
    """Write HU, int16, and labels of a scan as (K, I, J) arrays, unless they are there."""
    image, labels = _cache_files(scan, cache)
    if image.exists() and labels.exists():
        return
    volume, truth = read_alone(scan.image), images.read_label_values(scan.labels)
    if volume.shape != truth.voxels.shape:
        raise DataError(
            f"{scan.labels} has {truth.voxels.shape} voxels, its scan {volume.shape}: take "
            "both from dataset.json and the folder, or get the folder again."
        )
    if truth.voxels.max() >= classes:
        raise DataError(
            f"{scan.labels} holds the value {truth.voxels.max()}, the labels end with "
            f"{classes - 1}: get the folder again."
        )
    hu = np.empty((volume.shape[2], *volume.shape[:2]), np.int16)
    for k in range(len(hu)):
        values = volume.voxels[:, :, k] + np.float32(volume.intercept)
        hu[k] = np.clip(np.rint(values), -32768, 32767)
    _write_array(image, hu)
    _write_array(labels, np.ascontiguousarray(np.moveaxis(truth.voxels, 2, 0)))


def _write_array(path: Path, voxels: NDArray[Any]) -> None:
    with atomic.atomic_write(path) as temporary:
        np.save(temporary, voxels)


def _cache_files(scan: DecathlonCase, cache: Path) -> tuple[Path, Path]:
    return cache / f"{scan.name}.image.npy", cache / f"{scan.name}.labels.npy"


@functools.cache
def _open_mapped(path: Path) -> NDArray[Any]:
    """Open an unpacked array, (K, I, J), of which only the slices in use are read."""
    mapped: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    return mapped


class Slices(Dataset[tuple[Tensor, Tensor, int]]):
    """All slices of unpacked scans: input (C, H, W), labels (H, W) uint8, number of the scan.

    Parameters
    ----------
    size : H and W; smaller slices are put into the middle.
    """

    def __init__(
        self,
        scans: Sequence[DecathlonCase],
        cache: Path,
        preprocessing: Preprocessing,
        size: tuple[int, int],
    ) -> None:
        self._files = [_cache_files(scan, cache) for scan in scans]
        self._preprocessing = preprocessing
        self._size = size
        depths = [len(_open_mapped(image)) for image, _ in self._files]
        self._slices = [(n, k) for n, depth in enumerate(depths) for k in range(depth)]

    def __len__(self) -> int:
        return len(self._slices)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        number, k = self._slices[index]
        image, labels = (_open_mapped(path) for path in self._files[number])
        halo = self._preprocessing.halo
        # Beyond the first and the last slice the outermost one is repeated.
        wanted = np.clip(np.arange(k - halo, k + halo + 1), 0, len(image) - 1)
        hu = torch.from_numpy(image[wanted].astype(np.float32)).movedim(0, 2)
        x = self._preprocessing.input_2d(pad_to_size(hu, self._size))[0]
        target = torch.zeros(self._size, dtype=torch.uint8)
        rows, columns = (
            center_slice(n, whole) for n, whole in zip(image.shape[1:], self._size, strict=True)
        )
        target[rows, columns] = torch.from_numpy(np.array(labels[k]))
        return x, target, number


def common_size(scans: Sequence[DecathlonCase], cache: Path, multiple: int) -> tuple[int, int]:
    """The smallest H and W, multiples of ``multiple``, that every unpacked slice fits into."""
    planes = [_open_mapped(_cache_files(scan, cache)[0]).shape[1:] for scan in scans]
    height, width = (-(-max(sizes) // multiple) * multiple for sizes in zip(*planes, strict=True))
    return height, width
