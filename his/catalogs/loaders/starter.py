"""The starter catalogue written for the project: enough for a commune station and a district hospital to work.

Names and codes are facts of the national lists; drug names, bids and registration numbers are invented, and
`code_verified` in the files says which codes are. Rows hold from 01/01/2026, the flags of diagnoses are those of
TT 06/2026. Without a facility the national part is loaded, with one also its services and drugs.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from his.accounts.models import Facility
from his.catalogs.loaders.admin_units import COMMUNE, NEW_EFFECTIVE, PROVINCE
from his.catalogs.loaders.plan import Plan, Record, Request
from his.catalogs.loaders.supply_list import PAID
from his.catalogs.models import AdministrativeUnit, Diagnosis, Drug, ItemKind, PricedService
from his.catalogs.search_words import search_key
from his.core.text import fold

SOURCE = "Danh mục khởi đầu"
EFFECTIVE = date(2026, 1, 1)
FOLDER = Path(__file__).parent.parent / "data" / "starter"

_FLAGS = (
    "not_as_main",
    "discouraged_as_main",
    "has_more_specific",
    "cause_of_death_only",
    "mainly_female",
    "mainly_male",
)


def load(request: Request) -> Plan:
    """Plan the starter files. A commune station gets a commune's services and drugs, any other facility all of them."""
    plan = Plan(SOURCE)
    starts = request.effective_on or EFFECTIVE
    _diagnoses(plan, starts)
    _units(plan, request.effective_on or NEW_EFFECTIVE)
    if request.facility is not None:
        _services(plan, request.facility, starts)
        _drugs(plan, request.facility, starts)
        _supplies(plan, request.facility, starts)
    plan.read = sum(len(section.records) for section in plan.sections)
    return plan


def rows(name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a starter file with their row numbers."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as handle:
        yield from enumerate(csv.DictReader(handle), 2)


def _diagnoses(plan: Plan, starts: date) -> None:
    section = plan.section(Diagnosis, "code")
    plain = ("code", "name", "name_en", "chapter_code", "chapter_name", "block_code", "block_name", "only_sex")
    for row, cells in rows("diagnoses.csv"):
        values: dict[str, Any] = {name: cells[name] for name in plain}
        values |= {name: cells[name] == "1" for name in _FLAGS}
        values |= {name: int(cells[name]) if cells[name] else None for name in ("age_min_days", "age_max_days")}
        values |= {"search_name": search_key("diagnosis", cells["code"], cells["name"]), "source": SOURCE}
        section.records.append(Record(row, values, starts))


def _units(plan: Plan, starts: date) -> None:
    section = plan.section(AdministrativeUnit, "level", "code")
    for level, name, parent in ((PROVINCE, "provinces.csv", ""), (COMMUNE, "communes.csv", "province_code")):
        for row, cells in rows(name):
            values = {
                "level": level,
                "code": cells["code"],
                "name": cells["name"],
                "search_name": fold(cells["name"]),
                "parent_code": cells.get(parent, ""),
                "source": SOURCE,
            }
            section.records.append(Record(row, values, starts))


def _is_commune(facility: Facility) -> bool:
    return facility.kind == Facility.Kind.COMMUNE_STATION


def _services(plan: Plan, facility: Facility, starts: date) -> None:
    section = plan.section(PricedService, "code", facility=facility)
    commune = _is_commune(facility)
    plain = ("code", "name", "price_name", "group_code", "unit", "technical_line", "procedure_class", "device_code")
    for row, cells in rows("services.csv"):
        if cells["commune" if commune else "district"] != "1":
            continue
        own_price = cells["commune_price"] if commune else ""
        values: dict[str, Any] = {name: cells[name] for name in plain}
        values |= {
            "search_name": search_key("service", cells["code"], cells["name"]),
            "price": Decimal(own_price or cells["price"]),
            "insured_price": Decimal(own_price or cells["insured_price"]),
            "indicators": indicators(cells["result_indicators"]),
            "source": SOURCE,
        }
        section.records.append(Record(row, values, starts))


def indicators(cell: str) -> list[dict[str, str]]:
    """Results of a laboratory test from `code|name|unit|low|high` joined by `;`. Limits are text; empty is open."""
    names = ("code", "name", "unit", "low", "high")
    return [dict(zip(names, part.split("|"), strict=True)) for part in cell.split(";") if part]


def _drugs(plan: Plan, facility: Facility, starts: date) -> None:
    section = plan.section(Drug, "code", facility=facility)
    commune = _is_commune(facility)
    for row, cells in rows("drugs.csv"):
        if not commune or cells["level"] == "commune":
            section.records.append(Record(row, _drug(cells), starts))


def _supplies(plan: Plan, facility: Facility, starts: date) -> None:
    section = plan.section(Drug, "code", facility=facility)
    commune = _is_commune(facility)
    for row, cells in rows("supplies.csv"):
        if not commune or cells["level"] == "commune":
            section.records.append(Record(row, _supply(cells), starts))


def _supply(cells: Mapping[str, str]) -> dict[str, Any]:
    values = _item(cells, {"price", "insured_price", "payment_rate", "bid_quantity"})
    search_name = fold(f"{cells['name']} {cells['model_code']} {cells['supply_group']} {cells['ingredient_code']}")
    return values | {"kind": ItemKind.SUPPLY.value, "group_code": PAID, "search_name": search_name, "source": SOURCE}


def _drug(cells: Mapping[str, str]) -> dict[str, Any]:
    values = _item(cells, {"pack_size", "price", "insured_price", "payment_rate", "bid_quantity"})
    search_name = fold(f"{cells['name']} {cells['ingredient']} {cells['strength']}")
    return values | {"search_name": search_name, "source": SOURCE}


def _item(cells: Mapping[str, str], amounts: set[str]) -> dict[str, Any]:
    """A row of the table; an empty amount is not known."""
    return {
        name: (Decimal(cell) if cell else None) if name in amounts else cell
        for name, cell in cells.items()
        if name not in {"code_verified", "level"}
    }
