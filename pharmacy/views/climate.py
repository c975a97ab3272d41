"""The temperature log: measuring twice a day, the sheet of a month, points, lots in quarantine, what a store keeps."""

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.core.errors import NotFound, Refusal
from his.ui.forms import add_refusal, render_refusal, saved
from pharmacy import queries_climate as log
from pharmacy.climate import AFTERNOON, MORNING, SHIFTS
from pharmacy.forms import ReasonForm
from pharmacy.forms_climate import DecisionForm, PointForm, ReadingForm, StorageForm
from pharmacy.models import ClimatePoint, ClimateReading, QuarantinedLot
from pharmacy.queries import stores
from pharmacy.services.climate import (
    add_climate_point,
    decide_quarantine,
    end_climate_point,
    record_climate,
    void_climate,
)
from pharmacy.services.stores import set_storage
from pharmacy.views.common import head, typed_day

_DAY, _MONTH, _POINTS, _LOTS, _STORAGE = (
    f"pharmacy/climate_{name}.html" for name in ("day", "month", "points", "quarantine", "storage")
)
NOON = 12


@require_http_methods(["GET", "POST"])
@requires("pharmacy.view")
def day(request: DeskRequest) -> HttpResponse:
    """Every point in one shift of a day: what was measured, and a row to write what was not."""
    asked = request.POST if request.method == "POST" else request.GET
    now = timezone.localtime()
    on = typed_day(asked.get("day"), now.date()) or now.date()
    usual = MORNING if now.hour < NOON else AFTERNOON
    shift = asked.get("shift") if asked.get("shift") in SHIFTS else usual
    rows = _rows(request, on, str(shift))
    status = 200
    if request.method == "POST":
        if not request.actor.may("pharmacy.draft"):
            raise Refusal("forbidden", "Tài khoản không có quyền làm việc này")
        if done := _record(request, rows, on, str(shift)):
            saved(request, f"Đã ghi {done} điểm, {_shift_vi(str(shift)).lower()} {on:%d/%m/%Y}")
        if not any(_is_wrong(row) for row in rows):
            return redirect(f"{request.path}?day={on:%d%m%Y}&shift={shift}")
        status = 422
        rows = [
            again if row.get("is_done") else row
            for row, again in zip(rows, _rows(request, on, str(shift), fresh=True), strict=True)
        ]
    context = {
        "rows": rows,
        "day": on,
        "shift": shift,
        "shifts": ClimateReading.Shift.choices,
        "undecided": log.undecided(request.actor.facility).count(),
        "has_form": any(row["form"] is not None for row in rows),
        "tab": "climate",
    }
    return render(request, _DAY, {**head(request), **context}, status=status)


def _rows(request: DeskRequest, on: date, shift: str, *, fresh: bool = False) -> list[dict[str, Any]]:
    """A row for each point; `not_stored` is what was typed where somebody else had already written something else, or
    had ended the point."""
    facility = request.actor.facility
    known = log.readings_of_day(facility, on)
    typed = request.POST if request.method == "POST" and not fresh else None
    may = request.actor.may("pharmacy.draft")
    rows = []
    for point in log.points_on(facility, on):
        reading = known.get((point.pk, shift))
        form = ReadingForm(typed, prefix=str(point.pk)) if may else None
        not_stored = form.typed_text() if form is not None and form.is_bound else ""
        if form is not None and (point.is_active if reading is None else form.is_told_by(reading)):
            not_stored = ""
        rows.append(
            {
                "point": point,
                "reading": reading,
                "other": known.get((point.pk, MORNING if shift == AFTERNOON else AFTERNOON)),
                "form": form if reading is None and point.is_active else None,
                "not_stored": not_stored,
            }
        )
    return rows


def _is_wrong(row: dict[str, Any]) -> bool:
    return bool(row["not_stored"]) or (row["form"] is not None and bool(row["form"].errors))


def _record(request: DeskRequest, rows: list[dict[str, Any]], on: date, shift: str) -> int:
    """Store each row that was filled; what is refused stands beside its field, the others are stored."""
    done = 0
    for row in rows:
        form = row["form"]
        if form is None or not form.is_valid() or not form.is_filled:
            continue
        try:
            record_climate(
                point=row["point"], day=on, shift=shift, **form.cleaned_data, actor=request.actor, at=timezone.now()
            )
        except Refusal as refusal:
            add_refusal(form, refusal)
        else:
            row["is_done"] = True
            done += 1
    return done


def _shift_vi(shift: str) -> str:
    return str(ClimateReading.Shift(shift).label)


@require_GET
@requires("pharmacy.view")
def month(request: DeskRequest, pk: int) -> HttpResponse:
    """The sheet of a month of one point, with its deviations."""
    today = timezone.localdate()
    on = typed_day(request.GET.get("day"), today) or today
    return render(request, _MONTH, _month_context(request, log.point(request.actor.facility, pk), on))


def _month_context(
    request: DeskRequest, point: ClimatePoint, on: date, wrong: dict[int, ReasonForm] | None = None
) -> dict[str, Any]:
    """The month of a day; `wrong` holds the form of a reading that could not be taken back."""
    found = log.readings_of_month(point, on.year, on.month)
    sheet = log.sheet_of(point, on.year, on.month, today=timezone.localdate())
    days = len(sheet.temperatures[MORNING])
    return {
        **head(request),
        "point": point,
        "on": on,
        "days": range(1, days + 1),
        "lines": [
            (
                _shift_vi(shift),
                [
                    {"temperature": t, "humidity": h, "wrong": w}
                    for t, h, w in zip(
                        sheet.temperatures[shift], sheet.humidities[shift], sheet.deviations[shift], strict=True
                    )
                ],
            )
            for shift in SHIFTS
        ],
        "missing": sheet.missing,
        "readings": [{"one": one, "form": (wrong or {}).get(one.pk) or _void_form(one.pk)} for one in reversed(found)],
        "others": log.points_in_month(request.actor.facility, on).exclude(pk=point.pk),
        "tab": "climate",
    }


