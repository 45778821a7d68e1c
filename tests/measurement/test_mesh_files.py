"""Files of meshes: watertight, of the labels' volume, in the right place, read by hand."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from liverview.cli import main
from liverview.core.errors import LiverviewError
from liverview.core.labels import FOREGROUND, Label, default_styles, label_mask
from liverview.core.stream import drain
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.atomic import TargetError
from liverview.measurement.closed_surface import ClosedSurface, iter_closed_surfaces
from liverview.measurement.mesh_files import WrittenMesh, iter_write_meshes
from liverview.phantoms.config import Phantom

from support.plain_formats import oblique
from support.plain_meshes import read_meshes

SUFFIXES = ("stl", "ply", "obj", "3mf", "glb")


def odd_labels(affine: np.ndarray | None = None) -> LabelMap:
    """A liver, thin and slanting vessels, specks, a lesion at the border of the volume."""
    voxels = np.zeros((60, 50, 30), np.uint8)
    voxels[:45, 5:45, 4:27] = Label.LIVER
    voxels[10:38, 36, 18] = Label.VESSEL
    for n in range(20):
        voxels[10 + n, 10 + n, 5 + n] = Label.VESSEL
    voxels[20, 20, 20] = voxels[22, 20, 20] = Label.TUMOR
    voxels[0:6, 5:9, 4:7] = Label.TUMOR
    voxels[30:32, 30, 10] = Label.TUMOR
    place = np.diag([0.7, 0.7, 2.5, 1]) if affine is None else affine
    return LabelMap.from_array(voxels, place, name="odd")


def volume_ml(labels: LabelMap, label: Label) -> float:
    return float(label_mask(labels.voxels, label).sum()) * labels.voxel_ml


@pytest.mark.parametrize("smoothing", [None, 0.0, 4.0])
def test_meshes_are_watertight_and_have_the_volume_of_their_labels(smoothing: float | None) -> None:
    labels = odd_labels()
    found = [
        item
        for item in iter_closed_surfaces(labels, smoothing_mm=smoothing)
        if isinstance(item, ClosedSurface)
    ]
    assert [surface.label for surface in found] == list(FOREGROUND)
    for surface in found:
        mesh = trimesh.Trimesh(surface.vertices.astype(np.float32), surface.faces)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        assert mesh.volume / 1000 == pytest.approx(volume_ml(labels, surface.label), rel=0.01)
    assert [surface.components for surface in found] == [1, 2, 4]


def test_pieces_that_are_meshed_one_by_one_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from liverview.measurement import closed_surface

    labels = odd_labels()
    whole = [one for one in iter_closed_surfaces(labels) if isinstance(one, ClosedSurface)]
    monkeypatch.setattr(closed_surface, "_CHUNK_CELLS", 1)
    for one, other in zip(whole, iter_closed_surfaces_of(labels), strict=True):
        assert len(one.vertices) == len(other.vertices)
        assert len(one.faces) == len(other.faces)
        assert trimesh.Trimesh(other.vertices, other.faces).is_watertight


def iter_closed_surfaces_of(labels: LabelMap) -> list[ClosedSurface]:
    return [one for one in iter_closed_surfaces(labels) if isinstance(one, ClosedSurface)]


def test_pieces_that_nearly_touch_are_not_sewn_together() -> None:
    rng = np.random.default_rng(0)
    voxels = (rng.random((20, 20, 20)) < 0.2).astype(np.uint8) * 3
    labels = LabelMap.from_array(voxels, np.diag([0.7, 0.7, 1.5, 1]))
    for surface in iter_closed_surfaces_of(labels):
        rows = surface.vertices.astype(np.float32)[surface.faces].reshape(-1, 3)
        soup = trimesh.Trimesh(rows, np.arange(len(rows)).reshape(-1, 3))  # as STL has it
        assert soup.is_watertight


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("lps", [False, True])
def test_every_format_is_read_back_in_place(suffix: str, lps: bool, tmp_path: Path) -> None:
    affine = oblique()
    affine[:3, 2] += (0.3, 0, 0)  # sheared, as a tilted gantry leaves it
    labels = odd_labels(affine)
    drain(iter_write_meshes(tmp_path / f"out.{suffix}", labels, lps=lps))
    if suffix in ("stl", "ply"):
        paths = {label: tmp_path / f"out_{label.name.lower()}.{suffix}" for label in FOREGROUND}
        read = {label: read_meshes(path)[path.stem] for label, path in paths.items()}
    else:
        named = read_meshes(tmp_path / f"out.{suffix}")
        assert len(named) == len(FOREGROUND)
        read = {label: named[default_styles()[label].name] for label in FOREGROUND}
    for label, one in read.items():
        assert one.color == (None if suffix == "stl" else default_styles()[label].color)
    turn = np.diag([-1.0, -1.0, 1.0]) if lps else np.eye(3)
    for label in FOREGROUND:
        mesh = trimesh.Trimesh(read[label].vertices, read[label].faces, process=False)
        assert mesh.is_watertight
        assert mesh.volume / 1000 == pytest.approx(volume_ml(labels, label), rel=0.01)
        voxels = np.argwhere(label_mask(labels.voxels, label)).astype(float)
        centers = (voxels @ labels.affine[:3, :3].T + labels.affine[:3, 3]) @ turn
        assert np.linalg.norm(mesh.center_mass - centers.mean(axis=0)) < 0.15
        assert np.abs(mesh.bounds[0] - centers.min(axis=0)).max() < 3
        assert np.abs(mesh.bounds[1] - centers.max(axis=0)).max() < 3


def test_colors_and_words_are_in_the_files(tmp_path: Path) -> None:
    labels = odd_labels()
    words = b"mm, LPS+, smoothed by 3 mm"
    for suffix in SUFFIXES:
        drain(iter_write_meshes(tmp_path / f"o.{suffix}", labels, lps=True, smoothing_mm=3))
    for name in ("o_tumor.stl", "o_tumor.ply", "o.obj", "o.glb"):
        assert words in (tmp_path / name).read_bytes()
    with zipfile.ZipFile(tmp_path / "o.3mf") as archive:
        model = archive.read("3D/3dmodel.model")
    assert words in model
    assert b'unit="millimeter"' in model
    assert b'<base name="Liver" displaycolor="#DD8265FF"/>' in model
    assert "newmtl Liver\nd 0." in (tmp_path / "o.mtl").read_text()
    assert b"\ncomment liverview Tumor: mm" in (tmp_path / "o_tumor.ply").read_bytes()


def test_labels_of_one_name_stay_apart(tmp_path: Path) -> None:
    styles = {label: replace(style, name="mine 1") for label, style in default_styles().items()}
    for suffix, first in (("obj", "mine_1"), ("3mf", "mine 1"), ("glb", "mine 1")):
        drain(iter_write_meshes(tmp_path / f"o.{suffix}", odd_labels(), styles=styles))
        found = read_meshes(tmp_path / f"o.{suffix}")
        assert len(found) == len(FOREGROUND)
        assert found[first].color == styles[Label.LIVER].color
        assert {one.color for one in found.values()} == {one.color for one in styles.values()}


def test_a_folder_gets_a_file_of_each_label_and_one_of_all(tmp_path: Path) -> None:
    labels = odd_labels()
    (tmp_path / "stl").mkdir()
    drain(iter_write_meshes(tmp_path / "stl", labels))
    names = {f"odd_{label.name.lower()}" for label in FOREGROUND}
    assert {path.name for path in (tmp_path / "stl").iterdir()} == {f"{n}.stl" for n in names}
    (tmp_path / "glb").mkdir()
    drain(iter_write_meshes(tmp_path / "glb", labels, suffix=".glb"))
    assert {path.stem for path in (tmp_path / "glb").iterdir()} == {*names, "odd"}


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    for suffix in ("3mf", "stl"):
        for n in (1, 2):
            drain(iter_write_meshes(tmp_path / f"{n}.{suffix}", odd_labels()))
    assert (tmp_path / "1.3mf").read_bytes() == (tmp_path / "2.3mf").read_bytes()
    assert (tmp_path / "1_tumor.stl").read_bytes() == (tmp_path / "2_tumor.stl").read_bytes()


def test_what_cannot_be_is_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    labels = odd_labels()
    empty = replace(labels, voxels=np.zeros_like(labels.voxels))
    with pytest.raises(LiverviewError, match="nothing to make a mesh of"):
        drain(iter_write_meshes(tmp_path / "a.stl", empty))
    with pytest.raises(TargetError, match=r"must end in \.stl"):
        drain(iter_write_meshes(tmp_path / "a.vtk", labels))
    with pytest.raises(LiverviewError, match="from 0 to 20 mm"):
        drain(iter_write_meshes(tmp_path / "a.stl", labels, smoothing_mm=float("nan")))
    (tmp_path / "a_vessel.stl").write_text("mine")
    with pytest.raises(TargetError, match=r"a_vessel\.stl exists already"):
        drain(iter_write_meshes(tmp_path / "a.stl", labels))
    assert [path.name for path in tmp_path.iterdir()] == ["a_vessel.stl"]


def test_the_command_writes_them_and_says_their_volumes(
    case: Phantom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images.write_labels(tmp_path / "case.nii.gz", case.labels, case.volume)
    out = tmp_path / "new"
    assert main(["mesh", str(tmp_path / "case.nii.gz"), "-o", str(out), "--format", "ply"]) == 0
    said = capsys.readouterr().out
    written = [
        item
        for item in iter_write_meshes(out, replace(case.labels, name="case"), overwrite=True)
        if isinstance(item, WrittenMesh)
    ]
    for label, one in zip(FOREGROUND, written, strict=True):
        assert (out / f"case_{label.name.lower()}.ply").exists()
        assert f"{one.names[0]} {one.volume_ml[0]:.1f} mL" in said
        assert one.volume_ml[0] == pytest.approx(volume_ml(case.labels, label), rel=0.01)
    assert main(["mesh", str(tmp_path / "case.nii.gz"), "-o", str(out), "--format", "ply"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_thread_of_voxels_is_not_lost_beside_its_trunk() -> None:
    voxels = np.zeros((80, 60, 60), np.uint8)
    j, k = np.indices((60, 60))
    voxels[5:40, (j - 30) ** 2 + (k - 30) ** 2 < 64] = Label.VESSEL
    voxels[40:70, 30, 30] = Label.VESSEL
    labels = LabelMap.from_array(voxels, np.diag([0.8, 0.8, 0.8, 1]))
    _, surface = iter_closed_surfaces_of(labels)
    mesh = trimesh.Trimesh(surface.vertices, surface.faces)
    for i in np.linspace(46, 66, 9):
        cut = trimesh.intersections.mesh_plane(mesh, (1, 0, 0), (i * 0.8, 0, 0))[:, :, 1:]
        a, b = (cut[:, n] - 30 * 0.8 for n in (0, 1))
        area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2
        assert 0.6 < area / 0.8**2 < 1.5
