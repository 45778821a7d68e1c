"""Work follows millimeters: what no person can have is refused before memory is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from liverview.core.volume import LabelMap, Volume
from liverview.inference.coarse import iter_find_liver
from liverview.inference.extent import ExtentError, check_extent
from liverview.inference.runner import ExecutionDevice
from liverview.measurement.surface import surfaces
from liverview.networks.runtime import pick_device

from support import tiny_networks

WORKING = (4.0, 4.0, 4.0)
Triple = tuple[float, float, float]


def volume(shape: tuple[int, int, int], spacing: Triple) -> Volume:
    """A scan of any size that takes no memory."""
    return Volume.from_array(np.broadcast_to(np.int16(0), shape), spacing=spacing, name="scan")


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [
        ((128, 128, 30), (10, 10, 10)),
        ((128, 128, 30), (20, 20, 20)),
        ((128, 128, 30), (1000, 1000, 1000)),
        ((128, 128, 30), (7.8, 7.8, 40)),  # the size of a person, but of voxels without one
        ((40, 40, 20), (20, 20, 20)),
        ((128, 128, 1), (7.8, 7.8, 1000)),
        ((30_000, 30_000, 40), (0.1, 0.1, 1)),
        ((64, 64, 10_000_000), (0.0002, 0.0002, 0.0002)),
        ((700, 700, 2700), (1, 1, 1)),
    ],
)
def test_no_person_is_so_large_and_no_scan_so_coarse(
    shape: tuple[int, int, int], spacing: Triple
) -> None:
    with pytest.raises(ExtentError, match=r"^scan (has|spans) .*: .*(crop|take|correct)") as caught:
        check_extent(volume(shape, spacing), WORKING)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [
        ((700, 700, 2000), (1, 1, 1)),
        ((512, 512, 800), (1.367, 1.367, 2.5)),  # 700 x 700 x 2000 mm
        ((200, 200, 400), (4.07, 4.07, 5)),  # the CT of a PET, on its grid
        ((512, 512, 30), (0.9, 0.9, 10)),
        ((64, 64, 40), (6, 6, 10)),
        ((48, 42, 24), (8, 8, 10)),
        ((128, 128, 30), (0.01, 0.01, 0.01)),
        ((1, 1, 1), (1, 1, 1)),
    ],
)
def test_real_scans_and_small_ones_go_on(shape: tuple[int, int, int], spacing: Triple) -> None:
    check_extent(volume(shape, spacing), WORKING)


def test_the_first_stage_asks_before_it_reads() -> None:
    refused = iter_find_liver(
        volume((20_000, 20_000, 20_000), (20, 20, 20)),
        tiny_networks.coarse(),
        ExecutionDevice(pick_device("cpu")),
    )
    with pytest.raises(ExtentError):
        next(refused)


@pytest.mark.parametrize("mm", [1e-6, 0.001, 1.0, 1000.0])
def test_a_surface_costs_what_its_voxels_do(mm: float) -> None:
    """Whatever a voxel measures; what is far smaller than the mesh's cells may have none."""
    voxels = np.zeros((12, 12, 12), np.uint8)
    voxels[3:9, 3:9, 3:9] = 1
    meshes = surfaces(LabelMap.from_array(voxels, spacing=(mm, mm, mm)))
    assert len(meshes) <= 1
    assert meshes or mm < 1
    for mesh in meshes:
        assert len(mesh.vertices) < 2000
        assert (mesh.vertices > -3 * mm).all()
        assert (mesh.vertices < 15 * mm).all()
