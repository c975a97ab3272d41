"""Count sheets (phiếu đếm) for one counter: on paper to write on, and as a spreadsheet to fill in."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.errors import NotFound, Refusal
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text, decimal_text, minute_text
from pharmacy.counting import FIRST_ROUND, LineState
from pharmacy.models import StockCount, StockCountLine, StockCountMember
from pharmacy.printing.count_workbook import count_workbook
from pharmacy.queries_stocktake import counted_lines, counters_of, get_count, lines_of

COUNT_SHEET = Form("count_sheet", "Phiếu đếm kiểm kê", Path(__file__).with_name("count_sheet.typ"))
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MANY = 300


@service(action="pharmacy.print_count_sheet", permission="pharmacy.receive")
def print_count_sheet(
    *, count: StockCount, counter: StockCountMember, round_no: int, actor: Actor, at: datetime
) -> bytes:
    """A count sheet of one counter as PDF (in phiếu đếm): all lots, or from the second round those to count again."""
    lines = lines_to_count(count, round_no)
    data = count_sheet_data(count, lines, counter, round_no)
    return print_form(
        form=COUNT_SHEET, obj=count, data=data, number=count.number, actor=actor, at=at, is_list=len(lines) > _MANY
    )


def lines_to_count(count: StockCount, round_no: int) -> list[StockCountLine]:
    """All lines for the first round; for a later one those that wait for it. Refuses a round without lines."""
    if round_no == FIRST_ROUND:
        return list(lines_of(count))
    waiting = [
        one.line
        for one in counted_lines(count)
        if one.verdict.state == LineState.RECOUNT and one.verdict.round == round_no
    ]
    if not waiting:
        raise Refusal("nothing_to_count", f"Không có lô nào cần đếm lần {round_no}")
    return waiting


def count_sheet_data(
    count: StockCount, lines: list[StockCountLine], counter: StockCountMember, round_no: int
) -> dict[str, Any]:
    """What the sheet says; a blind one has no book figure."""
    return {
        "count_number": count.number,
        "store": count.store.name,
        "snapshot": minute_text(count.snapshot_at),
        "round": round_no,
        "counter": counter.name,
        "is_blind": count.is_blind,
        "rows": [
            {
                "position": str(line.position),
                "code": line.lot.drug.code,
                "name": line.lot.drug.label,
                "unit": line.lot.drug.unit,
                "lot": line.lot.number,
                "expiry": day_text(line.lot.expires_on),
                "book": "" if count.is_blind else decimal_text(line.snapshot_quantity),
            }
            for line in lines
        ],
        "spare": 8,
    }


@require_GET
@requires("pharmacy.receive")
def sheet_pdf(request: DeskRequest, pk: int, position: int, round_no: int) -> HttpResponse:
    """The paper of one counter."""
    count = get_count(request.actor.facility, pk)
    counter = _counters(count, position)[0]
    pdf = print_count_sheet(count=count, counter=counter, round_no=round_no, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"phieu-dem-{count.number}-{position}.pdf")


@require_GET
@requires("pharmacy.receive")
def sheet_xlsx(request: DeskRequest, pk: int, position: int, round_no: int) -> HttpResponse:
    """The spreadsheet of one counter; position 0: one sheet for each counter."""
    count = get_count(request.actor.facility, pk)
    counters = _counters(count, position)
    book = count_workbook(count, lines_to_count(count, round_no), counters, round_no)
    return xlsx_response(book, f"phieu-dem-{count.number}-{position or 'tat-ca'}-lan-{round_no}.xlsx")


def _counters(count: StockCount, position: int) -> list[StockCountMember]:
    found = [one for one in counters_of(count) if position in (0, one.position)]
    if not found:
        raise NotFound("Không tìm thấy người đếm")
    return found


def xlsx_response(book: bytes, filename: str) -> HttpResponse:
    """A spreadsheet to keep; `filename` is plain ASCII."""
    response = HttpResponse(book, content_type=XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
