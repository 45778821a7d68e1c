"""The table of labels: what it makes, what is keyed by it, and wrong tables."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import liverview
from liverview.core import paths
from liverview.core.label_table import LabelTableError, label_table, read_label_table
from liverview.core.labels import (
    FOREGROUND,
    Label,
    label_entry,
    label_family,
    label_mask,
    label_parent,
    label_parts,
)

from support.fourth_label import CYST

PACKAGE = Path(liverview.__file__).parent
TABLE = (paths.resources() / "labels.toml").read_text(encoding="utf-8")


def test_values_and_names_are_those_of_published_files() -> None:
    assert [(label.name, label.value) for label in Label] == [
        ("BACKGROUND", 0), ("LIVER", 1), ("VESSEL", 2), ("TUMOR", 3),
    ]  # fmt: skip
    assert tuple(Label)[1:] == FOREGROUND
    assert [label_parent(label) for label in FOREGROUND] == [None, Label.LIVER, Label.LIVER]
    assert label_parts(Label.LIVER) == (Label.VESSEL, Label.TUMOR)
    assert label_family(Label.LIVER) == FOREGROUND


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_a_mask_holds_a_label_with_its_parts_and_no_other_value(dtype: str) -> None:
    voxels = np.array([0, 1, 2, 3, 4, 9, 255], dtype)
    assert label_mask(voxels, Label.LIVER).tolist() == [False, True, True, True] + 3 * [False]
    assert np.flatnonzero(label_mask(voxels, Label.TUMOR)).tolist() == [3]
    assert np.flatnonzero(label_mask(voxels, Label.BACKGROUND)).tolist() == [0]


# ---- what is keyed by labels -------------------------------------------------------------


def modules() -> list[str]:
    """Every module that can be imported without doing something."""
    found = pkgutil.walk_packages([str(PACKAGE)], "liverview.")
    return [module.name for module in found if module.name != "liverview.__main__"]


def test_every_table_of_labels_has_every_label() -> None:
    parts = {label for label in FOREGROUND if label_parent(label) is not None}
    tables = {}
    for name in modules():
        for attribute, value in vars(importlib.import_module(name)).items():
            if isinstance(value, Mapping) and value and all(type(key) is Label for key in value):
                tables[f"{name}.{attribute}"] = set(value)
    assert "liverview.core.probability_maps.DEFAULT_THRESHOLDS" in tables
    assert "liverview.inference.cleanup.MIN_COMPONENT_ML" in tables
    wrong = {
        name: keys
        for name, keys in tables.items()
        if keys not in (set(Label), set(FOREGROUND), parts)
    }
    assert wrong == {}


def is_label(node: ast.expr | None) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Label"
    )


def test_no_table_of_labels_is_written_by_hand() -> None:
    """A dict with `Label.LIVER: ...` in it would lack the label that is added next."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict) and any(is_label(key) for key in node.keys):
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert found == []


def test_the_search_for_tables_finds_one() -> None:
    (table,) = [n for n in ast.walk(ast.parse("{Label.LIVER: 1}")) if isinstance(n, ast.Dict)]
    assert is_label(table.keys[0])


# ---- wrong tables ------------------------------------------------------------------------


def read(folder: Path, text: str) -> object:
    path = folder / "labels.toml"
    path.write_text(text, encoding="utf-8")
    return read_label_table(path)


def test_a_further_label_is_an_entry(tmp_path: Path) -> None:
    table = read(tmp_path, TABLE + CYST)
    assert list(table.labels) == ["liver", "vessel", "tumor", "cyst"]  # type: ignore[attr-defined]
    assert table.labels["cyst"].scored == frozenset()  # type: ignore[attr-defined]


def test_the_table_is_read_once() -> None:
    assert label_table() is label_table()
    assert label_entry(Label.TUMOR) is label_table().labels["tumor"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 4", "value = 3", "[cyst] has the value 3 of [tumor]"),
        ("value = 4", "value = 0", '"value" of [cyst] must be a whole number from 1 to 127, not 0'),
        ("value = 4", "value = 128", '"value" of [cyst] must be'),
        ("value = 4", "value = true", '"value" of [cyst] must be'),
        ("value = 4\n", "", '[cyst] has no "value"'),
        ('key = "Q"', 'key = "T"', "[cyst] has the key 'T' of [tumor]"),
        ('parent = "liver"\ncolor = [0, 158', 'parent = "livre"\ncolor = [0, 158',
         'the parent "livre" of [cyst] is no entry above it'),
        ('parent = "liver"\ncolor = [0, 158', 'parent = "cyst"\ncolor = [0, 158',
         'the parent "cyst" of [cyst] is no entry above it'),
        ('parent = "liver"\ncolor = [0, 151', 'parent = "tumor"\ncolor = [0, 151',
         'the parent "tumor" of [vessel] is no entry above it'),
        ("[vessel]\nvalue = 2", "[vessel]\nvalue = 1", "[vessel] has the value 1 of [liver]"),
        ("[liver]\nvalue = 1", "[liver]\nvalue = 9", "the value 2 of [vessel] must be larger"),
        ("color = [0, 158, 115]", "color = [0, 158]", '"color" of [cyst] must be three'),
        ("color = [0, 158, 115]", "color = [0, 158, 256]", '"color" of [cyst] must be three'),
        ("color = [0, 158, 115]", "colour = [0, 158, 115]", '[cyst] has no "color"'),
        ('called = ["cyst"', 'colour = 1\ncalled = ["cyst"', '[cyst] has "colour", which is no'),
        ('called = ["cyst", "cysts"]', 'called = "cyst"', '"called" of [cyst] must be a list'),
        ("blur_mm = 1.0, opacity = 1.0 }\nkey_image = \"outlined\"\ncalled = [\"cyst\"",
         "opacity = 1.0 }\nkey_image = \"outlined\"\ncalled = [\"cyst\"", '"mesh" of [cyst] must'),
        ('key_image = "outlined"\ncalled = ["cyst"', 'key_image = ["a"]\ncalled = ["cyst"',
         '"key_image" of [cyst] must be "filled" or "outlined"'),
        ('type = ["103552005", "Cyst"]', "", '"terms" of [cyst] must be category, type'),
        ("least_ml = 0.25", "least_ml = -1", '"least_ml" of [tumor] must be a number of mL'),
        ('scored = ["lesions"]', 'scored = ["all"]', '"scored" of [tumor] must be a list of'),
        ("[cyst]", "[Cyst]", "[Cyst] must be an entry whose name is one word in lower case"),
        ("[tumor", "[tumour", "has no entry [tumor]"),
        ("[background]\ncalled", "[background]\nnamed", '[background] has no "called"'),
        ("[cyst]", "[cyst", "cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_in_one_sentence(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    text = TABLE + CYST
    assert old in text
    with pytest.raises(LabelTableError) as refused:
        read(tmp_path, text.replace(old, new))
    message = str(refused.value)
    assert said in message
    assert message.startswith(str(tmp_path / "labels.toml"))
    assert message.endswith(".")
    assert "\n" not in message


def test_a_missing_table_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabelTableError, match=r"absent\.toml cannot be read"):
        read_label_table(tmp_path / "absent.toml")
