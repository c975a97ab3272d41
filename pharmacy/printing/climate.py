"""The sheet of a month of temperature and humidity on A4 across (phiếu theo dõi nhiệt độ, độ ẩm)."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text
from pharmacy import queries_climate as log
from pharmacy.climate import SHIFTS
from pharmacy.models import ClimatePoint, ClimateReading

MONTH = Form("climate_month", "Phiếu theo dõi nhiệt độ, độ ẩm", Path(__file__).with_name("climate_month.typ"))
_LAST_MONTH = 12


@service(action="pharmacy.print_climate_month", permission="pharmacy.view")
def print_climate_month(*, point: ClimatePoint, year: int, month: int, actor: Actor, at: datetime) -> bytes:
    """The sheet of a point for a month as PDF: days 1 to 31, morning and afternoon, deviations below."""
    data = month_data(point, year, month, today=local(at).date())
    number = f"{point.store.code}-{point.pk}-{year}{month:02d}"
    return print_form(form=MONTH, obj=point, data=data, number=number, actor=actor, at=at)


def month_data(point: ClimatePoint, year: int, month: int, *, today: date) -> dict[str, Any]:
    """What the sheet says."""
    sheet = log.sheet_of(point, year, month, today=today)
    found = log.readings_of_month(point, year, month)
    names = {one.recorded_by_id: one.recorded_by.display_name for one in found}
    legend = sorted((mark, names[pk]) for pk, mark in log.recorders(found).items())
    return {
        "store": point.store.name,
        "point": point.name,
        "device": point.device,
        "range": point.range.text(),
        "month": f"{month:02d}/{year}",
        "days": [str(day) for day in range(1, len(sheet.temperatures[SHIFTS[0]]) + 1)],
        "shifts": [
            {
                "name": ClimateReading.Shift(shift).label,
                "temperatures": sheet.temperatures[shift],
                "humidities": sheet.humidities[shift],
                "recorders": sheet.recorders[shift],
                "deviations": sheet.deviations[shift],
            }
            for shift in SHIFTS
        ],
        "missing": str(sheet.missing),
        "people": [f"{mark} = {name}" for mark, name in legend],
        "events": [_event(one) for one in found if one.deviation],
    }


def _event(one: ClimateReading) -> list[str]:
    lots = [
        f"lô {row.lot.number}: {row.get_decision_display().lower() if row.decision else 'chờ quyết định'}"
        for row in one.quarantined.select_related("lot").order_by("pk")
    ]
    when = f"{day_text(one.day)}, {one.get_shift_display().lower()}"
    return [when, one.deviation, one.action, "; ".join(lots), one.recorded_by.display_name]


@require_GET
@requires("pharmacy.view")
def month_pdf(request: DeskRequest, pk: int, year: int, month: int) -> HttpResponse:
    """The sheet of a month of a point of the user's facility."""
    point = log.point(request.actor.facility, pk)
    if not (1 <= month <= _LAST_MONTH and date.min.year < year < date.max.year):
        raise NotFound("Không có tháng này")
    pdf = print_climate_month(point=point, year=year, month=month, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"nhiet-do-{pk}-{year}{month:02d}.pdf")
