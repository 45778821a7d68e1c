"""Formats of meshes: STL, PLY, OBJ with its materials, 3MF, GLB; the bytes of each.

All have coordinates in mm as they are given, and say in words what they are. glTF counts in
meters, and has no other unit: there, 1 is 1 mm all the same, as in the other files.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

_FLOAT, _UINT = 5126, 5125  # glTF's types
_VERTICES, _FACES = 34962, 34963  # and its kinds of buffers
_DATE = (1980, 1, 1, 0, 0, 0)  # of members, the same in every file


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
    corners = mesh.vertices[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(across, axis=1, keepdims=True)
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])
    rows = np.zeros(len(mesh.faces), kind)
    rows["normal"], rows["corners"] = across / np.maximum(length, 1e-20), corners
    # A file that begins with "solid" is taken for one of text.
    head = _ascii(f"liverview {mesh.name}: {words}")[:80].ljust(80, b"\0")
    return head + len(rows).to_bytes(4, "little") + rows.tobytes()


def ply_bytes(meshes: Sequence[Mesh], words: str) -> bytes:
    """Binary PLY of one mesh, with a color at every vertex."""
    (mesh,) = meshes
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment liverview {mesh.name}: {words}",
        f"element vertex {len(mesh.vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {part}" for part in ("red", "green", "blue")),
        f"element face {len(mesh.faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    vertices = np.zeros(len(mesh.vertices), [("place", "<f4", 3), ("color", "u1", 3)])
    vertices["place"], vertices["color"] = mesh.vertices, mesh.color
    faces = np.zeros(len(mesh.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.faces
    return _ascii("\n".join(lines)) + b"\n" + vertices.tobytes() + faces.tobytes()


def obj_bytes(meshes: Sequence[Mesh], words: str, materials: str) -> bytes:
    """OBJ of meshes, each an object with its material; ``materials`` is the name of that file."""
    out, first = io.StringIO(), 1
    out.write(f"# liverview: {words}\nmtllib {materials}\n")
    for mesh in meshes:
        name = _word(mesh.name)
        out.write(f"o {name}\nusemtl {name}\n")
        out.writelines(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in mesh.vertices.tolist())
        out.writelines(f"f {a} {b} {c}\n" for a, b, c in (mesh.faces + first).tolist())
        first += len(mesh.vertices)
    return _ascii(out.getvalue())


def mtl_bytes(meshes: Sequence[Mesh]) -> bytes:
    """The materials of an OBJ: the colors of the labels."""
    lines = ["# liverview: colors of the labels"]
    for mesh in meshes:
        shares = " ".join(f"{part / 255:.6f}" for part in mesh.color)
        lines += [f"newmtl {_word(mesh.name)}", f"Kd {shares}", f"Ka {shares}"]
        lines += [f"d {mesh.opacity:g}", "illum 1"]
    return _ascii("\n".join(lines) + "\n")


def threemf_bytes(meshes: Sequence[Mesh], words: str) -> bytes:
    """3MF of meshes, each an object with its color; the unit is the millimeter.

    Format: 3MF Core Specification 1.3.
    """
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xml:lang="en-US" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">\n'
        '<metadata name="Application">liverview</metadata>\n'
        f'<metadata name="Description">{_xml(words)}</metadata>\n<resources>\n'
        '<basematerials id="1">'
    ]
    for mesh in meshes:
        color = "".join(f"{part:02X}" for part in mesh.color)
        parts.append(f'<base name={quoteattr(mesh.name)} displaycolor="#{color}FF"/>')
    parts.append("</basematerials>\n")
    for n, mesh in enumerate(meshes):
        parts.append(
            f'<object id="{n + 2}" name={quoteattr(mesh.name)} type="model" pid="1" pindex="{n}">'
            "<mesh><vertices>\n"
        )
        parts += [
            f'<vertex x="{x:.6f}" y="{y:.6f}" z="{z:.6f}"/>\n' for x, y, z in mesh.vertices.tolist()
        ]
        parts.append("</vertices><triangles>\n")
        parts += [f'<triangle v1="{a}" v2="{b}" v3="{c}"/>\n' for a, b, c in mesh.faces.tolist()]
        parts.append("</triangles></mesh></object>\n")
    items = "".join(f'<item objectid="{n + 2}"/>' for n in range(len(meshes)))
    parts.append(f"</resources>\n<build>{items}</build>\n</model>\n")
    package = "http://schemas.openxmlformats.org/package/2006"
    members = {
        "[Content_Types].xml": f'<?xml version="1.0" encoding="UTF-8"?>\n<Types '
        f'xmlns="{package}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="model" '
        'ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>',
        "_rels/.rels": f'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships '
        f'xmlns="{package}/relationships"><Relationship Target="/3D/3dmodel.model" Id="rel0" '
        'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>',
        "3D/3dmodel.model": "".join(parts),
    }
    return _zipped(members)


def glb_bytes(meshes: Sequence[Mesh], words: str) -> bytes:
    """Binary glTF 2.0 of meshes, each a node with its material."""
    data = bytearray()
    views: list[dict[str, int]] = []
    accessors: list[dict[str, object]] = []
    for mesh in meshes:
        faces = mesh.faces.astype("<u4")
        for array, target in ((mesh.vertices.astype("<f4"), _VERTICES), (faces, _FACES)):
            raw = array.tobytes()
            views.append(
                {"buffer": 0, "byteOffset": len(data), "byteLength": len(raw), "target": target}
            )
            data += raw
        edges = {name: getattr(mesh.vertices, name)(axis=0).tolist() for name in ("min", "max")}
        view = len(views) - 2
        common = {"bufferView": view, "componentType": _FLOAT, "type": "VEC3"}
        accessors.append({**common, "count": len(mesh.vertices), **edges})
        common = {"bufferView": view + 1, "componentType": _UINT, "type": "SCALAR"}
        accessors.append({**common, "count": int(faces.size)})
    content = {
        "asset": {"version": "2.0", "generator": "liverview", "extras": {"about": words}},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [{"name": mesh.name, "mesh": n} for n, mesh in enumerate(meshes)],
        "meshes": [_gltf_mesh(mesh.name, n, words) for n, mesh in enumerate(meshes)],
        "materials": [_gltf_material(mesh) for mesh in meshes],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(data)}],
    }
    text = json.dumps(content).encode("ascii")
    chunks = b"".join(
        len(padded).to_bytes(4, "little") + kind + padded
        for padded, kind in (
            (text + b" " * (-len(text) % 4), b"JSON"),
            (bytes(data) + b"\0" * (-len(data) % 4), b"BIN\0"),
        )
    )
    head = b"glTF" + (2).to_bytes(4, "little") + (12 + len(chunks)).to_bytes(4, "little")
    return head + chunks


def _gltf_mesh(name: str, number: int, words: str) -> dict[str, object]:
    corners = {"attributes": {"POSITION": 2 * number}, "indices": 2 * number + 1}
    return {
        "name": name,
        "primitives": [{**corners, "material": number}],
        "extras": {"about": words},
    }


def _gltf_material(mesh: Mesh) -> dict[str, object]:
    """Colors of files are those of screens, and glTF's factors are of light."""
    shares = np.array(mesh.color) / 255
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return {
        "name": mesh.name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [*light.tolist(), mesh.opacity],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.8,
        },
        "alphaMode": "OPAQUE" if mesh.opacity == 1 else "BLEND",
    }


def _zipped(members: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _word(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")


def _xml(text: str) -> str:
    return quoteattr(text)[1:-1]


Writer = Callable[[Sequence[Mesh], str], bytes]
SINGLE: Mapping[str, Writer] = {".stl": stl_bytes, ".ply": ply_bytes}
"""Formats with one mesh in a file."""
SCENES: Mapping[str, Writer] = {".3mf": threemf_bytes, ".glb": glb_bytes}
"""Formats with all meshes in a file; OBJ is one, too, with its materials beside it."""
OBJ, MTL = ".obj", ".mtl"
SUFFIXES = (*SINGLE, OBJ, *SCENES)
