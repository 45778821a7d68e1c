"""Parts of large packages that are imported when something of them is asked for, and not before.

A package imports much at its start that one program never uses. Where it only binds such a part's
name, the part can wait: a placeholder stands for it, in ``sys.modules`` and wherever the name was
bound, and imports the real module the first time that an attribute of it is asked for. From then
on the real one is in ``sys.modules`` and in its package, and placeholders hand everything on to it.

The import itself is Python's own, under its own locks, and none is held here meanwhile: threads
that ask for the same part wait for one another as they do for any import.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType

_VERSION = re.compile(r"""^(?:__)?version(?:__)? *= *["']([^"']*)""", re.MULTILINE)
_ASKED_OF_ANYTHING = ("__wrapped__", "__warningregistry__")  # by inspect and unittest
_swapping = threading.Lock()  # held while sys.modules is looked at and changed, never on import


@dataclass(frozen=True)
class Waiting:
    """Modules that wait while another one is executed.

    Attributes
    ----------
    names : of the modules; none of which all names are taken by ``import *``.
    stand_ins : values that are given for some of their attributes meanwhile, by "module.attribute".
    calls : functions of theirs, as "module.attribute", that are taken meanwhile and called later.
    version_file : the path, from the other module's folder, of the file that says its version.
    versions : beginnings of the versions that this was tested with; empty for any.
    """

    names: frozenset[str]
    stand_ins: Mapping[str, object] = field(default_factory=dict)
    calls: frozenset[str] = frozenset()
    version_file: str = ""
    versions: tuple[str, ...] = ()


class _Now(threading.local):
    """What waits while this thread imports something; other threads import as ever.

    Attributes
    ----------
    names : of the modules.
    stand_ins : by the module's name and the attribute's.
    """

    names: frozenset[str] = frozenset()
    stand_ins: Mapping[str, Mapping[str, object]] = MappingProxyType({})


_now = _Now()


@dataclass(frozen=True)
class DeferredCall:
    """Stands for a function of a module that nobody has called yet."""

    module: str
    name: str

    def __call__(self, *arguments: object, **named: object) -> object:
        return getattr(importlib.import_module(self.module), self.name)(*arguments, **named)


class DeferredModule(ModuleType):
    """Stands for a module that nobody has asked anything of."""

    def __getattr__(self, name: str) -> object:
        if not vars(self).get("_is_waiting") or name in _ASKED_OF_ANYTHING:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        stand_ins = _now.stand_ins.get(self.__name__)
        if stand_ins:
            if name in stand_ins:
                return stand_ins[name]
            if name == "__path__":  # "from package import name" asks for it first
                return vars(self)["_search_path"]
        return getattr(self._imported(), name)

    def __setattr__(self, name: str, value: object) -> None:
        if vars(self).get("_is_waiting"):
            setattr(self._imported(), name, value)
        else:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return dir(self._imported())

    def _imported(self) -> ModuleType:
        """The real module; it is imported where that has not happened yet."""
        name = self.__name__
        before = _now.names
        with _swapping:
            if sys.modules.get(name) is self:
                del sys.modules[name]
        try:
            _now.names = before - {name}
            return importlib.import_module(name)
        finally:
            _now.names = before


class _PlaceholderLoader(importlib.abc.Loader):
    """Makes placeholders."""

    def __init__(self, real: importlib.machinery.ModuleSpec) -> None:
        self._real = real

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> DeferredModule:
        return DeferredModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        # Without a file, whoever looks through all modules for one would have it imported.
        path = self._real.submodule_search_locations
        vars(module).update(__file__=self._real.origin, _search_path=path, _is_waiting=True)


class _Placeholders:
    """Finds placeholders for the modules that wait now, and nothing else."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _now.names:
            return None
        real = importlib.machinery.PathFinder.find_spec(name, path, target)
        if real is None:
            return None
        return importlib.machinery.ModuleSpec(name, _PlaceholderLoader(real))


class _Loader(importlib.machinery.SourceFileLoader):
    """Executes a module while others wait."""

    def __init__(self, name: str, path: str, waiting: Waiting) -> None:
        super().__init__(name, path)
        self._waiting = waiting

    def exec_module(self, module: ModuleType) -> None:
        before = _now.names, _now.stand_ins
        stand_ins = {owner: dict(own) for owner, own in before[1].items()}
        for full_name, value in self._waiting.stand_ins.items():
            owner, _, name = full_name.rpartition(".")
            stand_ins.setdefault(owner, {})[name] = value
        for full_name in self._waiting.calls:
            owner, _, name = full_name.rpartition(".")
            stand_ins.setdefault(owner, {})[name] = DeferredCall(owner, name)
        _now.names, _now.stand_ins = before[0] | self._waiting.names, stand_ins
        try:
            super().exec_module(module)
        finally:
            _now.names, _now.stand_ins = before


class _Finder:
    """Finds the modules on whose execution others wait."""

    def __init__(self, waiting: Mapping[str, Waiting]) -> None:
        self._waiting = waiting

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        waiting = self._waiting.get(name)
        if waiting is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        if _is_tested(waiting, spec.loader.path):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, waiting)
        return spec


def _is_tested(waiting: Waiting, path: str) -> bool:
    """True where the version is one of those; its file is read as text, for nothing is imported."""
    if not waiting.versions:
        return True
    try:
        text = (Path(path).parent / waiting.version_file).read_text(encoding="utf-8")
    except OSError:
        return False
    found = _VERSION.search(text)
    return found is not None and found[1].startswith(waiting.versions)


def import_waiting(name: str) -> None:
    """Import a module where it still waits, for what needs it and asks nothing of it."""
    module = sys.modules.get(name)
    if isinstance(module, DeferredModule):
        dir(module)  # as asking for any of its attributes does


@contextlib.contextmanager
def deferred_imports(waiting: Mapping[str, Waiting]) -> Iterator[None]:
    """Let modules wait while those are executed that are imported first within the block.

    What was imported before stays as it is, and what waits at the end of the block goes on waiting.

    Parameters
    ----------
    waiting : by the name of the module that would import them.
    """
    finder = _Finder(waiting)
    sys.meta_path[:0] = [_Placeholders, finder]
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.meta_path.remove(_Placeholders)
