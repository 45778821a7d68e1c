#!/bin/sh
# Importing PySide6.QtCore puts another function in the place of Python's __import__, for good. From then
# on the source of every module that is imported, and of every one that imports, is read once
# (inspect.getsource), also by programs that never ask for a feature of PySide6: a library of some
# hundred modules takes longer to import after Qt than before it.
#
# Seen with PySide6-Essentials 6.11.3 and 6.10.3, Python 3.11; the times are printed, and not judged. It
# matters to every window that loads a large library (torch, SciPy, pydicom) once it is up.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
cat > "$folder/imports.py" <<'PYTHON'
import builtins
import inspect
import sys
import time

after_qt = sys.argv[1] == "after"
plain, real = builtins.__import__, inspect.getsource
read = []


def noted(what):
    read.append(getattr(what, "__name__", what))
    return real(what)


inspect.getsource = noted
if after_qt:
    import PySide6
    import PySide6.QtCore

    print("PySide6", PySide6.__version__)
before, modules, started = len(read), len(sys.modules), time.process_time()
import scipy.ndimage
import scipy.sparse.csgraph
import scipy.spatial

seconds = time.process_time() - started
replaced = builtins.__import__ is not plain
sources, modules = len(read) - before, len(sys.modules) - modules
print(f"{sys.argv[1]} Qt: __import__ replaced: {replaced}; {modules} modules imported in "
      f"{seconds:.2f} s of CPU, the source of {sources} read")
sys.exit(replaced is not after_qt or (sources > 100) is not after_qt)
PYTHON
pip scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" "$folder/imports.py" without
for version in 6.10.3 6.11.3; do
  pip PySide6-Essentials==$version
  "$folder/venv/bin/python" "$folder/imports.py" after
done
