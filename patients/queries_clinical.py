"""What the doctor's and the technician's desks read. Nothing here writes, nothing here reads a clock."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from his.accounts.models import Department, Facility, Room, Staff
from his.catalogs.models import Diagnosis, DiagnosisPair, Drug, LongPrescriptionDisease
from his.core.dates import age_text, day_range, local
from his.core.errors import NotFound
from his.core.text import nfc
from his.ui.text import decimal_text
from patients import dosing, hooks
from patients.models import (
    Exam,
    Patient,
    Prescription,
    PrescriptionLine,
    PrescriptionRefusal,
    QueueTicket,
    ServiceOrder,
    Visit,
    VisitDiagnosis,
)

FAVOURITE_DAYS = 90
"""How far back a doctor's own habits are looked up."""
FAVOURITE_RECORDS = 200
"""How many of the doctor's last exams or prescriptions show the habits; more would slow the search boxes."""

# Cost groups (MA_NHOM, QĐ 5937/QĐ-BYT): where a service of the group is performed.
_ROOM_OF_GROUP = {
    "1": Room.Kind.LAB,
    "2": Room.Kind.IMAGING,
    "3": Room.Kind.IMAGING,
    "8": Room.Kind.PROCEDURE,
    "18": Room.Kind.PROCEDURE,
}


def performing_department(facility: Facility, group_code: str) -> Department | None:
    """The department that performs services of a cost group here; None when the facility has no such room."""
    kind = _ROOM_OF_GROUP.get(group_code)
    if kind is None:
        return None
    rooms = Room.objects.for_facility(facility).filter(kind=kind, is_active=True)
    room = rooms.select_related("department").order_by("code").first()
    return room.department if room else None


# Prescribing


def days_allowed(main_code: str, on: date) -> int:
    """Most days that may be prescribed on the day with this main diagnosis (TT 26/2025/TT-BYT)."""
    if not main_code:
        return dosing.DAYS_MAX
    category = main_code[:3]
    rows = LongPrescriptionDisease.objects.on(on)
    likely = rows.filter(Q(icd_expression__contains=category) | Q(icd_expression__regex="-|–|đến"))
    return dosing.days_allowed(main_code, likely.values_list("icd_expression", flat=True))


def drugs_by_code(facility: Facility, codes: Sequence[str], on: date) -> dict[str, Drug]:
    """Drugs of the facility's list of the day by code; unknown codes and those of supplies are absent."""
    rows = Drug.objects.for_facility(facility).medicines().on(on).filter(code__in=[nfc(code)[:50] for code in codes])
    return {drug.code: drug for drug in rows}


def main_code(exam: Exam) -> str:
    """The code of the main diagnosis; empty when none is named yet."""
    return VisitDiagnosis.objects.filter(exam=exam, is_main=True).values_list("code", flat=True).first() or ""


def usable_stock(facility: Facility, drugs: Iterable[Drug], on: date) -> dict[int, Decimal]:
    """Usable quantity by drug id; drugs without stock are absent."""
    ids = [drug.pk for drug in drugs]
    return hooks.usable_stock(facility, ids, on) if ids else {}


def stock_in_words(usable: Decimal | None) -> str:
    """As a row says it: "tồn 1.274", or "hết" when there is none."""
    return f"tồn {decimal_text(usable)}" if usable else "hết"


# Warnings of diagnoses: what is odd but allowed


@dataclass(frozen=True, slots=True)
class DiagnosisWarning:
    """Something the doctor should look at; it does not stop signing."""

    code: str
    message_vi: str


def diagnosis_warnings(exam: Exam) -> list[DiagnosisWarning]:
    """What is odd about the stored diagnoses of an exam."""
    rows = list(exam.diagnoses.all())
    main = next((row.code for row in rows if row.is_main), "")
    others = [row.code for row in rows if not row.is_main]
    return warnings_of_codes(main, others, exam.visit.patient, local(exam.started_at).date())


