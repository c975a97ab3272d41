"""README.md and docs/ name only what there is: files, modules and what stands in them, commands."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import pytest
from django.core.management import get_commands

from his.accounts.roles import PERMISSIONS
from his.service import REGISTRY

ROOT = Path(__file__).parents[2]
PACKAGES = ("his", "patients", "pharmacy", "insurance", "reports", "tests", "docs")
SUFFIXES = r"(?:py|csv|typ|toml|html|js|css|txt|json|md)"
PATH = re.compile(rf"(?:{'|'.join(PACKAGES)})/[\w./*<> -]*|[\w./*<>-]+\.{SUFFIXES}")
DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES[:5])})(?:\.\w+)+")
COMMAND = re.compile(r"manage\.py (\w+)")
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])


def quoted(page: Path, pattern: re.Pattern[str]) -> Iterator[str]:
    """What stands between backticks and is wholly of this shape."""
    for text in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
        if pattern.fullmatch(text):
            yield text


@pytest.fixture(scope="module")
def paths() -> list[str]:
    """Every file and folder of the product, from its root, each beginning with a slash."""
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if "__pycache__" not in path.parts]
    found += [ROOT / package for package in PACKAGES] + [path for path in ROOT.iterdir() if path.is_file()]
    return [f"/{path.relative_to(ROOT).as_posix()}" for path in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_is_named_exists(page: Path, paths: list[str]) -> None:
    """A name without its folder is that of a file anywhere; `*` and `<what>` stand for any text. What begins with
    HIS_VAR lies at an installation and is not looked for."""
    named = (text for text in quoted(page, PATH) if not text.startswith("HIS_VAR/"))
    wanted = {text: f"*/{re.sub('<[^>]*>', '*', text).rstrip('/')}" for text in named}
    assert [text for text, shape in wanted.items() if not any(fnmatch(path, shape) for path in paths)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_dotted_name_is_a_module_or_stands_in_one(page: Path) -> None:
    known = {*PERMISSIONS, *REGISTRY}
    assert [name for name in quoted(page, DOTTED) if name not in known and not _is_there(name)] == []


def _is_there(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    named = set(COMMAND.findall(page.read_text(encoding="utf-8")))
    assert named - {*get_commands()} == set()
