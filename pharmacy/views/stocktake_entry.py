"""Counting: figures typed lot by lot, lots found outside the book, and filled sheets handed in."""

import tempfile
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.catalogs.loaders.sheet import CellError
from his.catalogs.queries import drug_on
from his.core.errors import NotFound, Refusal
from his.core.text import fold
from his.ui.forms import add_refusal, render_refusal, saved, status_of
from pharmacy.allocation import ZERO
from pharmacy.count_sheet import instant
from pharmacy.counting import FIRST_ROUND
from pharmacy.forms_stocktake import EntryForm, FoundLotForm, SheetForm
from pharmacy.models import StockCount, StockCountEntry, StockCountLine, StockCountMember
from pharmacy.printing.count_sheet import lines_to_count
from pharmacy.queries_stocktake import counters_of, get_count, lines_of, standing_entries
from pharmacy.services.stocktake import Found, add_found_lot, record_count
from pharmacy.services.stocktake_sheets import upload_sheet
from pharmacy.views.stocktake import head, one_context

PAGE = 100
_ENTRY, _STATE, _ONE = "pharmacy/stocktake_entry.html", "pharmacy/_stocktake_state.html", "pharmacy/stocktake_one.html"
_MOST_BYTES = 10 * 1024 * 1024
_SUFFIXES = {".xlsx", ".xls", ".ods", ".csv"}


@require_http_methods(["GET", "POST"])
@requires("pharmacy.receive")
def entry(request: DeskRequest, pk: int, position: int, round_no: int) -> HttpResponse:
    """The lots of a round with what this counter wrote down. Each figure is stored when its cell is left; sending the
    page stores what was not stored yet, all or nothing for each lot."""
    count = get_count(request.actor.facility, pk)
    counter = _counter(count, position)
    context = _entry_context(request, count, counter, round_no)
    if request.method == "GET":
        return render(request, _ENTRY, context)
    for row in context["rows"]:
        row["form"] = EntryForm(request.POST, prefix=str(row["line"].pk), initial=row["form"].initial)
        if row["form"].has_changed():
            row["entry"], row["error"], _ = _store(request, row["line"], counter, round_no, row["form"])
    if any(row["error"] for row in context["rows"]):
        return render(request, _ENTRY, context, status=422)
    saved(request, f"Đã ghi số đếm lần {round_no} của {counter.name}")
    return redirect("stock-count", count.pk)


@require_POST
@requires("pharmacy.receive")
def entry_line(request: DeskRequest, pk: int, position: int, round_no: int) -> HttpResponse:
    """Store the figure of one lot and answer the cell that says so."""
    line = _line(request, pk)
    form = EntryForm(request.POST, prefix=str(line.pk))
    entry, error, status = _store(request, line, _counter(line.count, position), round_no, form)
    return render(request, _STATE, {"entry": entry, "error": error}, status=status)


def _store(
    request: DeskRequest, line: StockCountLine, counter: StockCountMember, round_no: int, form: EntryForm
) -> tuple[StockCountEntry | None, str, int]:
    """The stored figure, or why there is none, and the status of the answer. It was counted now, or at the time that
    stands above the list when figures are copied from paper."""
    if not form.is_valid():
        return None, str(next(iter(form.errors.values()))[0]), 422
    data, now = form.cleaned_data, timezone.now()
    try:
        typed = instant(request.POST.get("counted_time", ""), snapshot_at=line.count.snapshot_at, at=now)
    except CellError as error:
        return None, error.message_vi, 422
    found = Found(line, data["counted"], data["damaged"] or ZERO, counted_at=typed or now, note=data["note"])
    try:
        stored = record_count(line=line, counter=counter, round_no=round_no, found=found, actor=request.actor, at=now)
    except Refusal as refusal:
        return None, refusal.message_vi, status_of(refusal)
    return stored, "", 200


@require_POST
@requires("pharmacy.receive")
def found_lot(request: DeskRequest, pk: int, position: int) -> HttpResponse:
    """Add a lot that is not in the count, with what was counted of it."""
    count = get_count(request.actor.facility, pk)
    counter = _counter(count, position)
    form, now = FoundLotForm(request.POST), timezone.now()
    context = {**_entry_context(request, count, counter, FIRST_ROUND), "found_form": form}
    if not form.is_valid():
        return render(request, _ENTRY, context, status=422)
    data = form.cleaned_data
    try:
        drug = drug_on(request.actor.facility, data["drug"], timezone.localdate())
        line = add_found_lot(
            count=count,
            drug=drug,
            lot_number=data["lot_number"],
            expires_on=data["expires_on"],
            actor=request.actor,
            at=now,
        )
        found = Found(line, data["counted"], data["damaged"] or ZERO, counted_at=now)
        record_count(line=line, counter=counter, round_no=FIRST_ROUND, found=found, actor=request.actor, at=now)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return render(request, _ENTRY, {**context, "refusal": refusal}, status=status_of(refusal))
    saved(request, f"Đã ghi lô {line.lot.number} của {line.lot.drug.name}")
    return redirect("stock-count-entry", count.pk, counter.position, FIRST_ROUND)


