"""The script of the screens as browsers get it: its modules joined to one file, each after those that it needs.

One file is one question to the server, kept for good, and there as early as can be: on a weak line fourteen would keep
the keys waiting. Modules import names from each other and nothing else (tests/his/test_ui_modules.py), so that joining
them is no more than leaving out the words `import` and `export`.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ENTRY = Path(__file__).parent / "static" / "his" / "his.js"
_IMPORT = re.compile(r'^import \{ [^}\n]+ \} from "(\./[\w/]+\.js)";\n', re.M)
_EXPORT = re.compile(r"^export (?=const )", re.M)


@dataclass(frozen=True, slots=True)
class Script:
    """The joined text and its version, which changes with it."""

    text: str
    version: str


def needed(path: Path) -> set[Path]:
    """The modules that a file imports."""
    return {(path.parent / name).resolve() for name in _IMPORT.findall(path.read_text(encoding="utf-8"))}


def modules() -> list[Path]:
    """All modules, each after those that it needs, the entry last. Raises graphlib.CycleError."""
    files = [ENTRY.resolve(), *(path.resolve() for path in sorted(ENTRY.parent.glob("js/*.js")))]
    return list(TopologicalSorter({path: sorted(needed(path)) for path in files}).static_order())


def joined() -> Script:
    """The script of the files as they are now."""
    parts = (_EXPORT.sub("", _IMPORT.sub("", path.read_text(encoding="utf-8"))) for path in modules())
    text = '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"
    return Script(text, hashlib.sha256(text.encode()).hexdigest()[:12])


@cache
def script() -> Script:
    """The script that this process serves."""
    return joined()
