"""The record of a stock-take (biên bản kiểm kê, TT 22/2011/TT-BYT): 11D/BV-01 for medicines, 12D/BV-01 for chemicals,
13D/BV-01 for consumable supplies; 13 columns, as PDF and as a spreadsheet.

The book and the actual quantity are of the same instant, that at which the lot was counted; what moved between the
snapshot and that instant is said in the last column.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.words import amount_in_words
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text, decimal_text, minute_text, money_text
from pharmacy.allocation import ZERO
from pharmacy.models import StockCount, StockCountMember
from pharmacy.printing.count_record_xlsx import RecordRow, record_workbook
from pharmacy.printing.count_sheet import xlsx_response
from pharmacy.queries_stocktake import CountedLine, counted_lines, get_count, posted_documents, sees_book

_TEMPLATE = Path(__file__).with_name("count_record.typ")
_MANY = 300


@dataclass(frozen=True, slots=True)
class RecordForm:
    """One form: its number, title, and the kinds of items that it lists."""

    number: str
    title: str
    kinds: frozenset[str]
    form: Form


def _record(code: str, what: str, *kinds: str) -> RecordForm:
    title = f"Biên bản kiểm kê {what}"
    return RecordForm(f"{code}/BV-01", title, frozenset(kinds), Form(f"count_record_{code.lower()}", title, _TEMPLATE))


RECORDS: Final[dict[str, RecordForm]] = {
    "11d": _record("11D", "thuốc", "drug", "herbal", "herb"),
    "12d": _record("12D", "hóa chất", "chemical"),
    "13d": _record("13D", "vật tư y tế tiêu hao", "supply"),
}


@dataclass(frozen=True, slots=True)
class Record:
    """What the form says, before it is written as texts or numbers."""

    form: RecordForm
    count: StockCount
    members: list[StockCountMember]
    rows: list[RecordRow]
    until: datetime | None

    @property
    def book_total(self) -> Decimal:
        return sum((row.book_amount or ZERO for row in self.rows), ZERO)

    @property
    def counted_total(self) -> Decimal:
        return sum((row.counted_amount or ZERO for row in self.rows), ZERO)

    def of_role(self, role: str) -> list[str]:
        return [member.name for member in self.members if member.role == role]


def forms_of(lines: list[CountedLine]) -> list[str]:
    """Which forms a stock-take needs."""
    kinds = {one.line.lot.drug.kind for one in lines}
    return [code for code, form in RECORDS.items() if form.kinds & kinds]


def record_of(count: StockCount, code: str) -> Record:
    """One form of a stock-take. An unknown form, or one without a line, is not found.

    Refused while a blind count is open and a lot is not counted: the form says the book.
    """
    form = RECORDS.get(code)
    lines = [one for one in counted_lines(count) if form and one.line.lot.drug.kind in form.kinds]
    if form is None or not lines:
        raise NotFound("Đợt kiểm kê này không có biên bản loại đó")
    if not sees_book(count):
        raise Refusal("still_blind", "Đếm mù: biên bản in được khi mọi lô đã được đếm")
    recorded = [entry.recorded_at for one in lines for entry in one.entries]
    members = list(count.members.all())
    return Record(form, count, members, [_row(one) for one in lines], max(recorded, default=None))


def _row(one: CountedLine) -> RecordRow:
    lot, is_settled = one.line.lot, one.verdict.is_settled
    return RecordRow(
        name=one.line.lot.drug.label,
        unit=lot.drug.unit,
        unit_cost=lot.unit_cost,
        lot=lot.number,
        country=lot.drug.country,
        expires_on=lot.expires_on,
        book=one.book if is_settled else one.line.snapshot_quantity,
        counted=one.counted if is_settled else None,
        damaged=one.damaged if is_settled else None,
        note="; ".join(_notes(one)),
    )


def _notes(one: CountedLine) -> list[str]:
    notes = ["Lô ngoài sổ"] if one.line.is_found else []
    if not one.verdict.is_settled:
        return [*notes, "Chưa đếm xong"]
    if one.moved:
        word = "nhập" if one.moved > 0 else "xuất"
        notes.append(f"Chốt {decimal_text(one.line.snapshot_quantity)}, {word} {decimal_text(abs(one.moved))}")
    if one.difference:
        word = "Thừa" if one.difference > 0 else "Thiếu"
        notes.append(f"{word} {decimal_text(abs(one.difference))}")
    return [*notes, one.line.reason] if one.line.reason else notes


def _state(count: StockCount) -> str:
    """How far the stock-take is, and which of its documents were undone; empty when it stands posted."""
    if count.state != StockCount.State.POSTED:
        return count.get_state_display()
    undone = [one for one in posted_documents(count) if hasattr(one, "reversed_by")]
    return "; ".join(f"Đã hủy {one.number} bằng {one.reversed_by.number}" for one in undone)


def record_data(record: Record) -> dict[str, Any]:
    """The record as texts."""
    count, roles = record.count, StockCountMember.Role
    return {
        "form_no": record.form.number,
        "title": record.form.title.upper(),
        "count_number": count.number,
        "occasion": count.get_occasion_display(),
        "store": count.store.name,
        "snapshot": minute_text(count.snapshot_at),
        "from": _clock(count.snapshot_at),
        "until": _clock(record.until) if record.until else "....... giờ .......",
        "state": _state(count),
        "members": [
            {"name": member.name, "title": member.title, "role": member.get_role_display()} for member in record.members
        ],
        "rows": [_texts(row) for row in record.rows],
        "lines": f"{len(record.rows):02d}",
        "book_total": money_text(record.book_total),
        "counted_total": money_text(record.counted_total),
        "words": amount_in_words(record.counted_total),
        "proposal": count.proposal,
        "signers": [
            {"role": "Thành viên", "names": record.of_role(roles.MEMBER)},
            {"role": "Thư ký", "names": record.of_role(roles.SECRETARY)},
            {"role": "Chủ tịch Hội đồng kiểm kê", "names": record.of_role(roles.CHAIRMAN)},
        ],
        "day": f"Ngày {local(record.until or count.snapshot_at):%d tháng %m năm %Y}",
    }


def _clock(at: datetime) -> str:
    wall = local(at)
    return f"{wall:%H} giờ {wall:%M} ngày {wall:%d/%m/%Y}"


def _texts(row: RecordRow) -> list[str]:
    return [
        row.name,
        row.unit,
        money_text(row.unit_cost),
        row.lot,
        row.country,
        day_text(row.expires_on),
        _number(row.book),
        _money(row.book_amount),
        _number(row.counted),
        _money(row.counted_amount),
        _number(row.damaged) if row.damaged else "",
        row.note,
    ]


def _number(value: Decimal | None) -> str:
    return "" if value is None else decimal_text(value)


def _money(value: Decimal | None) -> str:
    return "" if value is None else money_text(value)


@service(action="pharmacy.print_count_record", permission="pharmacy.view")
def print_count_record(*, count: StockCount, code: str, actor: Actor, at: datetime) -> bytes:
    """The record of a stock-take as PDF (in biên bản kiểm kê). Until it is posted the paper says how far it is."""
    record = record_of(count, code)
    return print_form(
        form=record.form.form,
        obj=count,
        data=record_data(record),
        number=count.number,
        actor=actor,
        at=at,
        is_list=len(record.rows) > _MANY,
    )


@require_GET
@requires("pharmacy.view")
def record_pdf(request: DeskRequest, pk: int, code: str) -> HttpResponse:
    """The paper."""
    count = get_count(request.actor.facility, pk)
    pdf = print_count_record(count=count, code=code, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"bien-ban-{code}-{count.number}.pdf")


@require_GET
@requires("pharmacy.view")
def record_xlsx(request: DeskRequest, pk: int, code: str) -> HttpResponse:
    """The same as a spreadsheet, with numbers to reckon with."""
    count = get_count(request.actor.facility, pk)
    record = record_of(count, code)
    book = record_workbook(record_data(record), record.rows, request.actor.facility)
    return xlsx_response(book, f"bien-ban-{code}-{count.number}.xlsx")
