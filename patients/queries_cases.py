"""Reading cases of infectious diseases: what is to be reported until when, and what the sheet of a case says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, DateTimeField, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Least

from his.accounts.models import Facility
from his.catalogs import queries as catalogs
from his.core.dates import local
from his.core.errors import NotFound
from his.core.text import fold
from his.ui.text import day_text
from patients.models import CaseEvent, DiseaseCase
from patients.naming import guardian_text

URGENT_HOURS = 12
"""A case whose report is due within so many hours, or late, is urgent."""
DISCHARGE_DAYS = 60
"""So long after its report a case stands in the list of those whose outcome is to be told."""
_STANDS = ~Q(state=DiseaseCase.State.EXCLUDED)
_OPEN = Q(state=DiseaseCase.State.OPEN, due_at__isnull=False)
_DEATH = _STANDS & Q(died_at__isnull=False, death_reported_at__isnull=True)


def with_clock(facility: Facility) -> QuerySet[Any]:
    """The cases of a facility, each with `next_due`: the first instant until which something must be reported.

    `last_review` is what decides `needs_review`.
    """
    clock = Least(
        Case(When(_OPEN, then=F("due_at")), default=Value(None), output_field=DateTimeField()),
        Case(When(_DEATH, then=F("death_due_at")), default=Value(None), output_field=DateTimeField()),
    )
    reviews = CaseEvent.objects.filter(case=OuterRef("pk"), kind__in=[CaseEvent.Kind.AMENDED, CaseEvent.Kind.SHEET])
    last = reviews.order_by("-at", "-pk").values("kind")[:1]
    rows = DiseaseCase.objects.for_facility(facility).annotate(next_due=clock, last_review=Subquery(last))
    return rows.select_related("patient", "visit", "exam__doctor")


def cases_to_report(facility: Facility) -> QuerySet[Any]:
    """Cases and deaths that are not reported yet, the one with the least time first."""
    return with_clock(facility).filter(_OPEN | _DEATH).order_by("next_due", "pk")


def cases_to_follow(facility: Facility, on: date) -> QuerySet[DiseaseCase]:
    """Reported cases that want more: their entry on the system, or their outcome (of the last 60 days)."""
    waiting = Q(state=DiseaseCase.State.REPORTED, detected_on__gte=on - timedelta(days=DISCHARGE_DAYS))
    other = _STANDS & Q(channel=DiseaseCase.Channel.OTHER)
    return with_clock(facility).filter(waiting | other).order_by("reported_at", "pk")


def cases_between(facility: Facility, start: date, end: date) -> QuerySet[DiseaseCase]:
    """All cases detected from one day to another, the counted and the excluded too, newest first."""
    return with_clock(facility).filter(detected_on__gte=start, detected_on__lte=end).order_by("-detected_at", "-pk")


def urgent_count(facility: Facility, at: datetime) -> int:
    """How many cases have a report that is late or due within 12 hours; asked on each page, by two partial indexes."""
    until = at + timedelta(hours=URGENT_HOURS)
    urgent = _OPEN & Q(due_at__lte=until) | _DEATH & Q(death_due_at__lte=until)
    return DiseaseCase.objects.for_facility(facility).filter(urgent).count()


def get_case(facility: Facility, pk: int) -> DiseaseCase:
    """A case of the facility, or NotFound."""
    rows = with_clock(facility).select_related("exam__room", "facility", "reported_by", "visit__card")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


# The sheet


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a case sheet; `value` is empty when nobody knows it yet."""

    label: str
    value: str
    is_asked: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """One of the five blocks of a case sheet (TT 15/2026/TT-BYT)."""

    title: str
    items: tuple[Item, ...]


def sheet_of(case: DiseaseCase) -> list[Block]:
    """The five blocks of the case sheet: administrative, epidemiology, agent, clinical, specimens and tests."""
    return [
        Block("1. Hành chính", _person(case)),
        Block(
            "2. Dịch tễ",
            (
                Item("Ngày khởi phát", day_text(case.onset_on) if case.onset_on else ""),
                Item("Yếu tố tiếp xúc", case.contact_history),
                Item("Đi lại, vùng dịch", case.travel_history),
                Item("Tiêm chủng", case.vaccination),
            ),
        ),
        Block("3. Tác nhân", (Item("Tác nhân", case.agent),)),
        Block("4. Lâm sàng, chẩn đoán, điều trị", _clinical(case)),
        Block(
            "5. Mẫu bệnh phẩm, xét nghiệm",
            (
                Item("Mẫu bệnh phẩm", case.specimen),
                Item("Ngày lấy mẫu", day_text(case.specimen_on) if case.specimen_on else ""),
                Item("Xét nghiệm, kết quả", case.test_result),
            ),
        ),
    ]


def missing_of(blocks: Sequence[Block]) -> list[str]:
    """What the sheet asks and nobody has said."""
    return [item.label for block in blocks for item in block.items if item.is_asked and not item.value]


def _person(case: DiseaseCase) -> tuple[Item, ...]:
    patient, day = case.patient, case.detected_on
    phone = patient.phone or patient.guardian_phone
    place = catalogs.unit_name("commune", patient.commune_code, day)
    is_named = fold(place) in fold(patient.address)
    address = patient.address if is_named else ", ".join(filter(None, [patient.address, place]))
    return (
        Item("Họ và tên", patient.full_name),
        Item("Ngày sinh", patient.birth.text()),
        Item("Giới tính", patient.get_sex_display()),
        Item("Số định danh", patient.citizen_id),
        Item("Dân tộc", catalogs.code_name("ethnic_groups", patient.ethnicity_code, day)),
        Item("Nghề nghiệp", catalogs.code_name("occupations", patient.occupation_code, day)),
        Item("Nơi ở", address),
        Item("Nơi học, làm việc", case.workplace),
        Item("Điện thoại", phone),
        Item("Người giám hộ", guardian_text(patient), is_asked=False),
    )


def _clinical(case: DiseaseCase) -> tuple[Item, ...]:
    died = f"Tử vong {local(case.died_at):%H:%M %d/%m/%Y}" if case.died_at else ""
    return (
        Item("Khám phát hiện", f"{local(case.detected_at):%H:%M %d/%m/%Y}, lượt khám {case.visit.claim_code}"),
        Item("Triệu chứng", case.symptoms),
        Item("Chẩn đoán", f"{case.diagnosis_code} {case.diagnosis_name}"),
        Item("Phân loại ca", case.get_case_class_display()),
        Item("Điều trị", case.treatment),
        Item("Kết quả", ". ".join(filter(None, [case.outcome, died]))),
    )
