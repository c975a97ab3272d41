"""Report forms as data: columns, sections, checks, paper and signers, in versions with dates. Pure.

A form without `sections.csv` has the sections that its data set makes.

A form lives in `definitions/form_<code>/<first day in force>/` as `form.toml`, `columns.csv` and `sections.csv`;
the version of a report is the newest one in force when the period begins. A new circular is a new folder.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from his.core.errors import Refusal
from reports.errors import DefinitionError

ROOT = Path(__file__).with_name("definitions")
PAPER = "paper"
"""A column of the paper that is not in the file."""
ColumnType = Literal["int", "text", "code", "datetime12", "money", "value", "price", "quantity", "count", "share"]
Severity = Literal["blocking", "warning", "note"]
TYPES = ("int", "text", "code", "datetime12", "money", "value", "price", "quantity", "count", "share")
"""`money`: đồng with two decimals; `value`: đồng, exact; `price`: đồng a unit; `quantity`: units of many things;
`count`: how many; `share`: percent and the like, empty where there is none."""
SUMMED = ("money", "value", "count")
NUMBERS = (*SUMMED, "price", "quantity", "share")
COMPUTED = frozenset({"count", "sum", "percent", "change", "ratio", "add", "unknown"})
"""First words of the sources of columns that a statistical form counts (`reports.datasets.grid`)."""
CHECKS = ("mapped", "identity", "row_identity", "filled", "fits", "in_order", "equals", "flagged", "rounding")
SEVERITIES = ("blocking", "warning", "note")
SUBJECTS = {
    "insurance": "Bảo hiểm y tế",
    "statistics": "Thống kê y tế",
    "pharmacy": "Dược, vật tư",
    "cash": "Viện phí, tài chính",
}
"""What forms are about, in the order in which they are offered."""
PRINTS = ("number", "text", "center", "birth", "sex", "day", "money", "thousands", "decimal")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file, and where and how it is printed (`print_no` 0: only in the file)."""

    tag: str
    type: ColumnType
    max: int
    source: str
    heading: str
    short: str
    group: str
    print_no: int
    print_label: str
    print_as: str
    width: int
    where: str = ""
    """The condition of a counted column."""
    only: str = ""
    """Only in one variant of the file, or `paper`; empty: everywhere."""

    @property
    def key(self) -> str:
        """The name of its value in a row: what it reads, or its own tag when it is counted."""
        return self.tag if self.source.partition(" ")[0] in COMPUTED else self.source

    @property
    def is_counted(self) -> bool:
        """Whether it counts or sums facts, so that its figures open them."""
        return self.source.partition(" ")[0] in {"count", "sum"}

    @property
    def is_number(self) -> bool:
        """Whether it is written to the right."""
        return self.type == "int" or self.type in NUMBERS


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the form: the code that it collects, for a period."""

    section: str
    title: str
    code: str
    valid_from: date
    valid_to: date | None

    def holds(self, code: str, on: date) -> bool:
        """Whether a row with this code on this day belongs here."""
        return code == self.code and self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the footer: a kind of the closed set with its parameters. A part may be `-TAG`: taken off."""

    kind: str
    title: str
    severity: Severity
    whole: str = ""
    parts: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    flag: str = ""
    figures: str = ""
    noun: str = "lượt khám"


