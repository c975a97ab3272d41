"""The cost statement of a visit (bảng kê chi phí 01/KBCB): stored lines put into blocks and the groups of the form.

A block for each card and level, in it the groups that have a cost under the numbers of the form (QĐ 697/QĐ-BYT). Only
sums of stored amounts: nothing is priced or split here. Which cost group goes where, and what the form is called on
which day, is data (`insurance/data/statement`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from his.core.dates import local
from insurance import law
from insurance.billing.shares import Shares
from insurance.models import BenefitLine
from patients.models import Visit

UNPLACED = "Chưa xếp nhóm"
"""Where a cost group stands that the form of the day does not name: shown, never left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """Lines of the same thing at the same prices and rates; percents such as 80, prices in đồng a unit."""

    name: str
    unit: str
    quantity: Decimal
    hospital_price: Decimal
    insured_price: Decimal
    service_rate: Decimal
    payment_rate: Decimal
    amounts: Shares


@dataclass(frozen=True, slots=True)
class Group:
    """One numbered group of the form with its own rows and its subgroups; the amounts are of both."""

    number: str
    title: str
    rows: tuple[Row, ...]
    groups: tuple["Group", ...]
    amounts: Shares


@dataclass(frozen=True, slots=True)
class Block:
    """The costs at one benefit level of the card, from the first to the last day on which something was provided."""

    percent: Decimal
    first_day: date
    last_day: date
    groups: tuple[Group, ...]
    amounts: Shares


@dataclass(frozen=True, slots=True)
class Edition:
    """What the form of a day is called, and for the visit type its box, its title and its words for the treatment."""

    form_no: str
    decree_vi: str
    box: str
    title_vi: str
    treated_vi: str


def blocks_of(lines: Sequence[BenefitLine], *, visit: Visit) -> list[Block]:
    """The blocks of a split in the order of their first line; together they hold every line once."""
    on = _day(visit)
    levels = dict.fromkeys(line.benefit_percent for line in lines)
    return [
        _block([line for line in lines if line.benefit_percent == level], visit, on, len(levels)) for level in levels
    ]


def edition_of(visit: Visit) -> Edition:
    """The form in force when the visit ends; a visit type that it does not know has an empty box."""
    on = _day(visit)
    form = next(row for row in law.dated_rows("statement/editions.csv", "edition") if law.holds(row, on))
    kinds = (
        row
        for row in law.dated_rows("statement/types.csv", "visit_type")
        if row["visit_type"] == visit.visit_type and law.holds(row, on)
    )
    kind = next(kinds, {"box": "", "title_vi": "KHÁM BỆNH, CHỮA BỆNH", "treated_vi": ""})
    return Edition(form["form_no"], form["decree_vi"], kind["box"], kind["title_vi"], kind["treated_vi"])


def _block(lines: Sequence[BenefitLine], visit: Visit, on: date, levels: int) -> Block:
    first, last = local(visit.arrived_at).date(), on
    if levels > 1:
        days = [local(line.charge.ordered_at).date() for line in lines]
        first, last = min(days), max(days)
    groups = _groups(lines, on)
    return Block(lines[0].benefit_percent, first, last, groups, Shares.total(group.amounts for group in groups))


@lru_cache(maxsize=64)
def _layout(on: date, _roots: tuple[Path, ...]) -> tuple[list[law.Cells], dict[str, str]]:
    """The groups of the form of the day, and the number of each by cost group; read from these folders."""
    layout = [row for row in law.dated_rows("statement/groups.csv", "number") if law.holds(row, on)]
    return layout, {code: row["number"] for row in layout for code in row["group_codes"].split(";") if code}


def _groups(lines: Sequence[BenefitLine], on: date) -> tuple[Group, ...]:
    layout, placed = _layout(on, law.roots())
    of: dict[str, list[BenefitLine]] = {}
    for line in lines:
        of.setdefault(placed.get(line.charge.group_code, ""), []).append(line)
    found = [_group(row, layout, of) for row in layout if not row["parent"]]
    if rest := of.get(""):
        rows = _merged(rest)
        found.append(Group("", UNPLACED, rows, (), Shares.total(row.amounts for row in rows)))
    return tuple(group for group in found if group.rows or group.groups)


def _group(cells: law.Cells, layout: Sequence[law.Cells], of: dict[str, list[BenefitLine]]) -> Group:
    inner = [_group(child, layout, of) for child in layout if child["parent"] == cells["number"]]
    groups, rows = tuple(group for group in inner if group.rows), _merged(of.get(cells["number"], ()))
    parts = [row.amounts for row in rows] + [group.amounts for group in groups]
    return Group(cells["number"], cells["title_vi"], rows, groups, Shares.total(parts))


def _merged(lines: Sequence[BenefitLine]) -> tuple[Row, ...]:
    """Lines as rows, the same thing at the same prices and rates once."""
    same: dict[tuple[object, ...], list[BenefitLine]] = {}
    for line in lines:
        charge = line.charge
        what = (charge.code, charge.name, charge.unit, charge.hospital_price, charge.insured_price, charge.scope_code)
        same.setdefault((*what, line.service_rate, line.payment_rate), []).append(line)
    return tuple(_row(rows) for rows in same.values())


def _row(lines: Sequence[BenefitLine]) -> Row:
    line, charge = lines[0], lines[0].charge
    return Row(
        charge.name,
        charge.unit,
        sum((line.charge.quantity for line in lines), Decimal(0)),
        charge.hospital_price,
        charge.insured_price,
        line.service_rate,
        line.payment_rate,
        Shares.total(Shares.of(line) for line in lines),
    )


def _day(visit: Visit) -> date:
    return local(visit.ended_at or visit.arrived_at).date()