def warnings_of_codes(main: str, others: Sequence[str], patient: Patient, day: date) -> list[DiagnosisWarning]:
    """What is odd about diagnoses: a more specific code exists, the age does not fit, half a dagger pair, and so on."""
    chosen = [code for code in [main, *others] if code]
    known = {row.code: row for row in Diagnosis.objects.on(day).filter(code__in=chosen)}
    found = [
        DiagnosisWarning(code, message)
        for code in chosen
        if code in known
        for message in warnings_of(known[code], patient, day, is_main=code == main)
    ]
    return found + _pair_warnings(main, chosen, day)


def _pair_warnings(main: str, chosen: Sequence[str], day: date) -> list[DiagnosisWarning]:
    """Dagger and asterisk codes always go together, one of the two as the main one (mã kép, QĐ 4469 annex A1)."""
    pairs = list(DiagnosisPair.objects.on(day).filter(Q(asterisk_code__in=chosen) | Q(dagger_code__in=chosen)))
    whole = [pair for pair in pairs if pair.dagger_code in chosen and pair.asterisk_code in chosen]
    paired = {code for pair in whole for code in (pair.dagger_code, pair.asterisk_code)}
    found = []
    for pair in whole:
        if main in {pair.dagger_code, pair.asterisk_code} and main != (right := _main_of(pair, day)):
            message = f"cặp {pair.dagger_code}† {pair.asterisk_code}*: bệnh chính phải là {right}"
            found.append(DiagnosisWarning(main, message))
    for code in chosen:
        if code in paired:
            continue
        if partners := [pair.dagger_code for pair in pairs if pair.asterisk_code == code]:
            found.append(DiagnosisWarning(code, f"mã (*) phải đi kèm mã (†): {_some(partners)}"))
        elif partners := [pair.asterisk_code for pair in pairs if pair.dagger_code == code]:
            found.append(DiagnosisWarning(code, f"mã (†) phải đi kèm mã (*): {_some(partners)}"))
    return found


def _main_of(pair: DiagnosisPair, day: date) -> str:
    """The main code of a pair; the later list of codes that may not be main (TT 06/2026) goes before annex A1."""
    if not Diagnosis.objects.on(day).filter(code=pair.main_code, not_as_main=True).exists():
        return pair.main_code
    return pair.dagger_code if pair.main_code == pair.asterisk_code else pair.asterisk_code


def _some(codes: Sequence[str]) -> str:
    """The first codes of a list; a dagger code may have dozens of partners."""
    distinct = sorted(set(codes))
    return ", ".join(distinct[:4]) + (" …" if len(distinct) > 4 else "")


def warnings_of(diagnosis: Diagnosis, patient: Patient, day: date, *, is_main: bool) -> list[str]:
    """What is odd about one diagnosis for this person on the day."""
    found = []
    if diagnosis.has_more_specific:
        found.append("có mã chi tiết hơn")
    if is_main and diagnosis.discouraged_as_main:
        found.append("không nên làm bệnh chính")
    age = (day - patient.born_on).days
    if patient.birth_precision == Patient.Precision.DAY and (
        (diagnosis.age_min_days is not None and age < diagnosis.age_min_days)
        or (diagnosis.age_max_days is not None and age > diagnosis.age_max_days)
    ):
        found.append(f"không hợp tuổi ({age_text(patient.born_on, day)})")
    if (diagnosis.mainly_female and patient.sex == "1") or (diagnosis.mainly_male and patient.sex == "2"):
        found.append("thường gặp ở giới kia")
    return found


# The visit at the desk

_TICKET_ORDER = (
    QueueTicket.State.SERVING,
    QueueTicket.State.CALLED,
    QueueTicket.State.WAITING,
    QueueTicket.State.SKIPPED,
    QueueTicket.State.DONE,
)


