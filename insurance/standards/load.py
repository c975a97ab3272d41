"""Read a claim standard from its folder: one `standard.toml` and one CSV for each table.

A standard may extend another and then lists only differences: its toml overrides key by key, and the CSV of a
table that already exists starts with an `op` column: `add` (a whole row, placed at `order`), `change` (only the
filled cells; `-` empties a cell; a note is appended), `remove`, `move` (to `order`). Orders are those of the
finished table. A new table has a plain CSV or one of additions. A table is dropped by `removed = true`.

Where the sources disagree the decree has a named setting; `options/<setting>/<value>/` beside its tables holds the
CSVs that a choice other than the default brings.

Every decree is therefore a data change, and a folder anywhere on disk may hold one.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from insurance import law
from insurance.law import Cells, merged
from insurance.standards.model import (
    REQUIRED,
    CodeEntry,
    CodeList,
    Envelope,
    Field,
    FieldType,
    MoneyRules,
    NumberFormat,
    Setting,
    Standard,
    StandardError,
    Table,
)

COLUMNS = ("order", "tag", "type", "max", "required", "codelist", "source", "law", "name", "note")

Roots = tuple[Path, ...]


def available(data: Path | None = None) -> tuple[str, ...]:
    """Names of the standards in force here, or of one data folder, the oldest first; folders are read once."""
    return tuple(folder.name for folder in _folders(_roots(data)))


@lru_cache(maxsize=16)
def _folders(roots: Roots) -> tuple[Path, ...]:
    found = {p.parent.name: p.parent for root in roots for p in sorted((root / "standards").glob("*/standard.toml"))}
    return tuple(sorted(found.values(), key=lambda p: (_toml(p / "standard.toml")["valid_from"], p.name)))


def load(name: str, data: Path | None = None) -> Standard:
    """The standard of that name, such as qd3176. Raises StandardError when there is none."""
    return _named(name, _roots(data))


@lru_cache(maxsize=64)
def _named(name: str, roots: Roots) -> Standard:
    folder = next((p for p in _folders(roots) if p.name == name), roots[-1] / "standards" / name)
    return _load(folder, roots)


def select_standard(on: date, data: Path | None = None) -> Standard:
    """The newest standard for visits that end on the day. Raises StandardError when none covers it."""
    return _select(on, _roots(data))


@lru_cache(maxsize=512)
def _select(on: date, roots: Roots) -> Standard:
    covering = [s for s in (_load(folder, roots) for folder in _folders(roots)) if s.covers(on)]
    if not covering:
        raise StandardError(f"no standard covers {on.isoformat()}")
    return max(covering, key=lambda s: s.valid_from)


def load_from(path: Path | str) -> Standard:
    """The standard in a folder, with what it extends filled in; read once for each folder."""
    return _load(Path(path).resolve(), law.roots())


def _roots(data: Path | None) -> Roots:
    return law.roots() if data is None else (law.PRODUCT, data.resolve())


@lru_cache(maxsize=64)
def _load(path: Path, around: Roots) -> Standard:
    chain = _chain(path, around)
    settings: dict[str, Any] = {}
    cells: dict[str, list[Cells]] = {}
    chosen = _settings(chain)
    for folder in chain:
        own = _toml(folder / "standard.toml")
        settings = _merged(settings, own)
        settings |= {key: own.get(key) for key in ("title", "law", "valid_from", "valid_to")}
        if not isinstance(settings["valid_from"], date):
            raise StandardError(f"{folder / 'standard.toml'}: valid_from is missing")
        _apply_tables(folder, settings, cells, chosen)
    roots = list(dict.fromkeys([*around, *(folder.parent.parent for folder in chain)]))
    laws = _laws(roots)
    tables = {name: _table(name, spec, cells[name], laws) for name, spec in settings["tables"].items()}
    wanted = {f.codelist for table in tables.values() for f in table.fields if f.codelist}
    try:
        return Standard(
            name=path.name,
            title=settings["title"],
            law=settings["law"],
            valid_from=settings["valid_from"],
            valid_to=settings["valid_to"],
            encoding=settings["encoding"],
            declaration=settings["declaration"],
            formats={kind: NumberFormat(**spec) for kind, spec in settings["formats"].items()},
            money=_money(settings["money"]),
            settings=chosen,
            envelope=Envelope(**settings["envelope"]),
            tables=tables,
            codelists={name: _codelist(name, roots) for name in sorted(wanted)},
            laws=laws,
            chain=tuple(folder.name for folder in chain),
        )
    except (KeyError, TypeError) as error:
        raise StandardError(f"{path / 'standard.toml'}: {error}") from error


def _chain(path: Path, around: Roots) -> list[Path]:
    """The folders from the first standard to this one; a parent is looked for beside it, then in the product."""
    chain: list[Path] = []
    folder: Path | None = path
    while folder is not None:
        if folder in chain:
            raise StandardError(f"{folder}: extends itself")
        chain.append(folder)
        parent = _toml(folder / "standard.toml").get("extends")
        folder = _parent(folder, parent, around) if parent else None
    return chain[::-1]


def _parent(folder: Path, name: str, around: Roots) -> Path:
    for candidate in (folder.parent / name, *(root / "standards" / name for root in reversed(around))):
        if (candidate / "standard.toml").is_file():
            return candidate.resolve()
    raise StandardError(f"{folder}: extends {name}, which is nowhere")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StandardError(f"{path}: no such file") from None
    except tomllib.TOMLDecodeError as error:
        raise StandardError(f"{path}: {error}") from error


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`new` over `old`, table by table."""
    result = dict(old)
    for key, value in new.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _settings(chain: list[Path]) -> dict[str, Setting]:
    """The named settings as the last folder of the chain leaves them; a later decree may give the value alone."""
    merged: dict[str, Any] = {}
    for folder in chain:
        merged = _merged(merged, _toml(folder / "standard.toml").get("settings", {}))
    found = {}
    for key, spec in merged.items():
        try:
            found[key] = Setting(key, spec["value"], tuple(spec["choices"]), spec["note"])
        except (KeyError, TypeError) as error:
            raise StandardError(f"{chain[-1] / 'standard.toml'}: setting {key}: {error}") from error
        if spec["value"] not in spec["choices"]:
            raise StandardError(f"{chain[-1] / 'standard.toml'}: setting {key} cannot be {spec['value']!r}")
    return found