def _void_form(pk: int, typed: Any = None) -> ReasonForm:
    return ReasonForm(typed, auto_id=f"id_void_{pk}_%s")


@require_POST
@requires("pharmacy.draft")
def void(request: DeskRequest, pk: int) -> HttpResponse:
    """Take back a reading that was written wrongly."""
    reading = log.readings(request.actor.facility).filter(pk=pk).first()
    if reading is None:
        raise NotFound("Không tìm thấy lần đo tại cơ sở này")
    form = _void_form(pk, request.POST)
    point = log.point(request.actor.facility, reading.point_id)
    context = {**_month_context(request, point, reading.day, {pk: form}), "form": form}
    if not form.is_valid():
        return render(request, _MONTH, context, status=422)
    try:
        void_climate(reading=reading, reason=form.cleaned_data["reason"], actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, _MONTH, context, form=form)
    again = ", hãy ghi lại" if point.is_active else ""
    saved(request, f"Đã bỏ lần đo {reading.day:%d/%m/%Y}{again}")
    return redirect(f"{reverse('climate-month', args=[reading.point_id])}?day={reading.day:%d%m%Y}")


@require_http_methods(["GET", "POST"])
@requires("pharmacy.view")
def point_list(request: DeskRequest) -> HttpResponse:
    """The points, and a new one."""
    facility = request.actor.facility
    typed = request.POST if request.method == "POST" else None
    form = PointForm(typed, stores=stores(facility))
    context = {**head(request), "form": form, "points": log.points(facility), "ended": log.ended_points(facility)}
    context["tab"] = "climate"
    if typed is None:
        return render(request, _POINTS, context)
    if not form.is_valid():
        return render(request, _POINTS, context, status=422)
    data = form.cleaned_data
    try:
        made = add_climate_point(
            store=data["store"],
            name=data["name"],
            device=data["device"],
            storage=data["storage"],
            limits=form.limits(),
            actor=request.actor,
        )
    except Refusal as refusal:
        return render_refusal(request, refusal, _POINTS, context, form=form)
    saved(request, f"Đã thêm điểm theo dõi {made.name}, {made.range.text()}")
    return redirect("climate-points")


@require_POST
@requires("pharmacy.receive")
def end_point(request: DeskRequest, pk: int) -> HttpResponse:
    """Measure a point no longer."""
    done = end_climate_point(point=log.point(request.actor.facility, pk), actor=request.actor)
    saved(request, f"Đã ngừng theo dõi {done.name}")
    return redirect("climate-points")


@require_GET
@requires("pharmacy.view")
def quarantine(request: DeskRequest) -> HttpResponse:
    """Lots that wait for a decision, and the latest decisions."""
    return render(request, _LOTS, _quarantine_context(request))


def _quarantine_context(request: DeskRequest) -> dict[str, Any]:
    facility = request.actor.facility
    decided = QuarantinedLot.objects.for_facility(facility).exclude(decision="").order_by("-decided_at")
    return {
        **head(request),
        "waiting": [{"row": row, "form": DecisionForm(prefix=str(row.pk))} for row in log.undecided(facility)],
        "decided": [
            {"row": row, "left": log.left_to_destroy(row) if row.decision == QuarantinedLot.Decision.DESTROY else None}
            for row in decided.select_related("reading__point__store", "lot__drug", "decided_by")[:50]
        ],
        "may_decide": request.actor.may("pharmacy.destroy"),
        "tab": "climate",
    }


@require_POST
@requires("pharmacy.destroy")
def decide(request: DeskRequest, pk: int) -> HttpResponse:
    """Decide about a lot in quarantine."""
    row = log.quarantined(request.actor.facility, pk)
    form = DecisionForm(request.POST, prefix=str(pk))
    context = _quarantine_context(request)
    for one in context["waiting"]:
        if one["row"].pk == pk:
            one["form"] = form
    if not form.is_valid():
        return render(request, _LOTS, {**context, "form": form}, status=422)
    try:
        done = decide_quarantine(quarantined=row, **form.cleaned_data, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, _LOTS, context, form=form)
    saved(request, f"Lô {done.lot.number}: {done.get_decision_display().lower()}")
    return redirect("climate-quarantine")


@require_http_methods(["GET", "POST"])
@requires("pharmacy.receive")
def storage(request: DeskRequest, pk: int) -> HttpResponse:
    """Say which conditions a store can keep."""
    store = stores(request.actor.facility).filter(pk=pk).first()
    if store is None:
        raise NotFound("Không tìm thấy kho tại cơ sở này")
    initial = {"is_known": store.keeps is not None, "keeps": store.keeps or []}
    form = StorageForm(request.POST if request.method == "POST" else None, initial=initial)
    context = {**head(request), "form": form, "one": store, "tab": "stores"}
    if request.method == "GET":
        return render(request, _STORAGE, context)
    if not form.is_valid():
        return render(request, _STORAGE, context, status=422)
    keeps = form.cleaned_data["keeps"] if form.cleaned_data["is_known"] else None
    try:
        set_storage(store=store, keeps=keeps, actor=request.actor)
    except Refusal as refusal:
        return render_refusal(request, refusal, _STORAGE, context, form=form)
    saved(request, f"Đã khai báo điều kiện bảo quản của {store.name}")
    return redirect("stock-stores")
