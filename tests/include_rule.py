#!/usr/bin/env python3
"""Holds the table of docs/architecture.md that says which folder includes which others."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
path_pattern = r"`([a-z_]+/[a-z_/.]*)`"
allowed = {}  # The path of a row, and the paths that its files may include.
for row in (root / "docs/architecture.md").read_text().splitlines():
    if re.fullmatch(rf"\| {path_pattern}(, {path_pattern})* \|[^|]*\|", row):
        files, included = (re.findall(path_pattern, cell) for cell in row.strip("|").split("|"))
        allowed.update({path: (path, *included) for path in files})

broken = []
count = 0
folders = [folder for folder in root.iterdir() if folder.name not in ("build", "tests")]
for file in sorted(file for folder in folders for file in folder.rglob("*.?pp")):
    name = str(file.relative_to(root))
    row = max((path for path in allowed if name.startswith(path)), key=len, default=None)
    for included in re.findall(r'^#include "([^"]+/[^"]+)"', file.read_text(), re.MULTILINE):
        count += 1
        if row is None or not included.startswith(allowed[row]):
            broken.append(f"{name} includes {included}, which its row ({row}) does not allow")

print(*broken, f"{len(allowed)} rows, {count} includes, {len(broken)} not allowed", sep="\n")
sys.exit(bool(broken) or count == 0)