def _money(spec: Mapping[str, Any]) -> MoneyRules:
    return MoneyRules(
        service_percent_in_hospital_amount=spec["service_percent_in_hospital_amount"],
        service_percent_in_insured_amount=spec["service_percent_in_insured_amount"],
        without_difference=spec["without_difference"],
        fund_total=spec["fund_total"],
        supply_groups=frozenset(spec["supply_groups"]),
        fee_for_service=frozenset(spec["fee_for_service"]),
        outside_scope=frozenset(spec["outside_scope"]),
        tolerance=Decimal(spec["tolerance"]),
        rounding=Decimal(spec["rounding"]),
    )


def _csv(path: Path) -> list[Cells]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{key: (value or "").strip() for key, value in row.items() if key} for row in csv.DictReader(file)]


def _apply_tables(
    folder: Path, settings: dict[str, Any], cells: dict[str, list[Cells]], chosen: Mapping[str, Setting]
) -> None:
    """Bring `settings["tables"]` and `cells` to the state of one folder of the chain."""
    for name in [n for n, spec in settings.get("tables", {}).items() if spec.get("removed")]:
        del settings["tables"][name]
        cells.pop(name, None)
    options = [folder / "options" / setting.key / setting.value for setting in chosen.values()]
    for path in [path for place in (folder, *options) for path in sorted(place.glob("*.csv"))]:
        if path.stem not in settings.get("tables", {}):
            raise StandardError(f"{path}: standard.toml has no table {path.stem}")
        rows = _csv(path)
        if rows and "op" in rows[0]:
            cells[path.stem] = _patched(path, cells.get(path.stem, []), rows)
        elif path.stem in cells:
            raise StandardError(f"{path}: the table exists already, so its changes need an op column")
        else:
            cells[path.stem] = rows
    for name in settings.get("tables", {}):
        if name not in cells:
            raise StandardError(f"{folder}: table {name} has no CSV")


def _patched(path: Path, old: list[Cells], changes: list[Cells]) -> list[Cells]:
    """The rows of a table after the changes of one decree."""
    rows = {row["tag"]: dict(row) for row in old}
    placed: dict[str, int] = {}
    for number, change in enumerate(changes, start=2):
        op, tag = change["op"], change["tag"]
        where = f"{path}, line {number}"
        if (op == "add") == (tag in rows) or op not in ("add", "change", "remove", "move"):
            raise StandardError(f"{where}: cannot {op} {tag}")
        if op == "remove":
            del rows[tag]
        elif op == "change":
            rows[tag] = _changed(rows[tag], change)
        else:
            placed[tag] = _order(change["order"], where)
            rows[tag] = {key: change[key] for key in COLUMNS} if op == "add" else rows[tag]
    kept = [row for tag, row in rows.items() if tag not in placed]
    for tag, order in sorted(placed.items(), key=lambda item: item[1]):
        if not 1 <= order <= len(kept) + 1:
            raise StandardError(f"{path}: {tag} cannot stand at {order}")
        kept.insert(order - 1, rows[tag])
    return [row | {"order": str(order)} for order, row in enumerate(kept, start=1)]