def tickets_of_room(room: Room, day: date) -> list[QueueTicket]:
    """The numbers of a room on the day: being served, called, waiting (priority first), set aside, done."""
    order = Case(
        *[When(state=state, then=Value(rank)) for rank, state in enumerate(_TICKET_ORDER)],
        default=Value(len(_TICKET_ORDER)),
        output_field=IntegerField(),
    )
    rows = QueueTicket.objects.for_facility(room.facility_id).filter(room=room, day=day)
    rows = rows.exclude(visit__state=Visit.State.CANCELLED).select_related("visit__patient")
    return list(rows.order_by(order, "-is_priority", "number"))


def current_exam(visit: Visit) -> Exam | None:
    """The exam that a desk goes on with: the open one, else the last signed one, with its diagnoses read.

    None when the visit waits: for its first exam, or for the next one in the room that it was sent on to.
    """
    last = last_exam(visit)
    return None if last is not None and last.is_signed and visit.state == Visit.State.OPEN else last


def last_exam(visit: Visit) -> Exam | None:
    """The open exam of a visit, else the last signed one, also when the visit was sent on."""
    rows = visit.exams.select_related("room", "department", "doctor", "visit__patient", "facility", "signed_by")
    return rows.prefetch_related("diagnoses").order_by("signed_at", "pk").last() if visit.pk else None


def orders_of(visit: Visit) -> list[ServiceOrder]:
    """Orders of a visit with their results, in the order they were made; cancelled ones too."""
    rows = visit.orders.select_related("service", "department", "performed_by")
    return list(rows.prefetch_related("results").order_by("ordered_at", "pk"))


def lines_of(prescription: Prescription) -> list[PrescriptionLine]:
    """Lines of a prescription with their drugs."""
    return list(prescription.lines.select_related("drug", "sheet"))


def prescription_of(exam: Exam) -> Prescription | None:
    """The prescription of an exam, with its lines and drugs; None when nothing is prescribed."""
    rows = Prescription.objects.filter(exam=exam, voided_at__isnull=True).prefetch_related("lines__drug")
    found = rows.first()
    return found if found is not None and list(found.lines.all()) else None


def sent_back(room: Room, day: date) -> list[PrescriptionRefusal]:
    """Prescriptions of a room that the pharmacy sent back and that still wait for the doctor, oldest first.

    Those of visits that are not closed, signed within a week of the day.
    """
    start, _ = day_range(day - timedelta(days=7))
    rows = PrescriptionRefusal.objects.for_facility(room.facility_id).filter(
        withdrawn_at__isnull=True,
        prescription__exam__room=room,
        prescription__signed_at__gte=start,
        prescription__voided_at__isnull=True,
    )
    rows = rows.exclude(prescription__visit__state__in=[Visit.State.CLOSED, Visit.State.CANCELLED])
    return list(rows.select_related("prescription__visit__patient", "by").order_by("at", "pk"))


def refusals_of(prescription: Prescription) -> list[PrescriptionRefusal]:
    """Every time that the pharmacy sent a prescription back, oldest first."""
    return list(prescription.refusals.select_related("by", "withdrawn_by").order_by("at", "pk"))


def signed_prescription(facility: Facility, pk: int) -> Prescription:
    """A signed prescription of the facility with its lines, also one that was replaced; NotFound for any other."""
    rows = Prescription.objects.for_facility(facility).filter(signed_at__isnull=False, pk=pk)
    found: Prescription | None = rows.prefetch_related("lines__drug").first()
    if found is None:
        raise NotFound
    return found


def earlier_exams(visit: Visit, current: Exam | None = None, limit: int = 6) -> list[Exam]:
    """Signed exams of the same person before the current one, newest first, with diagnoses and prescribed drugs.

    An exam of the same visit in another room is among them.
    """
    rows = Exam.objects.for_facility(visit.facility).filter(visit__patient=visit.patient_id, signed_at__isnull=False)
    rows = rows.exclude(pk=current.pk if current else None).select_related("visit", "doctor", "room")
    return list(rows.prefetch_related("diagnoses", "prescriptions__lines__drug").order_by("-started_at")[:limit])


