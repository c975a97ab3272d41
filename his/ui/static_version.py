"""The version of everything that pages fetch beside themselves: script, styles, fonts, what packages bring."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def static_version(folders: Iterable[Path], pins: Path) -> str:
    """Twelve letters that change with any file of the folders, its name too, and with the pinned packages.

    It stands in every static address, so that a browser keeps a file for good and never mixes files of two versions.
    """
    found = hashlib.sha256(pins.read_bytes())
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            found.update(f"{file.relative_to(folder)}\0{file.stat().st_size}\0".encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:12]
