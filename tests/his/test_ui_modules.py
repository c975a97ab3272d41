"""The script of the screens as the browser gets it: one entry, its modules, all of them fetched at once."""

import re
from pathlib import Path

import pytest
from django.template import Context, Template
from django.templatetags.static import static
from django.test import Client
from django.urls import reverse

from his.ui.script import joined, modules
from his.ui.static_version import static_version

STATIC = Path(__file__).parents[2] / "his" / "ui" / "static" / "his"
MODULES = sorted(STATIC.glob("js/*.js"))
FILES = [STATIC / "his.js", *MODULES]
_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "(\./[\w/]+\.js)";$', re.M)
_EXPORT = re.compile(r"^export const ([\w$]+) =", re.M)


def imports(path: Path) -> dict[Path, set[str]]:
    """Names that a file imports, by the file that has them; any other form of import is a failure."""
    text = path.read_text(encoding="utf-8")
    found = {(path.parent / name).resolve(): set(names.split(", ")) for names, name in _IMPORT.findall(text)}
    assert len(found) == len(re.findall(r"\bimport\b", text))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_module_imports_the_names_of_others_that_it_uses_and_no_more(path: Path) -> None:
    """With a name that is not there the browser runs nothing of the script; one not imported fails when called."""
    text = path.read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/|\"[^\"\n]*\"", "", _IMPORT.sub("", text), flags=re.S)
    used = set(re.findall(r"(?<![\w$.])[\w$]+(?![\w$:])", code)) - set(re.findall(r"\b(?:const|let) ([\w$]+)", code))
    others = {(other, name) for other in MODULES if other != path for name in _EXPORT.findall(other.read_text("utf-8"))}
    imported = {(other, name) for other, names in imports(path).items() for name in names}
    assert imported == {(other, name) for other, name in others if name in used}


def test_what_is_exported_is_imported_somewhere() -> None:
    wanted = {(other, name) for path in FILES for other, names in imports(path).items() for name in names}
    given = {(path, name) for path in MODULES for name in _EXPORT.findall(path.read_text(encoding="utf-8"))}
    assert given == wanted


def test_the_joined_script_has_every_module_after_those_it_needs() -> None:
    order = modules()
    assert sorted(order) == sorted(FILES)
    assert order[-1] == STATIC / "his.js"
    assert all(order.index(other) < order.index(path) for path in FILES for other in imports(path))
    text = joined().text
    assert not re.findall(r"^(?:import|export)\b", text, re.M)
    names = re.findall(r"^(?:const|let|function) ([\w$]+)", text, re.M)
    assert len(names) == len(set(names)), "two modules have a name of their own that is the same"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_module_has_one_subject_and_stays_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 150


def test_a_page_names_the_script_and_a_browser_keeps_it_for_good() -> None:
    html = Template("{% his_script %}").render(Context())
    (address,) = re.findall(r'^<script src="([^"]+)" defer></script>$', html)
    answer = Client().get(address)
    assert answer.content.decode() == joined().text
    assert answer["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer["Cache-Control"]
    assert Client().get(reverse("script", args=["000000000000"]))["Cache-Control"] == "no-store"


def test_a_browser_keeps_a_file_for_good_because_its_address_says_the_version() -> None:
    answer = Client().get(static("his/js/dom.js"))
    assert answer.status_code == 200
    assert "immutable" in answer["Cache-Control"]
    assert Client().get("/static/his/js/dom.js").status_code == 404


def test_the_version_changes_with_a_file_its_name_and_the_packages(tmp_path: Path) -> None:
    folder, pins = tmp_path / "static", tmp_path / "requirements.txt"
    folder.mkdir()
    pins.write_text("htmx==1")
    script = folder / "a.js"
    script.write_text("one")
    seen = [static_version([folder], pins), static_version([folder], pins)]
    script.write_text("two")
    seen.append(static_version([folder], pins))
    script.rename(folder / "b.js")
    seen.append(static_version([folder], pins))
    pins.write_text("htmx==2")
    seen.append(static_version([folder], pins))
    assert seen[0] == seen[1]
    assert len(set(seen)) == 4
