"""The tables of the benefit split, read from folders of CSV files and validated row by row.

A further folder holds only the files and rows that a decree changes; they close those of the folders before it.

Every row has a first and a last day and names its law. An overlap, a misspelt metric, an unknown choice or a
number that is none raises ValueError with the file and the line, so a wrong decree file never comes into use.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from insurance.benefits.engine import conditions
from insurance.benefits.engine.diseases import DiseaseRow
from insurance.law import merged

Row = Mapping[str, str]
T = TypeVar("T")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "parameters": ("key", "value", "unit", "valid_from", "valid_to", "law"),
    "stages": ("key", "law", "valid_from", "valid_to"),
    "settings": ("key", "value", "choices", "valid_from", "valid_to", "law"),
    "card_levels": ("level", "percent", "lifts_limits", "pays_outside_scope", "valid_from", "valid_to", "law"),
    "card_overrides": ("card_group", "printed_level", "level", "valid_from", "valid_to", "law"),
    "route_rates": (
        "code",
        "setting",
        "rate",
        "mode",
        "exemption",
        "right_route",
        "valid_from",
        "valid_to",
        "law",
        "label_vi",
    ),
    "entitlement": ("order", "code", "conditions", "valid_from", "valid_to", "law", "reason_vi"),
    "listed_diseases": (
        "annex",
        "row",
        "include_codes",
        "exclude_codes",
        "age_below",
        "from_diagnosis",
        "valid_from",
        "valid_to",
        "disease_vi",
        "condition_vi",
    ),
}
IDENTITY: Mapping[str, tuple[str, ...]] = {
    "parameters": ("key",),
    "stages": ("key",),
    "settings": ("key",),
    "card_levels": ("level",),
    "card_overrides": ("card_group", "printed_level"),
    "route_rates": ("code", "setting"),
    "entitlement": ("order", "code"),
    "listed_diseases": ("annex", "row"),
}
"""What a row is about: a later row of the same identity takes over from its first day."""
_WHERE = "where"
_MODES = frozenset({"level", "absolute", "origin", "refused"})
_SETTINGS = frozenset({"any", "inpatient", "outpatient"})


@dataclass(frozen=True, slots=True)
class Period:
    """Days of force, both included; an open end has no last day."""

    first: date
    last: date | None

    def covers(self, on: date) -> bool:
        return self.first <= on and (self.last is None or on <= self.last)


@dataclass(frozen=True, slots=True)
class Value:
    """One dated value of a parameter, as text, with its law."""

    key: str
    text: str
    period: Period
    law: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The text behind a fixed stage of the computation, on given days."""

    key: str
    law: str
    period: Period


@dataclass(frozen=True, slots=True)
class CardLevel:
    """What a level digit is worth. `lifts_limits`: payment rates and the supply cap do not bind."""

    level: str
    percent: Decimal
    lifts_limits: bool
    pays_outside_scope: bool
    period: Period
    law: str


@dataclass(frozen=True, slots=True)
class CardOverride:
    """A group whose printed digit is read as another level from a day on."""

    card_group: str
    printed_level: str
    level: str
    period: Period
    law: str


@dataclass(frozen=True, slots=True)
class RouteRate:
    """What an entitlement code pays: `rate` percent of the card level, or absolutely.

    `mode` origin takes the rate of the visit that issued a note, refused is no benefit at all. `keeps_exemption`
    says whether the yearly co-payment exemption applies; `is_right_route` whether referral rules were kept.
    """

    code: str
    setting: str
    rate: Decimal
    mode: str
    keeps_exemption: bool
    is_right_route: bool
    period: Period
    law: str
    label_vi: str


@dataclass(frozen=True, slots=True)
class EntitlementRow:
    """One decision row: the code applies when the condition holds and no earlier row did."""

    order: int
    code: str
    condition: conditions.Condition
    period: Period
    law: str
    reason_vi: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A disputed point: the choice in force on given days, the choices allowed and the text behind it."""

    key: str
    value: str
    choices: tuple[str, ...]
    period: Period
    law: str


@dataclass(frozen=True, slots=True)
class DatedDisease:
    """A row of an annex of TT 01/2025 with its days of force."""

    row: DiseaseRow
    period: Period


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything read from one data folder. `digest` identifies its exact bytes."""

    values: Mapping[str, tuple[Value, ...]]
    stages: tuple[Stage, ...]
    settings: tuple[Setting, ...]
    levels: tuple[CardLevel, ...]
    overrides: tuple[CardOverride, ...]
    routes: tuple[RouteRate, ...]
    entitlement: tuple[EntitlementRow, ...]
    diseases: tuple[DatedDisease, ...]
    digest: str


def read_tables(data_dir: Path, *decrees: Path) -> Tables:
    """Read and validate all files of the folders. Raises ValueError naming file and line of the first fault."""
    digest = hashlib.sha256()
    read = {name: _read((data_dir, *decrees), name, digest.update) for name in COLUMNS}
    settings = _each(read["settings"], _setting)
    known = frozenset(setting.key for setting in settings)
    values: dict[str, list[Value]] = {}
    for value in _each(read["parameters"], _value):
        values.setdefault(value.key, []).append(value)
    tables = Tables(
        values={key: tuple(found) for key, found in values.items()},
        stages=_each(read["stages"], _stage),
        settings=settings,
        levels=_each(read["card_levels"], _level),
        overrides=_each(read["card_overrides"], _override),
        routes=_each(read["route_rates"], _route),
        entitlement=tuple(sorted(_each(read["entitlement"], lambda row: _entitlement(row, known)), key=_order)),
        diseases=_each(read["listed_diseases"], _disease),
        digest=digest.hexdigest(),
    )
    _check_overlaps(tables)
    return tables


