"""Reading people, visits and the queue. Every function takes the facility, or a row that belongs to one."""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from django.db.models import Case, Count, F, IntegerField, Model, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When

from his.accounts.models import Facility, Room
from his.catalogs import queries as catalogs
from his.catalogs.models import OUTSIDE_SCOPE, AdministrativeUnit, PricedService
from his.core.dates import day_range
from his.core.errors import NotFound
from his.core.text import fold, nfc
from patients import scan
from patients.models import InsuranceCard, Patient, PrescriptionSheet, QueueTicket, Visit, VitalSigns

RowT = TypeVar("RowT", bound=Model)

LIMIT = 20
_LATELY = 1000
"""How many of the last people show where the people of a facility live; more would slow the box."""
# A person with several cards is treated by the one of the highest entitlement (Luật BHYT Đ22 k2): the third
# character of the number is the level (QĐ 1351/QĐ-BHXH): 5 and 1 full, 2 full with a ceiling, 3 95 %, 4 80 %.
_LEVELS = "51234"
# Kinds of visit (QĐ 824/QĐ-BYT) that a reception desk opens, when no catalogue of them was imported.
_VISIT_TYPES = (
    ("01", "Khám bệnh"),
    ("02", "Điều trị ngoại trú"),
    ("05", "Ngoại trú bệnh mạn tính dài ngày, có khám và lĩnh thuốc"),
    ("07", "Nhận thuốc theo hẹn (không khám)"),
    ("08", "Ngoại trú bệnh mạn tính dài ngày, có khám, làm dịch vụ"),
)
_INPATIENT_TYPES = frozenset({"03", "04", "06", "09"})


def find_patients(facility: Facility, text: str, *, on: date) -> list[Patient]:
    """People that a scanned or typed text means, at most 20, best first; see `scan.read` for what is understood.

    `on` is the day of the visit. An unsupported text finds nobody.
    """
    return people_of(facility, scan.read(text, on=on))


def people_of(facility: Facility, read: scan.Scan) -> list[Patient]:
    """People that a scan means: by its numbers, else by name and birth date, so that nobody is registered twice."""
    rows = Patient.objects.for_facility(facility)
    numbers = _numbers(facility, read)
    if numbers and (known := list(_with_cards(rows.filter(numbers)).order_by("sort_name", "pk")[:LIMIT])):
        return known
    if read.kind == "name":
        return _by_name(rows, read.full_name)
    if read.full_name and read.birth:
        return same_person(facility, full_name=read.full_name, birth_year=read.birth.value.year)
    return []


def _numbers(facility: Facility, read: scan.Scan) -> Q:
    """The condition that a person has one of the numbers of a scan; empty when it has none."""
    wanted = Q()
    if read.citizen_id:
        wanted |= Q(citizen_id=read.citizen_id)
    if read.old_id_number:
        wanted |= Q(old_id_number=read.old_id_number)
    if read.card_number:
        cards = InsuranceCard.objects.for_facility(facility).filter(number=read.card_number)
        wanted |= Q(pk__in=cards.values("patient_id"))
    if read.social_insurance_no:
        wanted |= Q(social_insurance_no=read.social_insurance_no)
    if read.phone:
        # A phone number of ten digits may also be a social-insurance number; families share phones.
        wanted |= Q(phone=read.phone) | Q(guardian_phone=read.phone) | Q(social_insurance_no=read.phone)
    if read.patient_code:
        wanted |= Q(code=read.patient_code)
    if read.claim_code:
        visits = Visit.objects.for_facility(facility).filter(claim_code=read.claim_code)
        wanted |= Q(pk__in=visits.values("patient_id"))
    if read.prescription_code:
        papers = PrescriptionSheet.objects.for_facility(facility).filter(code__iexact=read.prescription_code)
        wanted |= Q(pk__in=papers.values("prescription__visit__patient_id"))
    return wanted


def _by_name(rows: QuerySet[Patient], text: str) -> list[Patient]:
    """Words in any order, marks optional, a year of birth among them, or initials; exact marks come first."""
    words = fold(text).split()
    years = [word for word in words if len(word) == 4 and word.isdigit()]
    names = [word for word in words if word not in years]
    found = Q()
    for word in names:
        found &= Q(search_name__startswith=word) | Q(search_name__contains=f" {word}")
    if len(names) == 1 and 2 <= len(names[0]) <= 6:
        found |= Q(initials=names[0])
    if not names:
        return []
    if years:
        rows = rows.filter(born_on__year__in=[int(year) for year in years])
    folded, marked = " ".join(names), nfc(" ".join(w for w in text.split() if not w.isdigit()))
    rank = Case(
        When(full_name__iexact=marked, then=Value(0)),
        When(search_name=folded, then=Value(1)),
        When(full_name__icontains=marked, then=Value(2)),
        When(search_name__contains=folded, then=Value(3)),
        default=Value(4),
        output_field=IntegerField(),
    )
    return list(_with_cards(rows.filter(found)).order_by(rank, "sort_name", "born_on", "pk")[:LIMIT])