@require_POST
@requires("pharmacy.receive")
def upload(request: DeskRequest, pk: int) -> HttpResponse:
    """Take in a filled sheet, or say at which rows it must be mended."""
    count = get_count(request.actor.facility, pk)
    form, now = SheetForm(request.POST, request.FILES), timezone.now()
    if not form.is_valid():
        return render(request, _ONE, {**one_context(request, count), "sheet_form": form}, status=422)
    file = form.cleaned_data["file"]
    try:
        done = _take_in(request, count, file)
    except NotFound:
        raise
    except Refusal as refusal:
        context = {**one_context(request, count), "sheet_form": form, "problems": refusal.facts.get("problems", [])}
        return render_refusal(request, refusal, _ONE, context)
    if done.uploaded_at < now:
        saved(request, f"Tệp này đã nhận trước đây; không có gì thay đổi ({done.file_name})")
    else:
        same = f", {done.unchanged} dòng không đổi" if done.unchanged else ""
        saved(request, f"Đã nhận phiếu {done.file_name}: ghi {done.recorded} số đếm{same}")
    return redirect("stock-count", count.pk)


def _take_in(request: DeskRequest, count: StockCount, file: UploadedFile) -> Any:
    name = file.name or ""
    suffix = Path(name).suffix.lower()
    if suffix not in _SUFFIXES or (file.size or 0) > _MOST_BYTES:
        raise Refusal("bad_file", "Phiếu đếm là bảng tính .xlsx, không quá 10 MB", field="file")
    with tempfile.TemporaryDirectory(prefix="count-") as folder:
        path = Path(folder) / f"phieu{suffix}"
        with path.open("wb") as target:
            for chunk in file.chunks():
                target.write(chunk)
        return upload_sheet(count=count, path=path, file_name=name, actor=request.actor, at=timezone.now())


def _entry_context(request: DeskRequest, count: StockCount, counter: StockCountMember, round_no: int) -> dict[str, Any]:
    """Lots with this counter's own figures only: two who count do not see each other's."""
    q = request.GET.get("q", "").strip()[:100]
    lines = [line for line in _lines(count, counter, round_no) if _fits(line, fold(q))]
    standing = standing_entries(count, counter)
    page = Paginator(lines, PAGE).get_page(request.GET.get("page"))
    rows: list[dict[str, Any]] = []
    for line in page.object_list:
        known = standing.get((line.pk, round_no))
        first = {"counted": known.counted, "damaged": known.damaged or None, "note": known.note} if known else {}
        form = EntryForm(prefix=str(line.pk), initial=first)
        rows.append({"line": line, "entry": known, "form": form, "error": ""})
    first_open = next((row["form"] for row in rows if row["entry"] is None), None)
    if first_open is not None:
        first_open.fields["counted"].widget.attrs["data-focus"] = ""
    return {
        **head(request),
        "count": count,
        "counter": counter,
        "others": [one for one in counters_of(count) if one.pk != counter.pk],
        "round_no": round_no,
        "rows": rows,
        "page": page,
        "q": q,
        "counted_time": request.POST.get("counted_time", ""),
        "kept": f"q={q}&" if q else "",
        "is_counting": count.state == StockCount.State.COUNTING,
        "found_form": FoundLotForm(),
    }


def _lines(count: StockCount, counter: StockCountMember, round_no: int) -> list[StockCountLine]:
    """From the second round: what waits for it, and what this counter has counted in it already."""
    if round_no == FIRST_ROUND:
        return list(lines_of(count))
    done = {line for line, number in standing_entries(count, counter) if number == round_no}
    try:
        due = {line.pk for line in lines_to_count(count, round_no)}
    except Refusal:
        due = set()
    return [line for line in lines_of(count) if line.pk in done | due]


def _fits(line: StockCountLine, folded: str) -> bool:
    text = f"{line.lot.drug.search_name} {fold(line.lot.number)}"
    return all(word in text for word in folded.split())


def _counter(count: StockCount, position: int) -> StockCountMember:
    found = counters_of(count).filter(position=position).first()
    if found is None:
        raise NotFound("Không tìm thấy người đếm trong đợt kiểm kê này")
    return found


def _line(request: DeskRequest, pk: int) -> StockCountLine:
    rows = StockCountLine.objects.for_facility(request.actor.facility)
    found: StockCountLine | None = rows.select_related("lot__drug", "count").filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy dòng kiểm kê tại cơ sở này")
    return found
