"""Recipes with values that nothing can be made of: one sentence that names file and entry."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from liverview.core import paths
from liverview.training.recipe import RecipeError, read_recipe

SHIPPED = paths.resources() / "recipes" / "fine.toml"


def sentence_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    assert len(sentence) < 600 + len(str(path))
    return sentence


def changed(entry: str, value: str) -> str:
    """The shipped recipe with another value of an entry, or with text for a whole table."""
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith(f"{entry} =") for line in lines) == 1, entry
    return "\n".join(
        f"{entry} = {value}" if line.startswith(f"{entry} =") else line for line in lines
    )


@pytest.mark.parametrize(
    "table", ["sample", "optimizer", "validation", "network", "preprocessing", "scans"]
)
def test_a_table_given_as_text(tmp_path: Path, table: str) -> None:
    kept, skip = [f'{table} = "text"'], False
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            skip = line.strip("[]").split(".")[0] == table
        if not skip and not line.startswith(f"{table} ="):
            kept.append(line)
    assert f"{table} must be a table" in sentence_of(tmp_path, "\n".join(kept))


@pytest.mark.parametrize("value", ["9" * 400, "-" + "9" * 400, '"x"', "[[]]", "1e400", "nan"])
@pytest.mark.parametrize("entry", ["steps", "learning_rate", "seed", "depth", "slices", "every"])
def test_numbers_that_are_none(tmp_path: Path, entry: str, value: str) -> None:
    assert entry in sentence_of(tmp_path, changed(entry, value))


@pytest.mark.parametrize("value", ["[1, 2]", '"liver"', "[[]]", '["background", ["liver"]]', "{}"])
def test_classes_that_are_no_names(tmp_path: Path, value: str) -> None:
    assert "classes" in sentence_of(tmp_path, changed("classes", value))


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 5000, "x = " + "{a=" * 5000, "x = " + "9" * 5000, "a" * 200_000, "\0"]
)
def test_text_that_is_no_recipe(tmp_path: Path, text: str) -> None:
    assert "is not a readable recipe" in sentence_of(tmp_path, text)


def test_an_endless_value_is_not_repeated(tmp_path: Path) -> None:
    assert "name must be" in sentence_of(tmp_path, changed("name", f'"{"x" * 200_000}"'))
    endless = f"{'y' * 200_000} = 1\n{SHIPPED.read_text(encoding='utf-8')}"
    assert "is not an entry" in sentence_of(tmp_path, endless)


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_what_is_no_file_or_no_text(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "M\xfcller"')
    (tmp_path / "huge.toml").write_bytes(b"#" * (2 << 20))
    (tmp_path / "loop.toml").symlink_to(tmp_path / "loop.toml")
    for name in ("pipe", "latin", "huge", "loop", "none"):
        with pytest.raises(RecipeError, match=f"{name}.toml is not a readable recipe"):
            read_recipe(tmp_path / f"{name}.toml")
