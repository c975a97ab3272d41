"""Papers by typst: a template and plain data become a PDF, without access to files, network or clock.

The data reach the template as one JSON text that it parses itself, so a name such as `#let <x>` or `$*_` is
printed as it was typed and never read as markup. The template compiles in memory with an empty folder as its
root and with the fonts of the packages only, so the same template and data give the same bytes everywhere.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import fontpkg
import typst

FAMILY = "Be Vietnam Pro"
PROJECT = Path(__file__).resolve().parents[2]
BASE = Path(__file__).with_name("base.typ")
"""What every template may use: fonts, footer, money, two-column headers. It is put in front of the template."""

_PACKAGE = re.compile(r"@[a-z-]+/")


def render_pdf(template: Path, data: Mapping[str, Any], *, at: datetime | None = None, is_tagged: bool = True) -> bytes:
    """The PDF of a template with data; `at` is the creation time written into the file (none: a fixed day).

    Tags make a PDF readable to screen readers; `is_tagged=False` is for long lists, which they make ten times larger.

    Data may hold texts, whole numbers, booleans, None, lists and mappings. A float or Decimal is refused with
    TypeError: how an amount is written is decided before printing, never by a template.
    """
    made = at.astimezone(UTC) if at is not None else datetime(2026, 1, 1, tzinfo=UTC)
    with _compiler() as compiler:
        pdf = compiler.compile(
            input=_source(template),
            sys_inputs={"data": as_json(data)},
            format="pdf",
            timestamp=int(made.timestamp()),
            pdf_tags=is_tagged,
        )
    return cast(bytes, pdf)


def render_list_pdf(template: Path, data: Mapping[str, Any], *, at: datetime | None = None) -> bytes:
    """A list of thousands of rows as PDF: without tags, and in a process of its own.

    typst needs about 150 MB for each thousand rows and its caches keep them; a process that ends gives them back.
    Raises RuntimeError with the template's error.
    """
    asked = {"template": str(template), "data": as_json(data), "at": at.isoformat() if at else None}
    done = subprocess.run(
        [sys.executable, "-m", "his.printing.list_process"],
        input=json.dumps(asked).encode(),
        capture_output=True,
        cwd=PROJECT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def render_png(template: Path, data: Mapping[str, Any], *, ppi: float = 96) -> list[bytes]:
    """Each page as a picture, for previews and tests."""
    with _compiler() as compiler:
        pages = compiler.compile(
            input=_source(template), sys_inputs={"data": as_json(data)}, format="png", ppi=ppi, timestamp=0
        )
    return cast(list[bytes], pages if isinstance(pages, list) else [pages])


def as_json(data: Mapping[str, Any]) -> str:
    """The data as the template reads them."""
    _refuse_numbers(data)
    return json.dumps(data, ensure_ascii=False)


def _refuse_numbers(value: Any) -> None:
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_numbers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_numbers(item)
    elif value is not None and not isinstance(value, str | int):
        raise TypeError(f"a paper takes texts and whole numbers, not {type(value).__name__}")


def _source(template: Path) -> bytes:
    text = template.read_text(encoding="utf-8")
    if _PACKAGE.search(text):
        raise ValueError(f"{template.name} asks for a typst package; papers use nothing from outside")
    return (BASE.read_text(encoding="utf-8") + "\n" + text).encode()


@cache
def _fonts() -> typst.Fonts:
    folder = fontpkg.path(FAMILY, 400, "normal").parent
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[folder])


@contextmanager
def _compiler() -> Iterator[typst.Compiler]:
    """A compiler of its own for each paper: they are cheap, and desks print at the same time.

    Its empty folder goes with it: what would wait for the end of the process stays behind when a worker is killed.
    """
    with tempfile.TemporaryDirectory(prefix="papers-") as root:
        yield typst.Compiler(
            root=root, font_paths=_fonts(), ignore_system_fonts=True, package_path=root, package_cache_path=root
        )