def _read(folders: Sequence[Path], name: str, seen: Callable[[bytes], None]) -> list[tuple[str, Row]]:
    """The rows of one table from all folders, each with where it stands; the first folder must have the file."""
    files: list[list[dict[str, str]]] = []
    for folder in folders:
        path = folder / f"{name}.csv"
        if folder != folders[0] and not path.is_file():
            continue
        content = path.read_bytes()
        seen(content)
        where = path.name if folder == folders[0] else str(path)
        rows = _rows(where, content.decode("utf-8"), COLUMNS[name])
        files.append([{**row, _WHERE: place} for place, row in rows])
    return [(row[_WHERE], row) for row in merged(files, IDENTITY[name])]


def _rows(name: str, text: str, columns: tuple[str, ...]) -> list[tuple[str, Row]]:
    reader = csv.DictReader(text.splitlines())
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"{name}: columns missing: {', '.join(missing)}")
    rows: list[tuple[str, Row]] = []
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"{name} line {reader.line_num}: wrong number of columns")
        rows.append((f"{name} line {reader.line_num}", row))
    return rows


def _each(rows: Iterable[tuple[str, Row]], build: Callable[[Row], T]) -> tuple[T, ...]:
    built: list[T] = []
    for where, row in rows:
        try:
            built.append(build(row))
        except (ValueError, InvalidOperation) as fault:
            raise ValueError(f"{where}: {fault}") from fault
    return tuple(built)


def _period(row: Row) -> Period:
    first = date.fromisoformat(row["valid_from"])
    last = date.fromisoformat(row["valid_to"]) if row["valid_to"] else None
    if last is not None and last < first:
        raise ValueError("valid_to is before valid_from")
    if not row["law"].strip():
        raise ValueError("law is empty")
    return Period(first, last)


def _number(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text!r} is not a number of zero or more")
    return value


def _flag(text: str) -> bool:
    if text not in {"Y", "N"}:
        raise ValueError(f"{text!r} is not Y or N")
    return text == "Y"


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


def _value(row: Row) -> Value:
    if row["unit"] != "codes":
        _number(row["value"])
    elif not row["value"]:
        raise ValueError("no codes")
    return Value(key=row["key"], text=row["value"], period=_period(row), law=row["law"])


def _stage(row: Row) -> Stage:
    return Stage(key=row["key"], law=row["law"], period=_period(row))


def _setting(row: Row) -> Setting:
    choices = tuple(row["choices"].split("|"))
    if row["value"] not in choices:
        raise ValueError(f"{row['value']!r} is not one of {', '.join(choices)}")
    return Setting(key=row["key"], value=row["value"], choices=choices, period=_period(row), law=row["law"])


def _level(row: Row) -> CardLevel:
    return CardLevel(
        level=row["level"],
        percent=_number(row["percent"]),
        lifts_limits=_flag(row["lifts_limits"]),
        pays_outside_scope=_flag(row["pays_outside_scope"]),
        period=_period(row),
        law=row["law"],
    )


def _override(row: Row) -> CardOverride:
    return CardOverride(
        card_group=row["card_group"],
        printed_level=row["printed_level"],
        level=row["level"],
        period=_period(row),
        law=row["law"],
    )


def _route(row: Row) -> RouteRate:
    if row["mode"] not in _MODES or row["setting"] not in _SETTINGS:
        raise ValueError(f"mode {row['mode']!r} or setting {row['setting']!r} is unknown")
    return RouteRate(
        code=row["code"],
        setting=row["setting"],
        rate=_number(row["rate"] or "0"),
        mode=row["mode"],
        keeps_exemption=_flag(row["exemption"]),
        is_right_route=_flag(row["right_route"]),
        period=_period(row),
        law=row["law"],
        label_vi=row["label_vi"],
    )


def _entitlement(row: Row, settings: frozenset[str]) -> EntitlementRow:
    return EntitlementRow(
        order=int(row["order"]),
        code=row["code"],
        condition=conditions.parse(row["conditions"], settings=settings),
        period=_period(row),
        law=row["law"],
        reason_vi=row["reason_vi"],
    )


def _order(row: EntitlementRow) -> int:
    return row.order


def _disease(row: Row) -> DatedDisease:
    return DatedDisease(
        row=DiseaseRow(
            annex=row["annex"],
            row=int(row["row"]),
            include=_codes(row["include_codes"]),
            exclude=_codes(row["exclude_codes"]),
            age_below=int(row["age_below"]) if row["age_below"] else None,
            counts_from_diagnosis=_flag(row["from_diagnosis"]),
            disease_vi=row["disease_vi"],
            condition_vi=row["condition_vi"],
        ),
        period=_period({**row, "law": f"TT 01/2025/TT-BYT PL {row['annex']}"}),
    )


def _check_overlaps(tables: Tables) -> None:
    """Two rows of one key may not be in force on one day: first match would then depend on the file order."""
    groups: dict[str, list[Period]] = {}
    for found in tables.values.values():
        groups[f"parameter {found[0].key}"] = [value.period for value in found]
    for setting in tables.settings:
        groups.setdefault(f"setting {setting.key}", []).append(setting.period)
    for stage in tables.stages:
        groups.setdefault(f"stage {stage.key}", []).append(stage.period)
    for level in tables.levels:
        groups.setdefault(f"card level {level.level}", []).append(level.period)
    for override in tables.overrides:
        groups.setdefault(f"card override {override.card_group}{override.printed_level}", []).append(override.period)
    for route in tables.routes:
        groups.setdefault(f"route {route.code} {route.setting}", []).append(route.period)
    for name, periods in groups.items():
        ordered = sorted(periods, key=lambda period: period.first)
        for one, following in pairwise(ordered):
            if one.last is None or following.first <= one.last:
                raise ValueError(f"{name}: two rows are in force on {following.first}")
