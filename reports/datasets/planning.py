"""The lists ahead as monthly forms: near expiry, use of bids, differing prices, what to buy. As of the last day."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from his.catalogs.models import Drug
from his.ui.text import day_text, decimal_text
from pharmacy import planning, queries_planning
from pharmacy.allocation import ZERO
from pharmacy.queries_planning import LookBack
from reports.datasets.base import Dataset, Query, Row
from reports.datasets.stock import section_of

PROPOSAL_MONTHS = Decimal(3)


def near_expiry(query: Query) -> Dataset:
    """Lots that have expired or expire within six months, with what will be left of them."""
    found, on = Dataset(), query.period.end
    found.sections = [(str(step), title) for step, title in planning.EXPIRY_WORDS.items()]
    looked = _looked(query, found)
    for row in queries_planning.expiring(query.facility, on, looked=looked):
        step = planning.expiry_step(row.lot.expires_on, on)
        own = {
            "lot_number": row.lot.number,
            "expires_on": day_text(row.lot.expires_on),
            "quantity": row.quantity,
            "unit_cost": row.lot.unit_cost,
            "value": row.value,
            "monthly": _text(row.item.position.monthly),
            "surplus": _text(row.surplus),
        }
        _add(found, row.item.drug, own, str(row.lot.pk), str(step))
    return found


def bid_use(query: Query) -> Dataset:
    """Each item under a bid: won, taken up to the last day, left. A bid whose quantity is not known says so."""
    found = Dataset()
    for row in queries_planning.bids(query.facility, query.period.end):
        own = {
            "bid": row.drug.bid_info,
            "price": row.drug.price,
            "won": _text(row.won),
            "taken": row.taken,
            "taken_value": row.taken * row.drug.price,
            "left": _text(row.left),
            "part": _text(row.part_taken),
            "contract_to": day_text(row.drug.contract_to) if row.drug.contract_to else "",
        }
        ref = _add(found, row.drug, own, "", section_of(found, row.drug))
        if row.left is not None and row.left < 0:
            found.flags["beyond"].append(ref)
        if row.won is None:
            found.flags["unknown"].append(ref)
    found.sections.sort()
    return found


def differing_prices(query: Query) -> Dataset:
    """Lots in stock that were bought for another price than the list in force says."""
    found = Dataset()
    for row in queries_planning.price_gaps(query.facility, query.period.end):
        own = {
            "lot_number": row.lot.number,
            "quantity": row.quantity,
            "unit_cost": row.lot.unit_cost,
            "listed": row.listed,
            "gap": row.lot.unit_cost - row.listed,
            "value": (row.lot.unit_cost - row.listed) * row.quantity,
        }
        _add(found, row.item.drug, own, str(row.lot.pk), section_of(found, row.item.drug))
    found.sections.sort()
    return found


def purchase_proposal(query: Query) -> Dataset:
    """What to buy for three months and one in reserve (dự trù): average use less what will last, whole units up."""
    found, on = Dataset(), query.period.end
    looked = _looked(query, found)
    for item in queries_planning.items(query.facility, on, looked=looked):
        wanted = planning.proposal(item.position, on, months=PROPOSAL_MONTHS)
        if not wanted:
            continue
        own = {
            "monthly": _text(item.position.monthly),
            "usable": item.position.usable(on),
            "lasting": planning.will_last(item.position, on),
            "wanted": wanted,
            "price": item.drug.price,
            "value": wanted * item.drug.price,
        }
        _add(found, item.drug, own, "", section_of(found, item.drug))
    found.sections.sort()
    return found


def _looked(query: Query, found: Dataset) -> LookBack:
    """The months that the averages of a form rest on, and a note that says which. A form speaks as of the end of its
    last day: its own month is whole by then, and counts."""
    looked = queries_planning.look_back(query.facility, query.period.end + timedelta(days=1))
    if looked.months:
        span = f"từ {day_text(looked.first)} đến {day_text(looked.last)}"
        found.notes.append(f"Mức dùng bình quân tháng tính trên {looked.months} tháng, {span}")
    else:
        found.notes.append("Chưa có tháng trọn nào để tính mức dùng bình quân: chưa biết, không phải bằng 0")
    return looked


def _add(found: Dataset, drug: Drug, own: dict[str, Any], part: str, section: str) -> str:
    ref = f"{drug.code}/{part}"
    found.rows.append(Row(ref, drug, {"item": drug.label, **own}, section))
    return ref


def _text(value: Decimal | None) -> str:
    """A number that may be unknown."""
    return "" if value is None else decimal_text(value.quantize(Decimal("0.1")).normalize() if value else ZERO)