def same_person(facility: Facility, *, full_name: str, birth_year: int) -> list[Patient]:
    """People of the same folded name and year of birth: perhaps already registered (có thể trùng)."""
    rows = Patient.objects.for_facility(facility).filter(search_name=fold(full_name)[:300], born_on__year=birth_year)
    return list(_with_cards(rows).order_by("born_on", "pk")[:LIMIT])


def _with_cards(rows: QuerySet[Patient]) -> QuerySet[Patient]:
    return rows.prefetch_related(Prefetch("cards", queryset=InsuranceCard.objects.order_by("-valid_from", "-pk")))


def usual_communes(facility: Facility, on: date, *, limit: int = 10) -> list[AdministrativeUnit]:
    """Communes of the day where most of the people registered lately live, then those near the facility."""
    lately = Patient.objects.for_facility(facility).order_by("-pk").values("pk")[:_LATELY]
    lived = Patient.objects.filter(pk__in=lately).exclude(commune_code="").values_list("commune_code")
    codes = [code for code, _ in lived.annotate(people=Count("pk")).order_by("-people", "commune_code")[:limit]]
    codes += [code for code in [facility.commune_code] if code and code not in codes]
    units = AdministrativeUnit.objects.on(on).filter(level=AdministrativeUnit.Level.COMMUNE, code__in=codes)
    found = sorted(units, key=lambda unit: codes.index(unit.code))[:limit]
    if len(found) < limit:
        near = catalogs.communes("", on=on, province_code=facility.province_code, limit=limit)
        found += [unit for unit in near if unit.code not in codes][: limit - len(found)]
    return found


def get_patient(facility: Facility, pk: int) -> Patient:
    """A person of the facility with cards, or NotFound."""
    return _found(_with_cards(Patient.objects.for_facility(facility)).filter(pk=pk).first())


def get_visit(facility: Facility, pk: int) -> Visit:
    """A visit of the facility with patient, room, card and tickets, or NotFound."""
    rows = Visit.objects.for_facility(facility).select_related("patient", "room", "department", "card", "facility")
    return _found(rows.prefetch_related("tickets__room").filter(pk=pk).first())


def get_ticket(facility: Facility, pk: int) -> QueueTicket:
    """A queue number of the facility, or NotFound."""
    rows = QueueTicket.objects.for_facility(facility).select_related(
        "visit__patient", "visit__card", "room", "facility"
    )
    return _found(rows.filter(pk=pk).first())


def get_room(facility: Facility, pk: int) -> Room:
    """An exam room of the facility, or NotFound."""
    return _found(Room.objects.for_facility(facility).filter(pk=pk, kind=Room.Kind.EXAM, is_active=True).first())


def _found(row: RowT | None) -> RowT:
    if row is None:
        raise NotFound
    return row


def card_for(patient: Patient, on: date) -> InsuranceCard | None:
    """The card that a visit on the day goes by: of those valid, the highest level, then the latest."""
    valid = [card for card in patient.cards.all() if is_valid(card, on)]
    return min(valid, key=_preference, default=None)


def is_valid(card: InsuranceCard, on: date) -> bool:
    """Whether the period of the card covers the day; the portal alone knows whether it is good."""
    return card.valid_from <= on and (card.valid_to is None or card.valid_to >= on)


def _preference(card: InsuranceCard) -> tuple[int, int, int]:
    return (_LEVELS.index(card.number[2]), -card.valid_from.toordinal(), -card.pk)


def visits_today(
    facility: Facility, day: date, *, room: Room | None = None, states: Sequence[str] = (), text: str = ""
) -> QuerySet[Any]:
    """Visits that arrived on the day, the latest first, each with `ticket_id` and `ticket_number` of its last number.

    `text` narrows to names (without marks) or the end of the claim code.
    """
    start, end = day_range(day)
    last = QueueTicket.objects.filter(visit=OuterRef("pk")).order_by("-pk")
    rows = (
        Visit.objects.for_facility(facility)
        .filter(arrived_at__gte=start, arrived_at__lt=end)
        .select_related("patient", "room", "card")
        .annotate(ticket_id=Subquery(last.values("pk")[:1]), ticket_number=Subquery(last.values("number")[:1]))
    )
    if room is not None:
        rows = rows.filter(room=room)
    if states:
        rows = rows.filter(state__in=list(states))
    for word in fold(text).split():
        rows = rows.filter(Q(patient__search_name__contains=word) | Q(claim_code__endswith=word))
    return rows.order_by("-arrived_at", "-pk")


