"""Formats of meshes, written by trimesh: STL, PLY, OBJ with its materials, 3MF, GLB.

All have coordinates in mm as they are given, and say in words what they are. glTF counts in
meters, and has no other unit: there, 1 is 1 mm all the same, as in the other files. trimesh has no
place for words in STL and PLY, for opacity in OBJ, nor for words and colors in 3MF; they are put
into what it writes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STL_HEAD = 80  # bytes
_MODEL = "3D/3dmodel.model"
_CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
_UUID = "{http://schemas.microsoft.com/3dmanufacturing/production/2015/06}UUID"


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh for a file.

    Attributes
    ----------
    name : of the label.
    color : red, green, blue, 0..255.
    opacity : 0..1, where a format has it.
    vertices : (n, 3) float32, mm.
    faces : (m, 3) int64, counterclockwise from the outside.
    """

    name: str
    color: tuple[int, int, int]
    opacity: float
    vertices: NDArray[np.float32]
    faces: NDArray[np.int64]


def stl_bytes(meshes: Sequence[Mesh], words: str) -> bytes:
    """Binary STL of one mesh; its 80 bytes of header hold the words."""
    (mesh,) = meshes
    content: bytes = _trimesh(mesh).export(file_type="stl")
    # A file that begins with "solid" is taken for one of text.
    head = _ascii(f"liverview {mesh.name}: {words}")[:_STL_HEAD]
    return head.ljust(_STL_HEAD, b"\0") + content[_STL_HEAD:]


def ply_bytes(meshes: Sequence[Mesh], words: str) -> bytes:
    """Binary PLY of one mesh, with a color at every vertex; a comment holds the words."""
    from trimesh.visual import ColorVisuals

    (mesh,) = meshes
    colored = _trimesh(mesh)
    colors = np.broadcast_to(np.array([*mesh.color, 255], np.uint8), (len(mesh.vertices), 4))
    colored.visual = ColorVisuals(colored, vertex_colors=colors)
    content: bytes = colored.export(file_type="ply", vertex_normal=False)
    head, end, data = content.partition(b"end_header\n")
    said = _ascii(f"comment liverview {mesh.name}: {words}".replace("\n", " "))
    return head + said + b"\n" + end + data


def obj_bytes(meshes: Sequence[Mesh], words: str, materials: str) -> tuple[bytes, bytes]:
    """OBJ of meshes, each an object with its material; and the file of these, ``materials``."""
    from trimesh.exchange.obj import export_obj
    from trimesh.visual.material import SimpleMaterial

    scene = _scene(
        meshes,
        _word,
        # The alpha keeps labels of one color and two opacities apart.
        lambda mesh, name: SimpleMaterial(
            name=name, diffuse=[*mesh.color, round(255 * mesh.opacity)]
        ),
    )
    opacity = {name: mesh.opacity for mesh, name in zip(meshes, scene.geometry, strict=True)}
    text, files = export_obj(
        scene,
        False,
        return_texture=True,
        digits=6,
        mtl_name=materials,
        header=f"liverview: {words}",
    )
    described = re.sub(
        r"newmtl (\S+)\n",
        lambda found: f"{found[0]}d {opacity[found[1]]:g}\n",
        files[materials].decode(),
    )
    return _ascii(text), _ascii(described + "\n")


def threemf_bytes(meshes: Sequence[Mesh], words: str) -> bytes:
    """3MF of meshes, each an object with its color; the unit is the millimeter.

    Format: 3MF Core Specification 1.3.
    """
    written = _scene(meshes).export(file_type="3mf")
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(written)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as target,
    ):
        for member in source.infolist():
            content = source.read(member)
            if member.filename == _MODEL:
                content = _with_colors(content, meshes, words)
            # Under its old date, which is the same in every file.
            target.writestr(member, content, zipfile.ZIP_DEFLATED, 4)
    return out.getvalue()


def _with_colors(model: bytes, meshes: Sequence[Mesh], words: str) -> bytes:
    """A 3MF model with words, and its objects with colors; without UUIDs, which are random."""
    from lxml import etree

    root = etree.fromstring(model, etree.XMLParser(huge_tree=True, resolve_entities=False))
    etree.strip_attributes(root, _UUID)
    etree.cleanup_namespaces(root)
    about = etree.Element(f"{_CORE}metadata", name="Description")
    about.text = words
    root.insert(0, about)
    resources = root.find(f"{_CORE}resources")
    objects = resources.findall(f"{_CORE}object")
    materials = etree.Element(f"{_CORE}basematerials", id=str(len(objects) + 1))
    for n, (mesh, body) in enumerate(zip(meshes, objects, strict=True)):
        color = "".join(f"{part:02X}" for part in mesh.color)
        etree.SubElement(materials, f"{_CORE}base", name=mesh.name, displaycolor=f"#{color}FF")
        body.set("pid", materials.get("id"))
        body.set("pindex", str(n))
    resources.insert(0, materials)
    content: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content


def glb_bytes(meshes: Sequence[Mesh], words: str) -> bytes:
    """Binary glTF 2.0 of meshes, each a node with its material."""
    from trimesh.visual.material import PBRMaterial

    scene = _scene(
        meshes,
        material=lambda mesh, name: PBRMaterial(
            name=name,
            baseColorFactor=[*_light(mesh.color), mesh.opacity],
            metallicFactor=0.0,
            roughnessFactor=0.8,
            alphaMode="OPAQUE" if mesh.opacity == 1 else "BLEND",
        ),
    )
    for mesh in scene.geometry.values():
        mesh.metadata["about"] = words

    def say(tree: dict[str, Any]) -> None:
        tree["asset"] = {"version": "2.0", "generator": "liverview", "extras": {"about": words}}

    content: bytes = scene.export(file_type="glb", include_normals=False, tree_postprocessor=say)
    return content


def _light(color: tuple[int, int, int]) -> list[float]:
    """Colors of files are those of screens, and glTF's factors are of light."""
    shares = np.array(color) / 255
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return light.tolist()


def _trimesh(mesh: Mesh) -> Any:
    """The mesh as it is: nothing is merged or left out."""
    from trimesh import Trimesh

    return Trimesh(mesh.vertices, mesh.faces, process=False, validate=False)


def _scene(
    meshes: Sequence[Mesh],
    named: Callable[[str], str] = str,
    material: Callable[[Mesh, str], object] | None = None,
) -> Any:
    from trimesh import Scene
    from trimesh.util import unique_name
    from trimesh.visual import TextureVisuals

    scene = Scene()
    for mesh in meshes:
        body, name = _trimesh(mesh), unique_name(named(mesh.name), scene.geometry)
        if material is not None:
            body.visual = TextureVisuals(material=material(mesh, name))
        scene.add_geometry(body, geom_name=name, node_name=name)
    return scene


def _word(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")


Writer = Callable[[Sequence[Mesh], str], bytes]
SINGLE: Mapping[str, Writer] = {".stl": stl_bytes, ".ply": ply_bytes}
"""Formats with one mesh in a file."""
SCENES: Mapping[str, Writer] = {".3mf": threemf_bytes, ".glb": glb_bytes}
"""Formats with all meshes in a file; OBJ is one, too, with its materials beside it."""
OBJ, MTL = ".obj", ".mtl"
SUFFIXES = (*SINGLE, OBJ, *SCENES)