def copyable_prescription(visit: Visit, prescription_id: int) -> Prescription | None:
    """An earlier signed prescription of the same person; None for any other."""
    rows = Prescription.objects.for_facility(visit.facility).filter(
        signed_at__isnull=False, visit__patient=visit.patient_id
    )
    return rows.filter(pk=prescription_id).prefetch_related("lines__drug").first()


# The doctor's habits


def favourite_diagnoses(doctor: Staff, at: datetime, limit: int = 10) -> list[str]:
    """Codes that the doctor used most in the last months."""
    exams = Exam.objects.filter(doctor=doctor, started_at__gte=at - timedelta(days=FAVOURITE_DAYS))
    rows = VisitDiagnosis.objects.filter(exam__in=exams.order_by("-pk").values("pk")[:FAVOURITE_RECORDS]).values("code")
    return [row["code"] for row in rows.annotate(times=Count("pk")).order_by("-times", "code")[:limit]]


def favourite_lines(doctor: Staff, at: datetime, drugs: Sequence[Drug] = (), limit: int = 10) -> list[PrescriptionLine]:
    """How the doctor last prescribed each drug, most used first; narrowed to the codes of `drugs` when given."""
    since = at - timedelta(days=FAVOURITE_DAYS)
    written = Prescription.objects.filter(
        prescribed_by=doctor, prescribed_at__gte=since, voided_at__isnull=True
    ).order_by("-pk")
    rows = PrescriptionLine.objects.filter(prescription__in=written.values("pk")[:FAVOURITE_RECORDS])
    if drugs:
        rows = rows.filter(drug__code__in=[drug.code for drug in drugs])
    recent = list(rows.select_related("drug").order_by("-pk"))
    times = Counter(line.drug.code for line in recent)
    last: dict[str, PrescriptionLine] = {}
    for line in recent:
        last.setdefault(line.drug.code, line)
    return [last[code] for code, _ in times.most_common(limit)]


# The technician's desk


def waiting_orders(
    facility: Facility, *, department: Department | None = None, since: date | None = None
) -> QuerySet[ServiceOrder]:
    """Orders that wait for a result, oldest first, with what a list shows."""
    rows = ServiceOrder.objects.for_facility(facility).filter(state=ServiceOrder.State.ORDERED)
    rows = rows.exclude(visit__state__in=[Visit.State.CANCELLED, Visit.State.CLOSED])
    if department is not None:
        rows = rows.filter(department=department)
    if since is not None:
        rows = rows.filter(ordered_at__gte=day_range(since)[0])
    return rows.select_related("service", "visit__patient", "department", "exam").order_by(
        "-visit__priority", "ordered_at", "pk"
    )


def lately_performed(
    facility: Facility, day: date, *, department: Department | None = None, limit: int = 10
) -> list[ServiceOrder]:
    """Orders whose result was given on the day, the last first: to look at again or to correct."""
    start, end = day_range(day)
    rows = ServiceOrder.objects.for_facility(facility).filter(result_at__gte=start, result_at__lt=end)
    if department is not None:
        rows = rows.filter(department=department)
    return list(rows.select_related("service", "visit__patient").order_by("-result_at", "-pk")[:limit])


def desk_order(facility: Facility, order_id: int) -> ServiceOrder | None:
    """An order of the facility with what the results desk shows; None when it is not one of the facility."""
    rows = ServiceOrder.objects.for_facility(facility).prefetch_related("results")
    related = ("service", "visit__patient", "visit__card", "exam__doctor", "exam__room", "department", "performed_by")
    return rows.select_related(*related).filter(pk=order_id).first()


def performing_departments(facility: Facility) -> list[Department]:
    """Departments with a room where services are performed."""
    kinds = [Room.Kind.LAB, Room.Kind.IMAGING, Room.Kind.PROCEDURE]
    rows = Department.objects.for_facility(facility).filter(rooms__kind__in=kinds, is_active=True)
    return list(rows.distinct().order_by("code"))
