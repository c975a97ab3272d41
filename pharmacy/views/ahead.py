"""Knowing ahead (dự báo kho): what runs out, lies too long, is left of a bid, was bought at other prices, and what to
buy. What expires is the desk's first list (`views.stock.expiring`). Each list is live; the same figures are monthly
forms in the reports."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.models import Facility
from his.core.errors import NotFound
from his.ui.text import day_text, decimal_text, money_text
from pharmacy import planning, queries_planning
from pharmacy.queries_planning import Item
from pharmacy.views.common import rounded

PAGE = 100
COVERS = (1, 2, 3, 6)
"""Months that a purchase may be planned for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: text, to the right when a number, a link, or a badge of a kind."""

    text: str
    is_number: bool = False
    url: str = ""
    badge: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list ready to be shown: headings (a number stands to the right), rows, and what it says when it is empty."""

    headings: tuple[tuple[str, bool], ...]
    rows: list[list[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the lists: its name on the screen, how it is made, what is said when nothing is in it."""

    title: str
    make: Callable[[Facility, date, Decimal], Listing]
    empty: str


def number(value: Decimal | None) -> Cell:
    """A quantity, or a dash when it is not known."""
    return Cell("–" if value is None else decimal_text(value), is_number=True)


def money(value: Decimal) -> Cell:
    return Cell(money_text(value.quantize(Decimal(1))), is_number=True)


def named(item: Item) -> Cell:
    """The item, opening its stock card."""
    return Cell(item.drug.label, url=reverse("stock-card", args=[item.drug.pk]))


def heads(*names: str) -> tuple[tuple[str, bool], ...]:
    """Headings; `>` before a name puts it to the right."""
    return tuple((name.removeprefix(">"), name.startswith(">")) for name in names)


def _stock_rows(facility: Facility, on: date, keep: Callable[[planning.Position], bool]) -> list[list[Cell]]:
    return [
        [
            named(item),
            Cell(item.drug.unit),
            number(item.position.usable(on)),
            number(item.position.on_hand),
            number(rounded(item.position.monthly)),
            number(item.position.months_left(on)),
            number(item.position.min_stock),
            number(item.position.max_stock),
        ]
        for item in queries_planning.items(facility, on)
        if keep(item.position)
    ]


_STOCK = heads(
    "Thuốc, vật tư", "ĐVT", ">Dùng được", ">Tồn sổ", ">Dùng/tháng", ">Đủ (tháng)", ">Tồn tối thiểu", ">Tồn tối đa"
)


def _low(facility: Facility, on: date, cover: Decimal) -> Listing:
    return Listing(_STOCK, _stock_rows(facility, on, lambda position: planning.is_low(position, on)))


def _over(facility: Facility, on: date, cover: Decimal) -> Listing:
    return Listing(_STOCK, _stock_rows(facility, on, lambda position: planning.is_over(position, on)))


def _bids(facility: Facility, on: date, cover: Decimal) -> Listing:
    rows = []
    for row in queries_planning.bids(facility, on):
        left, part = row.left, row.part_taken
        badge = Cell("–")
        if left is not None and part is not None:
            badge = Cell("Vượt", badge="stop") if left < 0 else Cell(f"{decimal_text(part)} %", badge=_bid_badge(part))
        rows.append(
            [
                Cell(row.drug.bid_info),
                Cell(row.drug.label, url=reverse("stock-card", args=[row.drug.pk])),
                Cell(row.drug.unit),
                money(row.drug.price),
                number(row.won),
                number(row.taken),
                number(left),
                badge,
                Cell(day_text(row.drug.contract_to) if row.drug.contract_to else "–"),
            ]
        )
    headings = heads(
        "Thầu", "Thuốc, vật tư", "ĐVT", ">Giá thầu", ">SL trúng thầu", ">Đã nhập", ">Còn lại", "Đã dùng", "Hợp đồng đến"
    )
    return Listing(headings, rows, "Số lượng trúng thầu chưa biết thì ghi ở danh mục thuốc, vật tư.")


def _bid_badge(part: Decimal) -> str:
    return "warn" if part >= 80 else "ok"


def _prices(facility: Facility, on: date, cover: Decimal) -> Listing:
    rows = [
        [
            named(row.item),
            Cell(row.lot.number, url=reverse("stock-lot", args=[row.lot.pk])),
            number(row.quantity),
            money(row.lot.unit_cost)
            if row.lot.unit_cost == row.lot.unit_cost.to_integral_value()
            else number(row.lot.unit_cost),
            number(row.listed),
            Cell(
                f"{decimal_text(row.gap * 100)} %",
                is_number=True,
                badge="warn" if abs(row.gap) > planning.PRICE_GAP else "",
            ),
            money((row.lot.unit_cost - row.listed) * row.quantity),
        ]
        for row in queries_planning.price_gaps(facility, on)
    ]
    headings = heads("Thuốc, vật tư", "Số lô", ">Tồn", ">Giá nhập", ">Giá danh mục", ">Chênh", ">Tiền chênh của tồn")
    return Listing(headings, rows)


def _proposal(facility: Facility, on: date, cover: Decimal) -> Listing:
    rows, total = [], Decimal(0)
    for item in queries_planning.items(facility, on):
        wanted = planning.proposal(item.position, on, months=cover)
        if not wanted:
            continue
        value = wanted * item.drug.price
        total += value
        rows.append(
            [
                named(item),
                Cell(item.drug.unit),
                number(rounded(item.position.monthly)),
                number(item.position.usable(on)),
                number(planning.will_last(item.position, on)),
                number(wanted),
                number(item.drug.price),
                money(value),
            ]
        )
    headings = heads(
        "Thuốc, vật tư", "ĐVT", ">Dùng/tháng", ">Dùng được", ">Trừ hết hạn", ">Đề nghị mua", ">Đơn giá", ">Thành tiền"
    )
    return Listing(
        headings, rows, f"Cộng {len(rows)} khoản, {money_text(total.quantize(Decimal(1)))} đ theo giá danh mục."
    )


KINDS: dict[str, Kind] = {
    "low": Kind("Sắp hết", _low, "Không có thuốc nào dưới mức cần có"),
    "over": Kind("Tồn nhiều", _over, "Không có thuốc nào tồn quá mức"),
    "bids": Kind("Theo thầu", _bids, "Danh mục không có thuốc nào ghi thông tin thầu"),
    "prices": Kind("Lệch giá", _prices, "Mọi lô còn tồn đều nhập đúng giá danh mục"),
    "proposal": Kind("Dự trù mua", _proposal, "Không cần mua thêm"),
}
"""The lists by their name in the address."""


@require_GET
@requires("pharmacy.view")
def ahead(request: DeskRequest, what: str) -> HttpResponse:
    """One of the lists, as of today."""
    facility, today = request.actor.facility, timezone.localdate()
    kind = KINDS.get(what)
    if kind is None:
        raise NotFound("Không có danh sách này")
    cover = _cover(request)
    listing = kind.make(facility, today, cover)
    looked = queries_planning.look_back(facility, today)
    page = Paginator(listing.rows, PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "tab": "ahead",
        "what": what,
        "kind": kind,
        "kinds": KINDS,
        "listing": listing,
        "page": page,
        "cover": cover,
        "covers": COVERS,
        "looked": looked,
        "may_draft": request.actor.may("pharmacy.draft"),
    }
    return render(request, "pharmacy/stock_ahead.html", context)


def _cover(request: DeskRequest) -> Decimal:
    try:
        cover = Decimal(request.GET.get("cover", ""))
    except InvalidOperation:
        cover = Decimal(3)
    return cover if cover in COVERS else Decimal(3)
