"""The text of a recipe: a TOML file of a reasonable size."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from liverview.core.errors import LiverviewError
from liverview.core.text import quoted

_LARGEST = 1 << 20  # bytes of a recipe


class RecipeError(LiverviewError):
    """A recipe that cannot be used; the message names the file and the entry."""


def read_recipe_values(path: Path) -> tuple[dict[str, Any], str]:
    """The entries of a recipe, and its text.

    Raises
    ------
    RecipeError : where the file cannot be read, or is no TOML.
    """
    try:
        text = _read_text(path)
        return tomllib.loads(text), text
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else quoted(error, 300)
        raise RecipeError(f"{path} is not a readable recipe: {why}") from error


def _read_text(path: Path) -> str:
    """The text of a recipe: of a file, and of no more of it than a recipe can be."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no file; choose a .toml file")
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST} bytes; choose a .toml file")
    return content.decode("utf-8")
