"""Every template of the product obeys the Content-Security-Policy and uses parts that exist."""

import re
from pathlib import Path

import pytest

from his.ui import icons

ROOT = Path(__file__).parents[2]
UI = ROOT / "his" / "ui" / "templates"
SCREENS = sorted(
    path for top in ("his", "patients", "pharmacy", "insurance", "reports") for path in ROOT.glob(f"{top}/**/*.html")
)
FORBIDDEN = {
    "inline style": r"\sstyle\s*=|<style\b",
    "inline script": r"<script(?![^>]*\bsrc=)[^>]*>",
    "event handler": r"\son[a-z]+\s*=\s*[\"']",
    "htmx code": r"hx-on|hx-vals\s*=\s*[\"']js:|hx-trigger=\"[^\"]*\[",
    "outside address": r"(?:src|href|action)\s*=\s*[\"']?(?:https?:)?//",
    "bare javascript": r"javascript:",
}


@pytest.mark.parametrize("path", SCREENS, ids=lambda p: str(p.relative_to(ROOT)))
def test_templates_keep_the_policy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [name for name, pattern in FORBIDDEN.items() if re.search(pattern, text)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("inline style", '<p style="x">'),
        ("inline script", "<script>1</script>"),
        ("event handler", '<p onclick="x">'),
        ("htmx code", '<p hx-trigger="click[ctrlKey]">'),
        ("outside address", '<img src="//x">'),
    ],
)
def test_breaches_are_found(name: str, text: str) -> None:
    assert re.search(FORBIDDEN[name], text)


@pytest.mark.parametrize("path", SCREENS, ids=lambda p: str(p.relative_to(ROOT)))
def test_templates_use_parts_and_icons_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    parts = re.findall(r'"(his/components/[\w/]+\.html)"', text)
    assert [part for part in parts if not (UI / part).exists()] == []
    drawn = re.findall(r'{% icon "([\w-]+)"', text) + re.findall(r'\bicon_name="([\w-]+)"', text)
    assert set(drawn) <= set(icons.names())


def test_icons_are_drawn_or_labelled() -> None:
    assert 'aria-hidden="true"' in icons.svg("print")
    assert 'aria-label="In &lt;phiếu&gt;"' in icons.svg("print", "In <phiếu>")
    with pytest.raises(KeyError):
        icons.svg("no-such-icon")
