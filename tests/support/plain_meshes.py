"""Meshes of files, read by hand after the formats' descriptions; no reader of any library."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

_CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"


@dataclass(frozen=True)
class PlainMesh:
    """Vertices (n, 3), faces (m, 3), and the color as it is written: of the screen, 0..255."""

    vertices: np.ndarray
    faces: np.ndarray
    color: tuple[int, ...] | None = None


def read_meshes(path: Path) -> dict[str, PlainMesh]:
    """The meshes of a file by name; of a format without names, by that of the file."""
    reader = {".stl": _stl, ".ply": _ply, ".obj": _obj, ".3mf": _threemf, ".glb": _glb}
    return reader[path.suffix](path)


def _stl(path: Path) -> dict[str, PlainMesh]:
    data = path.read_bytes()
    count = int.from_bytes(data[80:84], "little")
    assert len(data) == 84 + 50 * count
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])
    rows = np.frombuffer(data, kind, offset=84)
    a, b, c = rows["corners"].swapaxes(0, 1).astype(float)
    outward = np.cross(b - a, c - a)
    sized = np.linalg.norm(outward, axis=1) > 1e-6
    normals = rows["normal"].astype(float)
    assert ((outward * normals).sum(axis=1)[sized] > 0).all()
    assert np.allclose(np.linalg.norm(normals[sized], axis=1), 1, atol=1e-5)
    vertices, faces = np.unique(rows["corners"].reshape(-1, 3), axis=0, return_inverse=True)
    return {path.stem: PlainMesh(vertices, faces.reshape(-1, 3))}


def _ply(path: Path) -> dict[str, PlainMesh]:
    head, _, data = path.read_bytes().partition(b"end_header\n")
    lines = [line.split() for line in head.decode("ascii").splitlines()]
    assert lines[1] == ["format", "binary_little_endian", "1.0"]
    counts = {line[1]: int(line[2]) for line in lines if line[0] == "element"}
    kinds = {"float": "<f4", "uchar": "u1"}
    parts = [(line[2], kinds[line[1]]) for line in lines if line[0] == "property" and len(line) < 4]
    rows = np.frombuffer(data, parts, counts["vertex"])
    corners = np.frombuffer(data, [("count", "u1"), ("corners", "<i4", 3)], offset=rows.nbytes)
    assert len(corners) == counts["face"]
    assert (corners["count"] == 3).all()
    colors = np.unique(np.stack([rows[name] for name in ("red", "green", "blue")], 1), axis=0)
    vertices = np.stack([rows[axis] for axis in "xyz"], 1)
    return {path.stem: PlainMesh(vertices, corners["corners"], tuple(colors[0].tolist()))}


def _obj(path: Path) -> dict[str, PlainMesh]:
    colors: dict[str, tuple[int, ...]] = {}
    vertices: list[list[float]] = []
    faces: dict[str, list[list[int]]] = {}
    used: dict[str, str] = {}
    name = material = ""
    for word, *rest in (line.split() for line in path.read_text().splitlines() if line.strip()):
        if word == "mtllib":
            for kind, *more in _lines(path.with_name(rest[0])):
                material = more[0] if kind == "newmtl" else material
                if kind == "Kd":
                    colors[material] = tuple(round(255 * float(part)) for part in more)
        elif word == "o":
            name, faces[rest[0]] = rest[0], []
        elif word == "usemtl":
            used[name] = rest[0]
        elif word == "v":
            vertices.append([float(part) for part in rest])
        elif word == "f":
            faces[name].append([int(part) - 1 for part in rest])
    found = {}
    for each, corners in faces.items():
        numbers = np.unique(corners)
        own = np.searchsorted(numbers, np.array(corners))
        found[each] = PlainMesh(np.array(vertices)[numbers], own, colors[used[each]])
    return found


def _lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines() if line.strip()]


def _threemf(path: Path) -> dict[str, PlainMesh]:
    with zipfile.ZipFile(path) as archive:
        assert {"[Content_Types].xml", "_rels/.rels"} < set(archive.namelist())
        root = ElementTree.fromstring(archive.read("3D/3dmodel.model"))
    assert root.get("unit") == "millimeter"
    bases = {
        materials.get("id"): [base.get("displaycolor", "") for base in materials]
        for materials in root.iter(f"{_CORE}basematerials")
    }
    built = {item.get("objectid") for item in root.iter(f"{_CORE}item")}
    found = {}
    for body in root.iter(f"{_CORE}object"):
        assert body.get("id") in built
        vertices = [[v.get(axis) for axis in "xyz"] for v in body.iter(f"{_CORE}vertex")]
        faces = [[t.get(f"v{n}") for n in (1, 2, 3)] for t in body.iter(f"{_CORE}triangle")]
        color = bytes.fromhex(bases[body.get("pid")][int(body.get("pindex", ""))][1:7])
        found[body.get("name", "")] = PlainMesh(
            np.array(vertices, float), np.array(faces, int), tuple(color)
        )
    for item in root.iter(f"{_CORE}item"):
        turn = [float(part) for part in item.get("transform", "1 0 0 0 1 0 0 0 1 0 0 0").split()]
        assert turn == [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    return found


def _glb(path: Path) -> dict[str, PlainMesh]:
    data = path.read_bytes()
    assert data[:4] == b"glTF"
    assert int.from_bytes(data[8:12], "little") == len(data)
    size = int.from_bytes(data[12:16], "little")
    content, held = json.loads(data[20 : 20 + size]), data[28 + size :]

    def array(number: int) -> np.ndarray:
        accessor = content["accessors"][number]
        view = content["bufferViews"][accessor["bufferView"]]
        kind = {5126: "<f4", 5125: "<u4"}[accessor["componentType"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        wide = {"SCALAR": 1, "VEC3": 3}[accessor["type"]]
        return np.frombuffer(held, kind, accessor["count"] * wide, start).reshape(-1, 3)

    found = {}
    for node in content["nodes"]:
        if "mesh" not in node:
            continue
        assert "matrix" not in node
        (part,) = content["meshes"][node["mesh"]]["primitives"]
        factors = content["materials"][part["material"]]["pbrMetallicRoughness"]["baseColorFactor"]
        light = np.array(factors[:3])
        shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        color = (shown * 255).round().astype(int)
        place, corners = array(part["attributes"]["POSITION"]), array(part["indices"])
        found[node["name"]] = PlainMesh(place, corners.astype(int), tuple(color.tolist()))
    return found
