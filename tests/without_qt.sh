#!/bin/sh
# Runs a small cohort and what follows it by an installation without Qt. $1 : its folder of programs.
set -eu
bin=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$bin/python" - <<'CODE'
import importlib.util

there = [m for m in ("PySide6", "shiboken6", "pyqtgraph", "OpenGL") if importlib.util.find_spec(m)]
assert not there, f"{there} is installed"
CODE

for seed in 1 2; do
  "$bin/liverview" phantom made --seed $seed --shape 64 56 24 --spacing 5 5 8 --overwrite
  mkdir -p "scans/$seed"
  cp made/ct.nii.gz "scans/$seed/scan.nii.gz"
done
echo "no scan" > scans/2/broken.nii.gz

# One broken file of three: it is said, and the others are done.
"$bin/liverview" segment scans/1/scan.nii.gz scans/2/scan.nii.gz scans/2/broken.nii.gz \
  -o results 2> said || test $? = 2
cat said
grep -q "broken" said
test "$(find results -maxdepth 1 -name '*scan_seg.nii.gz' | wc -l)" = 2

"$bin/liverview" measure made/labels.nii.gz --json measured.json
"$bin/liverview" evaluate made/labels.nii.gz made/labels.nii.gz
"$bin/liverview" report made/ct.nii.gz made/labels.nii.gz -o report
test -s "$(find report -name '*_report.html')"
test -z "$(find report -name '*.pdf')"
code=0
"$bin/liverview" made/ct.nii.gz 2> said || code=$?
test "$code" = 2
grep -q "needs Qt, which is not installed" said
echo "The commands run without Qt."
