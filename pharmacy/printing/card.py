"""The bin card (thẻ kho, 04D/BV-01 of TT 22/2011/TT-BYT) of a drug in one store or in all, for a period."""

from datetime import date, datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.errors import NotFound
from his.printing.services import print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text, decimal_text
from pharmacy.allocation import ZERO
from pharmacy.models import Store
from pharmacy.naming import drug_text
from pharmacy.printing.forms import print_form_of
from pharmacy.printing.sheets import CENTER, LONG, RIGHT, Column, named, sheet
from pharmacy.queries import CardLine, StockCard, stock_card
from pharmacy.views.common import card_period, chosen_store

_COLUMNS = [
    Column("Ngày tháng", 16, CENTER),
    Column("Nhập", 20, CENTER, "Số chứng từ"),
    Column("Xuất", 20, CENTER, "Số chứng từ"),
    Column("Lô sản xuất", 16),
    Column("Hạn dùng", 16, CENTER),
    Column("Diễn giải"),
    Column("Tồn đầu kỳ", 14, RIGHT, "Số lượng"),
    Column("Nhập", 13, RIGHT, "Số lượng"),
    Column("Xuất", 13, RIGHT, "Số lượng"),
    Column("Tồn cuối kỳ", 14, RIGHT, "Số lượng"),
    Column("Ghi chú", 11),
]


@service(action="pharmacy.print_card", permission="pharmacy.view")
def print_card(*, drug: Drug, first: date, last: date, actor: Actor, at: datetime, store: Store | None = None) -> bytes:
    """The bin card from the first to the last day as PDF (in thẻ kho)."""
    card = stock_card(drug, first, last, store=store)
    data, form = card_data(drug, card, first, last, store, at), print_form_of("card")
    is_long = len(card.lines) > LONG
    return print_form(form=form, obj=drug, data=data, number=drug.code, actor=actor, at=at, is_list=is_long)


def card_data(
    drug: Drug, card: StockCard, first: date, last: date, store: Store | None, at: datetime
) -> dict[str, Any]:
    """What the card says: the opening balance, one row for each movement, the sums."""
    blank = [""] * len(_COLUMNS)
    opening, total = [*blank], [*blank]
    opening[5], opening[6], opening[9] = "Số tồn đầu kỳ", decimal_text(card.opening), decimal_text(card.opening)
    total[5], total[6] = "Cộng", decimal_text(card.opening)
    total[7], total[8], total[9] = (decimal_text(x) for x in (card.incoming, card.outgoing, card.closing))
    return {
        "sheets": [
            sheet(
                "card",
                at,
                number="",
                subtitle=f"Từ ngày {day_text(first)} đến ngày {day_text(last)}",
                facts=[
                    ["Tên thuốc, hóa chất, vật tư", drug_text(drug)],
                    ["Mã số", drug.code],
                    ["Hàm lượng, nồng độ, quy cách", ", ".join(x for x in (drug.strength, drug.packaging) if x)],
                    ["Đơn vị", drug.unit],
                    ["Kho", store.name if store else "Mọi kho"],
                ],
                columns=_COLUMNS,
                rows=[opening, *(_row(line, store) for line in card.lines)],
                sums=[total],
                signers=named(["Thủ kho", "Kế toán", "Trưởng khoa Dược"]),
            )
        ]
    }


def _row(line: CardLine, store: Store | None) -> list[str]:
    movement, document = line.movement, line.movement.line.document
    said = movement.get_kind_display()
    if document.kind == document.Kind.REVERSAL:
        said = f"Hủy: {said.lower()}"
    parts = (said, "" if store else movement.store.name, document.supplier, document.reason)
    return [
        day_text(movement.at),
        document.number if line.incoming else "",
        document.number if line.outgoing else "",
        movement.lot.number,
        day_text(movement.lot.expires_on),
        ", ".join(part for part in parts if part),
        decimal_text(line.left - movement.quantity),
        decimal_text(line.incoming) if line.incoming > ZERO else "",
        decimal_text(line.outgoing) if line.outgoing > ZERO else "",
        decimal_text(line.left),
        "",
    ]


@require_GET
@requires("pharmacy.view")
def card_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The bin card of a drug of the user's facility; the period and the store are those of the screen."""
    drug = Drug.objects.for_facility(request.actor.facility).filter(pk=pk).first()
    if drug is None:
        raise NotFound("Không tìm thấy thuốc tại cơ sở này")
    first, last = card_period(request)
    pdf = print_card(
        drug=drug, first=first, last=last, store=chosen_store(request), actor=request.actor, at=timezone.now()
    )
    return pdf_response(pdf, f"the-kho-{pk}.pdf")
