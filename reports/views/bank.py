"""The page of bank statements: take a file in, see what is unmatched on both sides, match a line by hand."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.core.codes import row_id
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO
from his.ui.forms import add_refusal, saved, status_of
from his.ui.text import money_text
from insurance.models import CashEntry
from reports.bank.models import BankStatement
from reports.bank.queries import (
    BankRow,
    bank_rows,
    candidates,
    get_line,
    get_match,
    reused_lines,
    standing_matches,
)
from reports.bank.reading import require_size
from reports.bank.services import import_statement, match_line, rematch, undo_match
from reports.forms import MonthForm
from reports.period import Period

LISTED, PAGE = 12, 50
TABLES = ("open_lines", "open_papers", "matched")


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
    """Which paper a line of the bank is: a chosen one, or another by its number; why the amounts differ."""

    entry = forms.IntegerField(label="Phiếu thu", required=False, error_messages={"invalid": "Chọn phiếu thu"})
    number = forms.CharField(label="Phiếu khác, ghi số phiếu", required=False, max_length=30)
    reason = forms.CharField(label="Lý do, khi khác số tiền", required=False, max_length=500)

    def clean(self) -> dict[str, Any]:
        """A paper is named one way or the other; a typed number counts before the choice."""
        if not self.errors and not self.cleaned_data["number"] and not self.cleaned_data["entry"]:
            self.add_error("entry", "Chọn phiếu thu hoặc ghi số phiếu")
        return self.cleaned_data


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
        saved(request, _taken_in(made, matched))
        last = made.lines.order_by("-day").first()
        return redirect(_address(Period.month(last.day) if last else _this_month()))
    return render(request, "reports/bank.html", _context(request, form, MatchForm()), status=422)


@require_POST
@requires("billing.match_bank")
def bank_match(request: DeskRequest, pk: int) -> HttpResponse:
    """Match a line with the chosen paper."""
    line, form = get_line(request.actor.facility, pk), MatchForm(request.POST)
    if form.is_valid():
        try:
            entry = _paper(request, form)
            match_line(
                line=line, entry=entry, reason=form.cleaned_data["reason"], actor=request.actor, at=timezone.now()
            )
        except NotFound:
            raise
        except Refusal as refusal:
            add_refusal(form, refusal)
        else:
            saved(request, f"Đã khớp {line.reference} với phiếu {entry.number}, {money_text(entry.amount)} đ")
            return redirect(_address(Period.month(line.day)))
    context = _context(request, StatementForm(), form, line=line.pk, period=Period.month(line.day))
    return render(request, "reports/bank.html", context, status=422)


@require_POST
@requires("billing.match_bank")
def bank_rematch(request: DeskRequest) -> HttpResponse:
    """Match by itself what is free of a month."""
    form = MonthForm(request.POST)
    if not form.is_valid():
        context = {**_context(request, StatementForm(), MatchForm()), "month_form": form}
        return render(request, "reports/bank.html", context, status=422)
    period = Period.month(form.cleaned_data["month"])
    matched = rematch(period=period, actor=request.actor, at=timezone.now())
    saved(request, f"Đã khớp thêm {matched} dòng" if matched else "Không có dòng nào khớp thêm")
    return redirect(_address(period))


@require_POST
@requires("billing.match_bank")
def bank_unmatch(request: DeskRequest, pk: int) -> HttpResponse:
    """Take a match back."""
    match = get_match(request.actor.facility, pk)
    undo_match(match=match, actor=request.actor, at=timezone.now())
    saved(request, f"Đã bỏ khớp {match.line.reference} và phiếu {match.entry.number}")
    return redirect(_address(Period.month(match.line.day)))


def _taken_in(made: BankStatement, matched: int) -> str:
    """What became of the lines of a file."""
    said = [f"Đã nhập {made.lines.count()} dòng sao kê, khớp {matched}"]
    if made.known:
        said.append(f"{made.known} dòng đã có từ trước")
    if made.skipped:
        said.append(f"{made.skipped} dòng không phải tiền vào")
    if reused := reused_lines(made.facility).filter(statement=made).count():
        said.append(f"{reused} dòng trùng mã với dòng khác ngày hoặc khác số tiền, hãy kiểm tra")
    return "; ".join(said)


def _paper(request: DeskRequest, form: MatchForm) -> CashEntry:
    """The paper that was typed or chosen."""
    entries = CashEntry.objects.for_facility(request.actor.facility)
    if number := form.cleaned_data["number"]:
        if (typed := entries.filter(number__iexact=number).first()) is None:
            raise Refusal("no_paper", f"Không có phiếu {number}", field="number")
        return typed
    chosen: CashEntry | None = entries.filter(pk=form.cleaned_data["entry"]).first()
    if chosen is None:
        raise NotFound
    return chosen


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
    wanted = line or row_id(request.GET.get("line", ""))
    chosen = next((row for row in rows if row.line and row.line.pk == wanted and not row.entry), None)
    if chosen:  # the choice of papers has the focus
        form.fields["file"].widget.attrs.pop("data-focus", None)
    statements = BankStatement.objects.for_facility(request.actor.facility).select_related("imported_by")
    parts = {
        "open_lines": [row for row in rows if row.line and not row.entry],
        "open_papers": [row for row in rows if not row.line],
        "matched": [row for row in rows if row.line and row.entry],
    }
    return {
        "form": form,
        "match_form": match_form,
        "month_form": choice if choice and not choice.is_valid() else MonthForm(initial={"month": _typed(period)}),
        "month": _typed(period),
        "period": period,
        **{name: Paginator(part, PAGE).get_page(request.GET.get(name)) for name, part in parts.items()},
        "address": reverse("bank"),
        "queries": {name: _query(request, period, name) for name in (*TABLES, "line")},
        "sums": _sums(rows),
        "chosen": chosen,
        **_near(request, chosen, match_form),
        "statements": statements.order_by("-imported_at")[:LISTED],
    }


def _near(request: DeskRequest, chosen: BankRow | None, form: MatchForm) -> dict[str, Any]:
    """The papers that the chosen line may be, and which of them is picked: as typed, else the one that is named and
    has the same amount."""
    if chosen is None or chosen.line is None:
        return {}
    near = candidates(request.actor.facility, chosen.line)
    sure = [one.entry.pk for one in near if one.is_named and one.is_same]
    typed = form["entry"].value() if form.is_bound else None
    picked = str(typed or "") if form.is_bound else str(sure[0]) if len(sure) == 1 else ""
    if not near and not form.is_bound:
        form.fields["number"].widget.attrs["data-focus"] = ""
    return {"near": near, "picked": picked}


def _query(request: DeskRequest, period: Period, name: str) -> str:
    """What the address of the page says but one thing: the place in one of its tables, or the chosen line."""
    kept = {key: value for key in (*TABLES, "line") if key != name and (value := request.GET.get(key))}
    return f"{urlencode({'month': _typed(period), **kept})}&"


def _typed(period: Period) -> str:
    return f"{period.start:%m/%Y}"


def _sums(rows: list[BankRow]) -> dict[str, Any]:
    bank = sum((row.line.amount for row in rows if row.line), ZERO)
    papers = sum((row.entry.amount for row in rows if row.entry), ZERO)
    return {"bank": bank, "papers": papers, "difference": bank - papers}
