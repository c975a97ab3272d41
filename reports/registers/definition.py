"""Registers as data: title, law, columns, paper and who signs, in versions with dates (sổ). Pure.

A register lives in `definitions/<code>/<first day in force>.toml`. Its lines are either written at the desk (`source`
"entries") or made from what the records say (any other source). A new circular is a new file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from his.core.errors import NotFound
from reports.errors import DefinitionError

ROOT = Path(__file__).with_name("definitions")
KINDS = ("text", "long", "date", "number", "choice", "yesno", "birth", "person")
"""`long` is a text of several lines, `person` the name of someone who may be known here; a register has at most one."""
FILLS = (
    "full_name",
    "birth",
    "age",
    "sex",
    "citizen_id",
    "card_number",
    "address",
    "ethnicity",
    "occupation",
    "guardian",
    "reason",
    "diagnosis",
    "treatment",
    "weight_kg",
    "height_cm",
    "pressure",
    "staff",
)
"""What a column can be filled from when the person, or their visit, is known."""
KEPT = "entries"
OWN_LAYOUT = "Bố cục theo thực tế sử dụng"
PAPERS = ("A3", "A4")
GROUPS = ("commune", "hospital")
NUMBERINGS = ("year", "month")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` is its share of the page; `page` 2 stands on the right page of an open book; `total` adds up
    a number or counts a yes; `fill` names what it is filled from; `is_listed`: also on the screen's list."""

    key: str
    heading: str
    kind: str = "text"
    width: int = 10
    group: str = ""
    page: int = 1
    is_required: bool = False
    is_listed: bool = True
    total: str = ""
    fill: str = ""
    choices: tuple[str, ...] = ()
    hint: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class Register:
    """One version of a register. `tells_arrivals`: its foot says how many came, and how many of them have no line."""

    code: str
    version: str
    number: str
    title: str
    short_title: str
    law: str
    kind: str
    source: str
    day_heading: str
    numbering: str
    noun: str
    has_own_layout: bool
    is_sensitive: bool
    has_day_totals: bool
    tells_arrivals: bool
    filter: dict[str, Any]
    signers: tuple[str, ...]
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    valid_from: date

    @property
    def is_kept(self) -> bool:
        """Whether its lines are written at the desk."""
        return self.source == KEPT

    @property
    def person(self) -> Column | None:
        """The column that names a person."""
        return next((column for column in self.columns if column.kind == "person"), None)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.key for column in self.columns)


def registers(on: date) -> list[Register]:
    """The version of each register that is in force on the day, in order of code."""
    found = {row.code: row for row in _all() if row.valid_from <= on}
    return sorted(found.values(), key=lambda row: (GROUPS.index(row.kind), _sorting(row.code)))


def register_on(code: str, on: date) -> Register:
    """The version of a register in force on the day; before its first version, the first. NotFound for another code."""
    versions = [row for row in _all() if row.code == code]
    if not versions:
        raise NotFound("Không có sổ này")
    in_force = [row for row in versions if row.valid_from <= on]
    return in_force[-1] if in_force else versions[0]


def register_version(code: str, version: str) -> Register:
    """The version that a stored line names."""
    return next(row for row in _all() if (row.code, row.version) == (code, version))


def _sorting(code: str) -> list[tuple[int, str]]:
    """A2.1 before A10: numbers by their value."""
    parts = code.replace("A", "A.", 1).split(".")
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


@lru_cache(maxsize=1)
def _all() -> tuple[Register, ...]:
    return tuple(_read(path) for path in sorted(ROOT.glob("*/*.toml"), key=lambda path: (path.stem, path.parent.name)))


def _read(path: Path) -> Register:
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    columns = tuple(
        Column(**{**cells, **({"choices": tuple(cells["choices"])} if "choices" in cells else {})})
        for cells in told.pop("columns")
    )
    register = Register(
        version=path.stem,
        columns=columns,
        code=told["code"],
        number=told.get("number", ""),
        title=told["title"],
        short_title=told["short_title"],
        law=told["law"],
        kind=told["kind"],
        source=told.get("source", KEPT),
        day_heading=told.get("day_heading", "Ngày"),
        numbering=told.get("numbering", "year"),
        noun=told.get("noun", "dòng"),
        has_own_layout=told.get("has_own_layout", False),
        is_sensitive=told.get("is_sensitive", False),
        has_day_totals=told.get("has_day_totals", False),
        tells_arrivals=told.get("tells_arrivals", False),
        filter=told.get("filter", {}),
        signers=tuple(told["signers"]),
        notes=tuple(told.get("notes", [])),
        valid_from=date.fromisoformat(path.stem),
    )
    _refuse_contradictions(register, path)
    return register


def _refuse_contradictions(register: Register, path: Path) -> None:
    def need(condition: bool, what: str) -> None:
        if not condition:
            raise DefinitionError(f"{path.parent.name}/{path.name}: {what}")

    need(path.parent.name == register.code.lower().replace(".", "_"), "the folder is not named by the code")
    need(register.kind in GROUPS, f"unknown kind {register.kind}")
    need(register.numbering in NUMBERINGS, f"unknown numbering {register.numbering}")
    need(len(set(register.keys)) == len(register.keys), "a column is named twice")
    need([c.kind for c in register.columns].count("person") <= 1, "two columns name the person")
    pages = [column.page for column in register.columns]
    need(pages == sorted(pages) and set(pages) <= {1, 2}, "columns of the right page stand before those of the left")
    for column in register.columns:
        need(column.kind in KINDS, f"unknown kind {column.kind} of {column.key}")
        need(not column.fill or column.fill in FILLS, f"unknown fill {column.fill} of {column.key}")
        need((column.kind == "choice") == bool(column.choices), f"choices and kind of {column.key} do not agree")
        need(not column.total or column.kind in {"number", "yesno"}, f"{column.key} cannot be added up")
        need(column.width > 0, f"{column.key} has no width")
