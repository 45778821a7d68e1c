"""The parts of other packages that no command but training uses, and that wait (decision 0043)."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from liverview.core.deferred_imports import Waiting, deferred_imports

SWITCH = "LIVERVIEW_WHOLE_IMPORTS"
"""The name of a variable of the environment: where it is set, nothing waits."""


class _PlainDoc:
    """Stands for SciPy's parser of docstrings: the text stays as it is, without a note added."""

    def __init__(self, function: object) -> None:
        self._text = function.__doc__ or ""

    def __getitem__(self, section: str) -> list[str]:
        return []

    def __str__(self) -> str:
        return f"\n{self._text}"


WAITING = {
    # What torch imports at the end of its __init__ and binds only: kernels in Python for tensors
    # without data, by which graphs are captured, and the export and quantization of these. The
    # order in which the rest is imported stays.
    "torch": Waiting(
        frozenset(
            {
                "torch._meta_registrations",
                "torch._native",
                "torch.ao",
                "torch.distributed._meta_registrations",
                "torch.distributions",
                "torch.export",
                "torch.masked",
                "torch.nn.intrinsic",
                "torch.nn.qat",
                "torch.nn.quantizable",
                "torch.nn.quantized",
                "torch.optim",
                "torch.profiler",
                "torch.quantization",
                "unittest.mock",
            }
        ),
        version_file="version.py",
        versions=("2.13.",),
    ),
    # For header extensions that hold DICOM; its Dataset is the parameter of a generic class.
    "nibabel.nifti1": Waiting(frozenset({"pydicom"}), {"pydicom.Dataset": Any}),
    # SciPy's view of NumPy takes each of NumPy's names, and with them what NumPy itself leaves out.
    "scipy._lib.array_api_compat.numpy": Waiting(
        frozenset(
            {
                "numpy.char",
                "numpy.core",
                "numpy.ctypeslib",
                "numpy.f2py",
                "numpy.ma",
                "numpy.polynomial",
                "numpy.testing",
            }
        )
    ),
    # It parses the docstrings of all its functions, to add a note to them.
    "scipy._lib._array_api": Waiting(
        frozenset({"scipy._lib._docscrape"}),
        {"scipy._lib._docscrape.FunctionDoc": _PlainDoc},
        version_file="../version.py",
        versions=("1.17.",),
    ),
    # LAPACK, and special functions, for a function or two of each of these.
    "scipy.ndimage": Waiting(frozenset({"scipy.special"})),
    "scipy.sparse.csgraph._laplacian": Waiting(
        frozenset({"scipy.sparse.linalg"}), calls=frozenset({"scipy.sparse.linalg.LinearOperator"})
    ),
    "scipy.spatial": Waiting(frozenset({"scipy.spatial.transform"})),
    "scipy.spatial.distance": Waiting(
        frozenset({"scipy.special"}), calls=frozenset({"scipy.special.rel_entr"})
    ),
}


def lean_imports() -> contextlib.AbstractContextManager[None]:
    """Within the block, packages are imported without what only training uses."""
    return contextlib.nullcontext() if os.environ.get(SWITCH) else deferred_imports(WAITING)
