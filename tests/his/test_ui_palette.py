"""The stylesheet: enough contrast, no undefined property, nothing from outside (WCAG 2.2 1.4.3 and 1.4.11)."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "his" / "ui" / "static" / "his" / "his.css"

# Text on its ground: 4.5 to 1. The state colours stand on their own ground and, as text, on paper.
TEXT = [
    ("ink", "paper"),
    ("ink", "ground"),
    ("ink", "shade"),
    ("ink", "chosen"),
    ("soft", "paper"),
    ("soft", "ground"),
    ("soft", "shade"),
    ("soft", "chosen"),
    ("soft", "off-ground"),
    ("action", "paper"),
    ("action", "shade"),
    ("action-dark", "ground"),
    ("on-action", "action"),
    ("on-action", "action-dark"),
    ("on-chosen", "chosen"),
    ("on-mark", "mark"),
    ("paper", "ink"),
    *[(state, f"{state}-ground") for state in ("ok", "wait", "stop", "info", "off")],
    *[("ink", f"{state}-ground") for state in ("ok", "wait", "stop", "info")],
    *[(state, "paper") for state in ("ok", "wait", "stop", "info")],
]
# Edges and signs that carry meaning: 3 to 1.
EDGES = [
    ("line-strong", "paper"),
    ("line-strong", "shade"),
    ("focus", "paper"),
    ("focus", "shade"),
    ("focus", "chosen"),
]


def source() -> str:
    return re.sub(r"/\*.*?\*/", "", CSS.read_text(encoding="utf-8"), flags=re.S)


def properties(selector: str) -> dict[str, str]:
    block = re.search(re.escape(selector) + r"\s*\{(.*?)\}", source(), re.S)
    assert block, selector
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", block[1]))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_knows_black_on_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_is_readable(text: str, ground: str) -> None:
    palette = properties(":root")
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_edges_are_seen(edge: str, ground: str) -> None:
    palette = properties(":root")
    assert contrast(palette[edge], palette[ground]) >= 3


@pytest.mark.parametrize("text", ["ink", "soft"])
def test_the_call_screen_is_readable(text: str) -> None:
    palette = properties("body.call")
    assert contrast(palette[text], palette["paper"]) >= 7


def test_patient_accents_are_seen_and_differ() -> None:
    accents = re.findall(r"\.accent-(\d+) \{ --accent: (#\w{6}); \}", source())
    assert [int(number) for number, _ in accents] == list(range(12))
    assert len({colour for _, colour in accents}) == 12
    assert all(contrast(colour, "#ffffff") >= 3 for _, colour in accents)


def test_every_property_used_is_defined() -> None:
    used = set(re.findall(r"var\(--([\w-]+)", source()))
    assert used - set(properties(":root")) == set()


def test_nothing_comes_from_outside() -> None:
    assert not re.search(r"https?:|@import|url\(\s*[\"']?//", source())


def test_text_never_clips_stacked_marks() -> None:
    """Below 1.3 the marks of `Ệ Ữ Ậ` are cut; only the call screen's digits and key caps are tighter."""
    heights = [float(value) for value in re.findall(r"line-height:\s*([\d.]+)\s*;", source())]
    assert [value for value in heights if value < 1.3] in ([1, 1.1], [1.1, 1], [1.1])
    assert "text-transform" not in source()
