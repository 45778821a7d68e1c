"""A phantom in one call."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from liverview.core.errors import LiverviewError
from liverview.core.stream import ProgressCallback, result_of
from liverview.networks.runtime import pick_device
from liverview.phantoms.config import Phantom, PhantomConfig, PhantomLesions, Phase, Region
from liverview.phantoms.generation import iter_generate

T = TypeVar("T", bound=Enum)


def phantom(
    *,
    seed: int = 0,
    shape: tuple[int, int, int] = (512, 512, 120),
    spacing: tuple[float, float, float] = (0.75, 0.75, 2.5),
    lesions: int = 4,
    noise_hu: float = 12.0,
    phase: str = "portal",
    region: str = "liver",
    lesion_kind: str = "plain",
    device: str = "cpu",
    progress: ProgressCallback | None = None,
) -> Phantom:
    """Generate a synthetic abdominal CT with the labels of every voxel.

    The same arguments give the same voxels on one kind of device.

    Parameters
    ----------
    seed : another seed is another patient.
    shape : voxels along i, j, k.
    spacing : mm per voxel.
    lesions : how many liver lesions.
    noise_hu : standard deviation of the image noise.
    phase : native, arterial, portal or delayed.
    region : liver, chest, pelvis or head; only the first shows the liver.
    lesion_kind : plain, mixed, metastases, hcc, cysts or hemangiomas; all but plain ones look as
        the phase makes them look, and stay where they are in every phase.
    device : cpu, cuda or cuda:N.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    LiverviewError : where an argument is out of its range, or the device is not there.

    Examples
    --------
    >>> import liverview as lv
    >>> made = lv.phantom(seed=7, shape=(64, 56, 20), spacing=(6, 6, 10))
    >>> made.volume
    Volume 64x56x20, 6.00x6.00x10.00 mm, RAS+, int16, HU, "phantom-7"
    >>> made.labels.shape
    (64, 56, 20)
    """
    config = PhantomConfig(
        shape=shape,
        spacing=spacing,
        seed=seed,
        lesions=lesions,
        noise_hu=noise_hu,
        phase=_member(Phase, "phase", phase),
        region=_member(Region, "region", region),
        lesion_kind=_member(PhantomLesions, "lesion_kind", lesion_kind),
    )
    device = str(pick_device(device))
    return result_of(iter_generate(config, device), Phantom, progress)


def _member(kind: type[T], name: str, value: str) -> T:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(str(member.value) for member in kind)
        raise LiverviewError(f"{name} must be one of {known}, not {value!r}.") from error
