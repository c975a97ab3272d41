"""The page of bank statements: take a file in, see what is unmatched on both sides, match a line by hand."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO
from his.ui.forms import add_refusal, saved, status_of
from his.ui.text import money_text
from insurance.models import CashEntry
from reports.bank.models import BankStatement
from reports.bank.queries import BankRow, bank_rows, get_line, get_match, standing_matches
from reports.bank.reading import require_size
from reports.bank.services import import_statement, match_line, undo_match
from reports.forms import MonthForm
from reports.period import Period

LISTED = 12


class StatementForm(forms.Form):
    """A statement of the bank as a file."""

    file = forms.FileField(
        label="Sao kê (.csv)",
        allow_empty_file=False,
        max_length=200,
        widget=forms.FileInput({"accept": ".csv,.txt", "data-focus": ""}),
        error_messages={"required": "Hãy chọn tệp sao kê", "empty": "Tệp này trống", "max_length": "Tên tệp quá dài"},
    )

    def clean_file(self) -> UploadedFile:
        """Refused by its size before anything of it is read."""
        file: UploadedFile = self.cleaned_data["file"]
        try:
            require_size(file.size or 0)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from None
        return file


class MatchForm(forms.Form):
    """Which paper a line of the bank is."""

    entry = forms.IntegerField(error_messages={"required": "Chọn phiếu thu", "invalid": "Chọn phiếu thu"})


@require_GET
@requires("billing.match_bank")
def bank(request: DeskRequest) -> HttpResponse:
    """The lines of a month; with `line` the papers that one of them may be."""
    return render(request, "reports/bank.html", _context(request, StatementForm(), MatchForm()))


@require_POST
@requires("billing.match_bank")
def bank_import(request: DeskRequest) -> HttpResponse:
    """Take a statement in and show its month."""
    form = StatementForm(request.POST, request.FILES)
    if form.is_valid():
        file: UploadedFile = form.cleaned_data["file"]
        try:
            made = import_statement(content=file.read(), name=file.name or "", actor=request.actor, at=timezone.now())
        except Refusal as refusal:
            add_refusal(form, refusal)
            context = _context(request, form, MatchForm())
            return render(request, "reports/bank.html", context, status=status_of(refusal))
        matched = standing_matches(request.actor.facility).filter(line__statement=made).count()
        saved(request, f"Đã nhập {made.lines.count()} dòng sao kê, khớp {matched}, bỏ qua {made.skipped}")
        last = made.lines.order_by("-day").first()
        return redirect(_address(Period.month(last.day) if last else _this_month()))
    return render(request, "reports/bank.html", _context(request, form, MatchForm()), status=422)


@require_POST
@requires("billing.match_bank")
def bank_match(request: DeskRequest, pk: int) -> HttpResponse:
    """Match a line with the chosen paper."""
    line, form = get_line(request.actor.facility, pk), MatchForm(request.POST)
    if form.is_valid():
        entries = CashEntry.objects.for_facility(request.actor.facility).select_related("visit__patient")
        entry = entries.filter(pk=form.cleaned_data["entry"]).first()
        if entry is None:
            raise NotFound
        try:
            match_line(line=line, entry=entry, actor=request.actor, at=timezone.now())
        except Refusal as refusal:
            add_refusal(form, refusal)
        else:
            saved(request, f"Đã khớp {line.reference} với phiếu {entry.number}, {money_text(line.amount)} đ")
            return redirect(_address(Period.month(line.day)))
    context = _context(request, StatementForm(), form, line=line.pk, period=Period.month(line.day))
    return render(request, "reports/bank.html", context, status=422)


@require_POST
@requires("billing.match_bank")
def bank_unmatch(request: DeskRequest, pk: int) -> HttpResponse:
    """Take a match back."""
    match = get_match(request.actor.facility, pk)
    undo_match(match=match, actor=request.actor, at=timezone.now())
    saved(request, f"Đã bỏ khớp {match.line.reference} và phiếu {match.entry.number}")
    return redirect(_address(Period.month(match.line.day)))


def _this_month() -> Period:
    return Period.month(timezone.localdate())


def _address(period: Period) -> str:
    return f"{reverse('bank')}?{urlencode({'month': f'{period.start:%m/%Y}'})}"


def _context(
    request: DeskRequest, form: StatementForm, match_form: MatchForm, *, line: int = 0, period: Period | None = None
) -> dict[str, Any]:
    choice = MonthForm(request.GET) if request.GET.get("month") else None
    if period is None:
        period = Period.month(choice.cleaned_data["month"]) if choice and choice.is_valid() else _this_month()
    rows = bank_rows(request.actor.facility, period)
    asked = request.GET.get("line", "")
    wanted = line or (int(asked) if asked.isdecimal() and len(asked) < 19 else 0)
    chosen = next((row for row in rows if row.line and row.line.pk == wanted and not row.entry), None)
    if chosen:  # the choice of papers has the focus
        form.fields["file"].widget.attrs.pop("data-focus", None)
    statements = BankStatement.objects.for_facility(request.actor.facility).select_related("imported_by")
    return {
        "form": form,
        "match_form": match_form,
        "month_form": choice if choice and not choice.is_valid() else MonthForm(initial={"month": _typed(period)}),
        "month": _typed(period),
        "period": period,
        "open_lines": [row for row in rows if row.line and not row.entry],
        "open_papers": [row for row in rows if not row.line],
        "matched": [row for row in rows if row.line and row.entry],
        "sums": _sums(rows),
        "chosen": chosen,
        "statements": statements.order_by("-imported_at")[:LISTED],
    }


def _typed(period: Period) -> str:
    return f"{period.start:%m/%Y}"


def _sums(rows: list[BankRow]) -> dict[str, Any]:
    bank = sum((row.line.amount for row in rows if row.line), ZERO)
    papers = sum((row.entry.amount for row in rows if row.entry), ZERO)
    return {"bank": bank, "papers": papers, "difference": bank - papers}
