"""The keyboard map: no collision, never a bare letter, and screens that only use what it defines."""

import re
from pathlib import Path

import pytest

from his.ui import keymap
from his.ui.keymap import Key

ROOT = Path(__file__).parents[2]
SCREENS = sorted(
    path for top in ("his", "patients", "pharmacy", "insurance", "reports") for path in ROOT.glob(f"{top}/**/*.html")
)
UI = ROOT / "his" / "ui" / "static" / "his"


def test_the_map_has_no_problem() -> None:
    assert keymap.problems(keymap.all_keys()) == []


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ([Key("a", ("F2",), "x"), Key("b", ("F2",), "y")], "b: F2 already means a"),
        ([Key("a", ("p",), "x")], "a: bare letter p"),
        ([Key("a", ("Shift+D",), "x")], "a: bare letter Shift+D"),
        ([Key("a", ("5",), "x")], "a: bare letter 5"),
        ([Key("a", ("F13",), "x")], "a: unknown key F13"),
    ],
)
def test_problems_are_found(keys: list[Key], problem: str) -> None:
    assert keymap.problems(keys) == [problem]


def test_the_same_key_may_mean_another_thing_in_another_place() -> None:
    assert keymap.problems([Key("a", ("Enter",), "x", "form"), Key("b", ("Enter",), "y", "list")]) == []


def test_alt_letters_of_the_browser_are_refused() -> None:
    assert keymap.alt_problems(["l", "l"]) == ["Alt+l used twice"]
    assert keymap.alt_problems(["f"]) == ["Alt+f belongs to the browser or the input method"]
    assert keymap.alt_problems(["F9"]) == ["'F9' is not one letter a to z"]


def test_function_keys_keep_their_meaning() -> None:
    meaning = {combo: key.action for key in keymap.KEYMAP for combo in key.keys}
    assert meaning == {
        "F1": "help",
        "F2": "new",
        "F3": "find",
        "F4": "card-check",
        "F5": "refresh",
        "F6": "orders",
        "F7": "today",
        "F8": "prescription",
        "F9": "save",
        "Ctrl+Enter": "save",
        "F10": "print",
        "F12": "next",
    }


@pytest.mark.parametrize("path", SCREENS, ids=lambda p: str(p.relative_to(ROOT)))
def test_screens_use_only_known_keys(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    letters = re.findall(r'data-key="([^"{]*)"', text) + re.findall(r'button\.html" with [^%]*\bkey="([^"]*)"', text)
    # Two branches of one template never show together; across branches a letter may come twice.
    wrong = keymap.alt_problems(sorted(set(letters)) if "{% else" in text or "{% if" in text else letters)
    actions = re.findall(r'data-action="([^"{]*)"', text) + re.findall(
        r'button\.html" with [^%]*\baction="([^"]*)"', text
    )
    assert wrong == []
    assert set(actions) <= {key.action for key in keymap.KEYMAP}
    assert "accesskey" not in text


def test_the_script_gives_no_key_a_meaning_of_its_own() -> None:
    """Letters reach the script only with Alt; named keys only those that the map lists as moves."""
    script = "\n".join(path.read_text(encoding="utf-8") for path in [UI / "his.js", *UI.glob("js/*.js")])
    assert 'e.key === "Enter"' in script
    named = set(re.findall(r'e\.key [!=]== "(\w+)"', script))
    listed = {combo.split("+")[-1] for key in keymap.MOVES for combo in key.keys}
    modifiers = {"Shift", "Alt", "AltGraph", "Tab"}
    assert named - listed - modifiers == set()
    assert not re.search(r"\bF\d{1,2}\b", script.replace("F1 ", ""))
