"""The daily books of drugs under special control and the report of a year (TT 18/2026/TT-BYT)."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.accounts.confirming import sign_with
from his.catalogs.models import ControlClass
from his.core.codes import row_id
from his.core.dates import parse_day
from his.core.errors import NotFound, Refusal
from his.printing.views import pdf_response
from his.ui.forms import render_refusal, saved
from pharmacy.controlled import books_on, plain
from pharmacy.forms import SignForm
from pharmacy.models import ControlledPage, ControlledSignature, Store
from pharmacy.printing.controlled import (
    YEAR_FORMULAS,
    print_book,
    print_year,
    readable,
    year_cells,
    year_xlsx,
)
from pharmacy.queries import stores
from pharmacy.queries_controlled import (
    book_of,
    classes_held,
    differences,
    page_of,
    return_records,
    unsigned,
    year_rows,
)
from pharmacy.queries_incidents import unreported
from pharmacy.services.controlled import approve_book, close_book
from pharmacy.views.common import PAGE, head

BOOK = "pharmacy/controlled_book.html"
SCREEN_HEADS = (
    "STT", "Thuốc", "Thành phần", "Chất kiểm soát", "Số đăng ký", "ĐVT", "Tồn đầu", "Nhập", "Cộng", "Xuất", "Hao hụt",
    "Tồn cuối", "Ghi chú",
)  # fmt: skip
"""Columns (1) to (13) of annex IX, short enough for the screen."""
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_GET
@requires("pharmacy.view")
def book(request: DeskRequest) -> HttpResponse:
    """One day of one book of a store: as it stands now, or as it was closed."""
    return render(request, BOOK, _context(request, request.GET))


def _context(request: DeskRequest, asked: Any) -> dict[str, Any]:
    facility, today = request.actor.facility, timezone.localdate()
    known = list(stores(facility))
    store = next((one for one in known if one.pk == row_id(asked.get("store", ""))), known[0] if known else None)
    day = _day(asked.get("day"), today)
    context: dict[str, Any] = {"stores": known, "store": store, "day": day, "tab": "controlled", "form": SignForm()}
    context["may_receive"] = request.actor.may("pharmacy.receive")
    context["may_draft"] = request.actor.may("pharmacy.draft")
    context["unreported"] = unreported(facility, timezone.now())
    if store is None:
        return context
    books = books_on(day)
    held = classes_held(store, day)
    wanted = asked.get("class", "")
    control_class = wanted if wanted in books else next(iter(held), "narcotic")
    page = page_of(store, control_class, day)
    rows = page.rows if page is not None else plain(book_of(store, control_class, day))
    waiting = unsigned(facility, day)
    roles = {one.role for one in page.signatures.all()} if page is not None else set()
    return context | {
        "classes": [(code, ControlClass(code).label) for code in books if code in held or code == control_class],
        "control_class": control_class,
        "book": books[control_class],
        "page": page,
        "drugs": [readable(row) for row in rows],
        "changed": [_difference(one) for one in differences(page)] if page is not None else [],
        "unsigned": [one.day for one in waiting if (one.store, one.control_class) == (store, control_class)],
        "elsewhere": [
            {"row": one, "title": ControlClass(one.control_class).label}
            for one in waiting
            if (one.store, one.control_class) != (store, control_class)
        ],
        "may_close": page is None and day <= today and request.actor.may("pharmacy.keep_book"),
        "may_approve": page is not None
        and ControlledSignature.Role.HEAD not in roles
        and request.actor.may("pharmacy.approve_book"),
    }


def _difference(one: dict[str, Any]) -> str:
    """A drug of a closed day with what was left of it when it was signed and now."""
    signed, now = (readable(one[name])["closing"] if one[name] else "0" for name in ("signed", "now"))
    return f"{one['code']} (đã ký còn {signed}, nay {now})"


def _day(text: str | None, otherwise: date) -> date:
    try:
        return parse_day(text) if text else otherwise
    except ValueError:
        return otherwise


@require_POST
@requires("pharmacy.keep_book")
def close(request: DeskRequest, store_id: int) -> HttpResponse:
    """Close the day and sign it as the keeper."""
    store = Store.objects.for_facility(request.actor.facility).filter(pk=store_id).first()
    if store is None:
        raise NotFound
    asked = {"store": str(store.pk), "class": request.POST.get("class", ""), "day": request.POST.get("day", "")}

    def act() -> ControlledPage:
        try:
            day = parse_day(asked["day"])
        except ValueError as wrong:
            raise Refusal("bad_day", str(wrong), field="day") from None
        return close_book(store=store, control_class=asked["class"], day=day, actor=request.actor, at=timezone.now())

    return _signed(request, asked, act, "Đã khóa và ký sổ")


@require_POST
@requires("pharmacy.approve_book")
def approve(request: DeskRequest, pk: int) -> HttpResponse:
    """Sign a closed day as the head of the unit."""
    page = _page(request, pk)
    asked = {"store": str(page.store_id), "class": page.control_class, "day": f"{page.day:%d/%m/%Y}"}

    def act() -> ControlledPage:
        return approve_book(page=page, actor=request.actor, at=timezone.now())

    return _signed(request, asked, act, "Đã ký sổ")


def _signed(request: DeskRequest, asked: dict[str, str], act: Callable[[], ControlledPage], done: str) -> HttpResponse:
    form = SignForm(request.POST)
    try:
        if not form.is_valid():
            raise Refusal("password", "Hãy gõ mật khẩu để ký", field="password")
        sign_with(request, form.cleaned_data["password"], field="password")
        page = act()
    except Refusal as refusal:
        return render_refusal(request, refusal, BOOK, {**_context(request, asked), "form": form}, form=form)
    saved(request, f"{done} ngày {page.day:%d/%m/%Y}")
    return redirect(f"{reverse('controlled-book')}?{urlencode(asked)}")


@require_GET
@requires("pharmacy.view")
def book_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """A closed day of a book."""
    page = _page(request, pk)
    return pdf_response(print_book(page=page, actor=request.actor, at=timezone.now()), f"so-kiem-soat-{pk}.pdf")


def _page(request: DeskRequest, pk: int) -> ControlledPage:
    rows = ControlledPage.objects.for_facility(request.actor.facility).select_related("store__facility")
    page: ControlledPage | None = rows.filter(pk=pk).first()
    if page is None:
        raise NotFound
    return page


@require_GET
@requires("pharmacy.view")
def returned(request: DeskRequest) -> HttpResponse:
    """The records of controlled drugs that patients brought back, undone ones too."""
    page = Paginator(return_records(request.actor.facility), PAGE).get_page(request.GET.get("page"))
    lines = [(one, [{**row, "quantity": Decimal(row["quantity"])} for row in one.rows]) for one in page]
    context = {**head(request), "page": page, "lines": lines, "tab": "controlled"}
    return render(request, "pharmacy/controlled_returns.html", context)


@require_GET
@requires("pharmacy.view")
def year(request: DeskRequest) -> HttpResponse:
    """Annex IX of a period: on the screen, as PDF with `as=pdf`, as a workbook with `as=xlsx`."""
    today = timezone.localdate()
    # Until the report of last year is due, last year is what is asked for.
    usual = today.year - 1 if (today.month, today.day) <= (1, 15) else today.year
    first = _day(request.GET.get("from"), date(usual, 1, 1))
    last = max(_day(request.GET.get("to"), min(date(usual, 12, 31), today)), first)
    name = f"phu-luc-IX-{first:%Y%m%d}-{last:%Y%m%d}"
    if request.GET.get("as") == "pdf":
        pdf = print_year(first=first, last=last, actor=request.actor, at=timezone.now())
        return pdf_response(pdf, f"{name}.pdf")
    rows = year_rows(request.actor.facility, first, last)
    if request.GET.get("as") == "xlsx":
        response = HttpResponse(year_xlsx(request.actor.facility, rows, first, last), content_type=_XLSX)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
        return response
    context = {
        "heads": list(zip(SCREEN_HEADS, YEAR_FORMULAS, strict=True)),
        "rows": [year_cells(row) for row in rows],
        "first": first,
        "last": last,
        "due": date(last.year + 1, 1, 15) - timedelta(days=1),
        "tab": "controlled",
        "may_receive": request.actor.may("pharmacy.receive"),
        "may_draft": request.actor.may("pharmacy.draft"),
    }
    return render(request, "pharmacy/controlled_year.html", context)