def _changed(row: Cells, change: Cells) -> Cells:
    result = dict(row)
    for key in COLUMNS[2:]:
        if change[key] == "-":
            result[key] = ""
        elif change[key]:
            result[key] = f"{row[key]} {change[key]}".strip() if key == "note" else change[key]
    return result


def _order(text: str, where: str) -> int:
    if not text.isdecimal():
        raise StandardError(f"{where}: order {text!r} is no number")
    return int(text)


def _table(name: str, spec: Mapping[str, Any], rows: list[Cells], laws: Mapping[str, object]) -> Table:
    fields = tuple(_field(name, position, row, laws) for position, row in enumerate(rows, start=1))
    if len({f.tag for f in fields}) != len(fields):
        raise StandardError(f"{name}: a tag stands twice")
    try:
        return Table(
            name=name,
            title=spec["title"],
            row_class=spec.get("row_class", ""),
            root=spec["root"],
            list=spec.get("list", ""),
            row=spec.get("row", ""),
            in_envelope=spec.get("in_envelope", True),
            signed=spec.get("signed", False),
            fields=fields,
        )
    except KeyError as error:
        raise StandardError(f"table {name}: {error} is missing") from error


def _field(table: str, position: int, row: Cells, laws: Mapping[str, object]) -> Field:
    where = f"{table}.{row.get('tag', '')}"
    try:
        field = Field(
            order=_order(row["order"], where),
            max=None if row["max"] == "n" else _order(row["max"], where),
            **{key: row[key] for key in COLUMNS if key not in ("order", "max")},
        )
        for part in field.type.split("|"):
            FieldType.parse(part)
    except (KeyError, ValueError) as error:
        raise StandardError(f"{where}: {error}") from error
    if field.order != position or field.required not in REQUIRED or field.law not in laws:
        raise StandardError(f"{where}: wrong order, required or law")
    return field


def _laws(roots: list[Path]) -> dict[str, Mapping[str, object]]:
    """All laws that the folders name; the last folder wins."""
    laws: dict[str, Mapping[str, object]] = {}
    for root in roots:
        if (root / "laws.toml").is_file():
            laws.update(_toml(root / "laws.toml"))
    return laws


def _codelist(name: str, roots: list[Path]) -> CodeList:
    """A code list from all folders that have it, a later one changing codes of the former; `file:part` is one list of a
    file that holds several."""
    stem, _, part = name.partition(":")
    paths = [path for root in roots if (path := root / "codelists" / f"{stem}.csv").is_file()]
    if not paths:
        raise StandardError(f"code list {name} is nowhere")
    path = paths[-1]
    spec: dict[str, Any] = {}
    for index in (root / "codelists" / "index.toml" for root in roots):
        spec |= _toml(index).get(stem, {}) if index.is_file() else {}
    try:
        rows = merged([_csv(p) for p in paths], ("list", "code"))
    except ValueError as error:
        raise StandardError(f"{path}: {error}") from error
    rows = [row for row in rows if not part or row.get("list") == part]
    if not rows:
        raise StandardError(f"{path}: no codes for {name}")
    return CodeList(
        name=name,
        title=spec.get("title", name),
        closed=spec.get("closed", True),
        pattern=spec.get("pattern", ""),
        entries=tuple(_entry(path, row) for row in rows),
    )


def _entry(path: Path, row: Cells) -> CodeEntry:
    known = ("list", "code", "name", "valid_from", "valid_to", "law", "confidence")
    try:
        return CodeEntry(
            code=row["code"],
            name=row["name"],
            valid_from=_day(row.get("valid_from", "")),
            valid_to=_day(row.get("valid_to", "")),
            law=row.get("law", ""),
            confidence=row.get("confidence", ""),
            extra={key: value for key, value in row.items() if key not in known},
        )
    except (KeyError, ValueError) as error:
        raise StandardError(f"{path}: {row.get('code', '?')}: {error}") from error


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