def waiting(room: Room, day: date) -> QuerySet[QueueTicket]:
    """Numbers of the room that were not seen yet, in the order of calling; those set aside (vắng) come last."""
    states = [QueueTicket.State.WAITING, QueueTicket.State.CALLED, QueueTicket.State.SKIPPED]
    aside = Case(When(state=QueueTicket.State.SKIPPED, then=Value(1)), default=Value(0), output_field=IntegerField())
    rows = QueueTicket.objects.for_facility(room.facility).filter(room=room, day=day, state__in=states)
    return (
        rows.exclude(visit__state=Visit.State.CANCELLED)
        .select_related("visit__patient", "visit__card", "room")
        .order_by(aside, "-is_priority", "number")
    )


def ahead_of(ticket: QueueTicket) -> int:
    """How many wait for the room and are called before this number: priority numbers and lower ones."""
    before = Q(is_priority=ticket.is_priority, number__lt=ticket.number)
    if not ticket.is_priority:
        before |= Q(is_priority=True)
    return waiting(ticket.room, ticket.day).filter(before, state=QueueTicket.State.WAITING).count()


def exam_rooms(facility: Facility, day: date) -> QuerySet[Room]:
    """Rooms that a visit can be opened in, with `waiting_count` of the day, and with `exam_extra`: what an insured
    patient pays for the exam above the price of the fund, đồng; none when the price list of the day does not say."""
    mine = Q(kind=Room.Kind.EXAM, is_active=True)
    counts = (
        QueueTicket.objects.for_facility(facility)
        .filter(room=OuterRef("pk"), day=day, state__in=[QueueTicket.State.WAITING, QueueTicket.State.CALLED])
        .exclude(visit__state=Visit.State.CANCELLED)
        .values("room")
        .annotate(n=Count("pk"))
        .values("n")
    )
    exams = PricedService.objects.for_facility(facility).on(day).filter(code=OuterRef("exam_service_code"))
    extra = exams.exclude(scope_code=OUTSIDE_SCOPE).annotate(extra=F("price") - F("insured_price")).values("extra")[:1]
    rooms = Room.objects.for_facility(facility).filter(mine).select_related("department")
    return rooms.annotate(waiting_count=Subquery(counts), exam_extra=Subquery(extra)).order_by("code")


def called(facility: Facility, day: date) -> list[QueueTicket]:
    """The numbers that were called last, one for each exam room, the latest call first: what the call screen shows."""
    rows = (
        QueueTicket.objects.for_facility(facility)
        .filter(day=day, called_at__isnull=False, state__in=[QueueTicket.State.CALLED, QueueTicket.State.SERVING])
        .select_related("room")
        .order_by("room_id", "-called_at", "-pk")
        .distinct("room_id")
    )
    return sorted(rows, key=lambda ticket: (ticket.called_at, ticket.pk), reverse=True)


def triage_list(facility: Facility, day: date) -> QuerySet[Any]:
    """Visits of the day still to be seen, in order of arrival, with `measured_at` of their latest vital signs."""
    latest = VitalSigns.objects.filter(visit=OuterRef("pk")).order_by("-taken_at", "-pk")
    rows = visits_today(facility, day, states=[Visit.State.OPEN, Visit.State.IN_EXAM])
    return rows.annotate(measured_at=Subquery(latest.values("taken_at")[:1])).order_by("-priority", "arrived_at", "pk")


def latest_vitals(visit: Visit) -> VitalSigns | None:
    """The last set of vital signs of the visit."""
    return visit.vital_signs.order_by("-taken_at", "-pk").first()


def earlier_visits(patient: Patient, *, limit: int = 5) -> list[Visit]:
    """The last visits that were not cancelled, with their rooms and diagnoses."""
    rows = patient.visits.exclude(state=Visit.State.CANCELLED).select_related("room").prefetch_related("diagnoses")
    return list(rows.order_by("-arrived_at", "-pk")[:limit])


def visit_types(on: date) -> Sequence[tuple[str, str]]:
    """Kinds of outpatient visit in force on the day (loại hình KCB), from the catalogue when one was imported."""
    rows = catalogs.code_choices("visit_types", on)
    return [row for row in rows if row[0] not in _INPATIENT_TYPES] or _VISIT_TYPES