@dataclass(frozen=True, slots=True)
class Form:
    """One version of a form, as read from its folder."""

    code: str
    version: str
    valid_from: date
    settings: Mapping[str, Any]
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    checks: tuple[Check, ...]
    folder: Path
    all_columns: tuple[Column, ...] = ()
    """Those of all variants; `columns` are those of one."""

    def __getitem__(self, name: str) -> Any:
        """A setting of form.toml."""
        return self.settings[name]

    @property
    def tags(self) -> tuple[str, ...]:
        """Column names in the order of the file."""
        return tuple(column.tag for column in self.columns)

    @property
    def summed_tags(self) -> tuple[str, ...]:
        """Columns that are summed."""
        return tuple(column.tag for column in self.columns if column.type in SUMMED)

    @property
    def is_list(self) -> bool:
        """Whether it is a list that is read from the database as it is written, and never frozen (reports/lists)."""
        return "list" in self.settings

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants of the file, the usual one first; none when there is one file."""
        return tuple(self.settings.get("variants", ()))

    def variant(self, name: str) -> Form:
        """The form with the columns of a variant; empty: the usual one. Refuses one that the form does not have."""
        if not name:
            return self
        if name not in self.variants:
            raise Refusal("no_variant", f"Mẫu {self.code} không có bản {name}", field="variant")
        return replace(self, columns=_of_variant(self.all_columns, name))

    @property
    def file_columns(self) -> tuple[Column, ...]:
        """Columns of the file in its order."""
        return tuple(column for column in self.columns if column.only != PAPER)

    @property
    def periods(self) -> tuple[str, ...]:
        """The kinds of periods for which it is made, the usual one first (`reports.period.KINDS`)."""
        return tuple(self.settings.get("periods", (self.settings["period"],)))

    @property
    def is_by_store(self) -> bool:
        """Whether it can be made of one store."""
        return bool(self.settings.get("by_store"))

    @property
    def counts_rows(self) -> bool:
        """Whether parts and total say how many rows they have: rows of a statistical form are no things."""
        return bool(self.settings["dataset"] != "grid")

    @property
    def sums_parts(self) -> bool:
        """Whether parts show sums: figures of different kinds are not added up."""
        return bool(self.settings.get("sums_parts", True))

    def get(self, name: str) -> Any:
        """A setting of form.toml that not every form has, or None."""
        return self.settings.get(name)

    def column(self, tag: str) -> Column:
        """A column by name."""
        return next(column for column in self.columns if column.tag == tag)

    def printed(self) -> tuple[Column, ...]:
        """Columns of the paper in its order."""
        return tuple(sorted((c for c in self.columns if c.print_no), key=lambda c: c.print_no))

    def section_order(self) -> dict[str, str]:
        """Sections in the order of the form: number -> title."""
        return {row.section: row.title for row in self.sections}

    def section_of(self, code: str, on: date) -> str:
        """The section of a row; empty when the form has no place for it."""
        return next((row.section for row in self.sections if row.holds(code, on)), "")


def form_codes(root: Path = ROOT) -> tuple[str, ...]:
    """Codes of all forms."""
    return tuple(sorted({form.code for form in _all(root)}))


def load_form(code: str, on: date, root: Path = ROOT) -> Form:
    """The version of a form in force on the day. Refuses an unknown form, and a day before its first version."""
    versions = [form for form in _all(root) if form.code == code]
    if not versions:
        raise Refusal("unknown_form", f"Không có mẫu báo cáo {code}", field="form")
    in_force = [form for form in versions if form.valid_from <= on]
    if not in_force:
        first = min(form.valid_from for form in versions)
        raise Refusal("form_not_in_force", f"Mẫu {code} có hiệu lực từ kỳ {first:%m/%Y}", field="month")
    return max(in_force, key=lambda form: form.valid_from)


def latest(code: str, root: Path = ROOT) -> Form:
    """The newest version of a form."""
    return max((form for form in _all(root) if form.code == code), key=lambda form: form.valid_from)


def load_version(code: str, version: str, root: Path = ROOT) -> Form:
    """The version that a stored report names."""
    return next(form for form in _all(root) if (form.code, form.version) == (code, version))


@lru_cache(maxsize=16)
def _all(root: Path) -> tuple[Form, ...]:
    return tuple(_read(path.parent) for path in sorted(root.glob("form_*/*/form.toml")))


def _read(folder: Path) -> Form:
    settings = tomllib.loads((folder / "form.toml").read_text(encoding="utf-8"))
    columns = tuple(_column(cells) for cells in _rows(folder / "columns.csv"))
    form = Form(
        code=settings["code"],
        version=folder.name,
        valid_from=settings["valid_from"],
        settings=settings,
        columns=_of_variant(columns, next(iter(settings.get("variants", ())), "")),
        sections=tuple(_section(cells) for cells in _rows(folder / "sections.csv"))
        if (folder / "sections.csv").exists()
        else (),
        checks=tuple(_check(spec) for spec in settings.get("checks", [])),
        folder=folder,
        all_columns=columns,
    )
    _refuse_contradictions(form, folder)
    return form


def _of_variant(columns: Iterable[Column], name: str) -> tuple[Column, ...]:
    return tuple(column for column in columns if column.only in ("", PAPER, name))


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _column(cells: Mapping[str, str]) -> Column:
    return Column(
        tag=cells["tag"],
        type=cells["type"],  # type: ignore[arg-type]
        max=int(cells["max"]),
        source=cells["source"],
        heading=cells["heading"],
        short=cells["short"],
        group=cells["group"],
        print_no=int(cells["print_no"] or 0),
        print_label=cells["print_label"],
        print_as=cells["print_as"],
        width=int(cells["width"]),
        where=cells.get("where") or "",
        only=cells.get("only") or "",
    )


def _section(cells: Mapping[str, str]) -> Section:
    end = cells["valid_to"]
    return Section(
        section=cells["section"],
        title=cells["title"],
        code=cells["code"],
        valid_from=date.fromisoformat(cells["valid_from"]),
        valid_to=date.fromisoformat(end) if end else None,
    )


def _check(spec: Mapping[str, Any]) -> Check:
    lists = {name: tuple(spec[name]) for name in ("parts", "columns") if name in spec}
    return Check(**{**spec, **lists})


def _refuse_contradictions(form: Form, folder: Path) -> None:
    def need(condition: bool, what: str) -> None:
        if not condition:
            raise DefinitionError(f"{folder.parent.name}/{folder.name}: {what}")

    tags = form.tags
    need(len(set(tags)) == len(tags), "a column is named twice")
    need(folder.name == form.valid_from.isoformat(), "the folder is not named by valid_from")
    for column in form.columns:
        need(column.type in TYPES, f"unknown type {column.type} of {column.tag}")
        need(not column.print_no or column.print_as in PRINTS, f"unknown print_as {column.print_as} of {column.tag}")
    for check in form.checks:
        need(check.kind in CHECKS and check.severity in SEVERITIES, f"unknown check {check.kind} {check.severity}")
        if check.kind == "row_identity":  # its whole and parts are rows
            continue
        parts = {part.removeprefix("-") for part in check.parts}
        named = {*check.columns, *parts, *([check.whole] if check.whole else [])}
        need(named <= set(tags), f"the check {check.title!r} names unknown columns {sorted(named - set(tags))}")
    need(form["subject"] in SUBJECTS, f"unknown subject {form['subject']}")
    for name in ("number_column", "section_column", "section_day_column", "words_column"):
        need(form.get(name) is None or form[name] in tags, f"{name} is no column")
    need(bool(form.sections) == (form.get("section_column") is not None), "sections and section_column go together")
    need(set(form["screen"]) <= set(tags), "screen names an unknown column")
    need(set((form.get("filing") or {}).get("negative", ())) <= set(tags), "negative names an unknown column")
    need(_xml_columns(form) <= set(tags), f"xml names unknown columns {sorted(_xml_columns(form) - set(tags))}")


def _xml_columns(form: Form) -> set[str]:
    """The columns that `[xml]` names: `TAG`, `TAG=COLUMN`, by which rows are grouped or left out; `#` is none."""
    names = form.get("xml") or {}
    if "group_by" not in names:
        return set()
    listed = [*names["head"]["columns"], *(one for spec in names["lists"] for one in spec["columns"])]
    sources = {one.rpartition("=")[2] for one in listed} | {spec["column"] for spec in names["lists"]}
    return {names["group_by"], names["known"], *sources} - {"#"}
