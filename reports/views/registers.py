"""The registers desk: choose a register, look through its days, print it, take it along as a spreadsheet."""

import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.printing.views import pdf_response
from his.ui.forms import saved
from reports.period import Period
from reports.registers.arrivals import arrivals_of, unexamined
from reports.registers.book import PART, Book
from reports.registers.definition import GROUPS, OWN_LAYOUT, Register
from reports.registers.forms import span_of
from reports.registers.queries import last_print, open_register, readable
from reports.registers.services import book_of, export_register, print_register, set_numbering

PAGE, ROWS = "reports/registers/register.html", 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GROUP_TITLES = {"commune": "Sổ của Thông tư 23/2025", "hospital": "Sổ của bệnh viện"}


def now() -> datetime:
    """The instant of the request; the only clock of these screens."""
    return timezone.now()


def today() -> date:
    """The Vietnamese day of the request."""
    return local(now()).date()


def desk(request: DeskRequest, current: Register | None = None) -> dict[str, Any]:
    """What every page of the desk shows: the registers that the user may open."""
    found = readable(request.actor, today())
    groups = [(GROUP_TITLES[kind], [row for row in found if row.kind == kind]) for kind in GROUPS]
    return {
        "groups": [(title, rows) for title, rows in groups if rows],
        "current": current,
        "may_write": request.actor.may("registers.write"),
        "may_brief": request.actor.may("briefing.view"),
        "own_layout": OWN_LAYOUT,
    }


@require_GET
@requires("registers.view")
def registers(request: DeskRequest) -> HttpResponse:
    """The first register of the list."""
    first: HttpResponse = register(request, readable(request.actor, today())[0].code)
    return first


@require_GET
@requires("registers.view")
def register(request: DeskRequest, code: str) -> HttpResponse:
    """The days of a register, searched and paged in the database."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    try:
        start, end = span_of(request.GET, today())
        book = book_of(request.actor, code, start, end, text)
    except NotFound:
        raise
    except Refusal as refusal:
        form = open_register(request.actor, code, today())
        asked = {"start_text": request.GET.get("start", ""), "end_text": request.GET.get("end", "")}
        context = {**desk(request, form), "register": form, "q": text, **asked, "refusal": refusal}
        return render(request, PAGE, context, status=422)
    return render(request, PAGE, {**desk(request, book.register), "q": text, **_listed(request, book)})


def _listed(request: DeskRequest, book: Book) -> dict[str, Any]:
    form = book.register
    page = Paginator(book.rows, ROWS).get_page(request.GET.get("page"))
    columns = [column for column in form.columns if column.is_listed]
    span = {"start": f"{book.start:%d/%m/%Y}", "end": f"{book.end:%d/%m/%Y}"}
    return {
        "register": form,
        "columns": columns,
        "lines": [(line, [(c, line.cells[c.key]) for c in columns]) for line in book.shown(page.object_list)],
        "page": page,
        "span": urlencode(span),
        "page_query": urlencode({**span, "q": book.text}) + "&",
        "arrivals": arrivals_of(book),
        "span_text": Period(book.start, book.end).label(),
        "start_text": span["start"],
        "end_text": span["end"],
        "parts": book.parts() if not book.text and page.paginator.count > PART else [],
        "last_print": last_print(book.facility, form),
        "numbering": book.numbering,
        "may_set": request.actor.may("registers.settings") and not form.is_kept,
    }


@require_GET
@requires("registers.view")
def register_unexamined(request: DeskRequest, code: str) -> HttpResponse:
    """Who came in these days and stands in no line of the register."""
    book = book_of(request.actor, code, *span_of(request.GET, today()))
    arrivals = arrivals_of(book)
    if arrivals is None:
        raise NotFound
    span = urlencode({"start": f"{book.start:%d/%m/%Y}", "end": f"{book.end:%d/%m/%Y}"})
    context = {
        **desk(request, book.register),
        "register": book.register,
        "arrivals": arrivals,
        "page": Paginator(unexamined(book), ROWS).get_page(request.GET.get("page")),
        "page_query": f"{span}&",
        "address": f"{reverse('register', args=[code])}?{span}",
        "span_text": Period(book.start, book.end).label(),
    }
    return render(request, "reports/registers/unexamined.html", context)


@require_GET
@requires("registers.view")
def register_pdf(request: DeskRequest, code: str) -> HttpResponse:
    """The days of a register on paper."""
    start, end = span_of(request.GET, today())
    part = request.GET.get("part", "")
    content = print_register(
        register=code,
        start=start,
        end=end,
        paper=request.GET.get("paper", "A4"),
        part=int(part) if part.isdecimal() and len(part) < 4 else 0,
        actor=request.actor,
        at=now(),
    )
    return pdf_response(content, f"{_name(request, code, start, end)}.pdf")


@require_GET
@requires("registers.view")
def register_xlsx(request: DeskRequest, code: str) -> HttpResponse | FileResponse:
    """The days of a register as a spreadsheet, sent from a file that is gone afterwards."""
    start, end = span_of(request.GET, today())
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "register.xlsx"
        export_register(register=code, start=start, end=end, target=target, actor=request.actor, at=now())
        opened = target.open("rb")  # still readable when the folder is gone
    return FileResponse(
        opened, as_attachment=True, filename=f"{_name(request, code, start, end)}.xlsx", content_type=XLSX
    )


def _name(request: DeskRequest, code: str, start: date, end: date) -> str:
    return f"so-{code.lower()}_{request.actor.facility.code}_{start:%Y%m%d}-{end:%Y%m%d}"


@require_POST
@requires("registers.settings")
def register_numbering(request: DeskRequest, code: str) -> HttpResponse:
    """Number anew each year or each month."""
    row = set_numbering(register=code, numbering=request.POST.get("numbering", ""), actor=request.actor, at=now())
    saved(request, f"Số thứ tự: {row.get_numbering_display().lower()}")  # type: ignore[attr-defined]
    return redirect("register", code=code)
