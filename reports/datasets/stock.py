"""Stock in a period: what was there, what came, what went (nhập - xuất - tồn), and what was used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from his.catalogs.models import Drug
from his.core.errors import NotFound, Refusal
from his.ui.text import day_text, decimal_text
from insurance.claims.visit_facts import INPATIENT_TYPES
from pharmacy.allocation import ZERO
from pharmacy.models import MovementKind, Store
from pharmacy.queries import stock_card
from pharmacy.queries_flow import CONSUMED, TRANSFERS, Flow, differing_balances, flows, movements
from reports.datasets.antibiotics import is_antibiotic
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.definition import load_version
from reports.models import ReportRun
from reports.period import Period

Kind = MovementKind
_BOUGHT, _BACK, _MORE = (Kind.OPENING, Kind.RECEIPT), (Kind.PATIENT_RETURN,), (Kind.COUNT_UP,)
_GONE, _LESS = (Kind.LOSS, Kind.DESTRUCTION), (Kind.COUNT_DOWN,)


@dataclass(frozen=True, slots=True)
class Item:
    """A lot as forms print it."""

    code: str
    name: str
    ingredient: str
    unit: str
    country: str
    lot_number: str
    expires_on: str
    unit_cost: Decimal


def stock_flow(query: Query) -> Dataset:
    """Each lot with opening, in, out and closing quantity and value (đồng, at the price it was bought for).

    Movements count on the day they were posted. Over all stores transfers are neither in nor out; what was sent and
    has not arrived is under way: opening + in - out - under way = closing. Of one store transfers are in and out.
    """
    store, found = _store(query), Dataset()
    inside = TRANSFERS if store is not None else ()
    wrong = differing_balances(query.facility, query.period.end, store=store)
    under_way = ZERO
    for flow in _kept(query, flows(query.facility, query.period.start, query.period.end, store=store)):
        came = flow.total([*_BOUGHT, *_BACK, *_MORE, *inside[:1]])
        went = -flow.total([Kind.DISPENSE, Kind.SUPPLIER_RETURN, *_GONE, *_LESS, *inside[1:]])
        sent = ZERO if store is not None else -flow.total(TRANSFERS)
        cost = flow.lot.unit_cost
        under_way += sent * cost
        own: dict[str, Any] = {
            "note": f"đi đường {decimal_text(sent)}" if sent else "",
            "under_way": sent,
            "under_way_value": sent * cost,
            "bought": flow.total(_BOUGHT),
            "transferred_in": flow.total(TRANSFERS[:1]),
            "brought_back": flow.total(_BACK),
            "counted_up": flow.total(_MORE),
            "dispensed": -flow.total([Kind.DISPENSE]),
            "transferred_out": -flow.total(TRANSFERS[1:]),
            "to_supplier": -flow.total([Kind.SUPPLIER_RETURN]),
            "lost": -flow.total(_GONE),
            "counted_down": -flow.total(_LESS),
        }
        for name, quantity in (("opening", flow.opening), ("came", came), ("went", went), ("closing", flow.closing)):
            own |= {name: quantity, f"{name}_value": quantity * cost}
        row = _row(found, flow, own)
        if flow.lot.pk in wrong:
            found.flags["balance_differs"].append(row.ref)
        if flow.closing < 0:
            found.flags["negative"].append(row.ref)
    _sort_sections(found)
    if under_way:
        found.notes.append(f"Giá trị hàng chuyển kho chưa nhận tăng trong kỳ: {decimal_text(under_way.quantize(1))} đ")
    found.flags["previous_differs"] = _previous_differs(query, found)
    return found


def stock_usage(query: Query) -> Dataset:
    """What was used of each drug and price: handed out less brought back, written off, and what else left for good.

    What was given of a prescription, and came back, is an inpatient's when its visit is one, as in form 20/BHYT.
    Over all rows the total is what went out in `stock_flow`, less what patients brought back. Transfers are no use.
    """
    store, found = _store(query), Dataset()
    on_wards = _used_on_wards(query, store)
    groups: dict[tuple[str, Decimal], list[Flow]] = {}
    for flow in _kept(query, flows(query.facility, query.period.start, query.period.end, store=store)):
        groups.setdefault((flow.lot.drug.code, flow.lot.unit_cost), []).append(flow)
    for (_, cost), members in groups.items():
        inpatient = sum((on_wards.get(flow.lot.pk, ZERO) for flow in members), ZERO)
        outpatient = -_sum(members, [Kind.DISPENSE, *_BACK]) - inpatient
        lost = -_sum(members, _GONE)
        other = -_sum(members, [Kind.SUPPLIER_RETURN, *_LESS])
        own: dict[str, Any] = {"inpatient": inpatient, "outpatient": outpatient, "other": other, "lost": lost}
        if not any(own.values()):
            continue
        own["used"] = sum(own.values(), ZERO)
        own |= {f"{name}_value": quantity * cost for name, quantity in list(own.items())}
        _row(found, members[-1], own, ref=f"{members[0].lot.drug.code}/{decimal_text(cost)}")
    _sort_sections(found)
    return found


def _used_on_wards(query: Query, store: Store | None) -> dict[int, Decimal]:
    """By lot, what inpatients were given less what they brought back; an undone paper counts against what it undoes."""
    start, end = query.period.instants()
    document = "line__document__"
    papers = [
        f"{undone}{paper}" for undone in ("", "reverses__") for paper in ("dispense__", "patient_return__dispense__")
    ]
    of_inpatient = Q()
    for paper in papers:
        of_inpatient |= Q(**{f"{document}{paper}prescription__visit__visit_type__in": INPATIENT_TYPES})
    rows = movements(query.facility, store).filter(of_inpatient, at__gte=start, at__lt=end, kind__in=CONSUMED)
    return {row["lot_id"]: -row["total"] for row in rows.values("lot_id").annotate(total=Sum("quantity")).order_by()}


def explain_item(query: Query, ref: str) -> Explained:
    """The movements of the drug behind a row: its stock card for the period."""
    code = ref.rsplit("/", 1)[0]
    drug = Drug.objects.for_facility(query.facility).filter(code=code).order_by("-valid_from").first()
    if drug is None:
        raise NotFound
    card = stock_card(drug, query.period.start, query.period.end, store=_store(query))
    return "reports/_stock_item.html", {"drug": drug, "card": card, "period": query.period, "store": query.store}


def _store(query: Query) -> Store | None:
    if not query.store:
        return None
    store = Store.objects.for_facility(query.facility).filter(code=query.store).first()
    if store is None:
        raise Refusal("unknown_store", f"Cơ sở không có kho {query.store}", field="store")
    return store


def _kept(query: Query, found: Iterable[Flow]) -> Iterable[Flow]:
    kinds, only_antibiotics = query.keep.get("kinds"), query.keep.get("antibiotics", False)
    for flow in found:
        if kinds is not None and flow.lot.drug.kind not in kinds:
            continue
        if not only_antibiotics or is_antibiotic(flow.lot.drug.ingredient):
            yield flow


def _sum(members: Iterable[Flow], kinds: Sequence[str]) -> Decimal:
    return sum((flow.total(kinds) for flow in members), ZERO)


def _row(found: Dataset, flow: Flow, own: dict[str, Any], ref: str = "") -> Row:
    drug, lot = flow.lot.drug, flow.lot
    item = Item(
        code=drug.code,
        name=drug.label,
        ingredient=drug.ingredient,
        unit=drug.unit,
        country=drug.country,
        lot_number=lot.number,
        expires_on=day_text(lot.expires_on),
        unit_cost=lot.unit_cost,
    )
    row = Row(ref or f"{drug.code}/{lot.pk}", item, own, section_of(found, drug))
    found.rows.append(row)
    return row


def section_of(found: Dataset, drug: Drug) -> str:
    """Drugs under special control by class, all else by kind."""
    key = f"2{drug.control_class}" if drug.control_class else f"1{drug.kind}"
    title = drug.get_control_class_display() if drug.control_class else drug.get_kind_display()
    if key not in dict(found.sections):
        found.sections.append((key, title))
    return key


def _sort_sections(found: Dataset) -> None:
    found.sections.sort()


def _previous_differs(query: Query, found: Dataset) -> list[str]:
    """Rows whose opening is not the closing of the last report of the month before, and rows that report alone has."""
    runs = ReportRun.of(query.facility, query.keep.get("form", ""), Period.before(query.period), query.store)
    last = runs.order_by("-version").first()
    if last is None:
        return []
    columns = load_version(last.form, last.values["definition"]).columns
    at = next(place for place, column in enumerate(columns) if column.source == "closing")
    closed = {
        ref: Decimal(row[at]) for ref, row in zip(last.values["refs"], last.values["rows"], strict=True) if row[at]
    }
    opened = {row.ref: row.value("opening") for row in found.rows}
    return sorted(ref for ref in {*closed, *opened} if closed.get(ref, ZERO) != opened.get(ref, ZERO))
