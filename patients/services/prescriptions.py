"""The prescription of an exam while it is open (kê đơn, TT 26/2025/TT-BYT)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from patients import dosing
from patients.models import Exam, Prescription, PrescriptionLine
from patients.notices import Stage
from patients.queries_clinical import days_allowed, main_code
from patients.services.counters import next_number
from patients.services.exams import editable, licensed
from patients.services.safety import Reason, examine_safety

DOSE_MAX = Decimal(1000)
QUANTITY_MAX = Decimal(9999)
_TIMES = ("morning", "noon", "afternoon", "evening")


@dataclass(frozen=True, slots=True)
class LineInput:
    """One drug as the doctor typed it. Doses in units of the drug, or ml for drugs counted by volume.

    `quantity` None: computed from doses and days; a given one stands.
    """

    drug: Drug
    morning: Decimal = Decimal(0)
    noon: Decimal = Decimal(0)
    afternoon: Decimal = Decimal(0)
    evening: Decimal = Decimal(0)
    days: int = 1
    quantity: Decimal | None = None
    usage: str = ""
    is_insured: bool = True

    @property
    def doses(self) -> dosing.Doses:
        return dosing.Doses(self.morning, self.noon, self.afternoon, self.evening)

    @property
    def computed(self) -> Decimal:
        """The quantity that follows from doses and days; zero when it must be given."""
        return dosing.quantity_of(self.drug.quantity_rule, self.drug.pack_size, self.doses, self.days)


@service(action="patients.prescribe", permission="patients.examine")
def prescribe(
    *,
    exam: Exam,
    lines: Sequence[LineInput],
    actor: Actor,
    at: datetime,
    note: str = "",
    reasons: Mapping[str, Reason] | None = None,
) -> Prescription:
    """Replace the lines of the exam's prescription by these (kê đơn). No lines: nothing is prescribed.

    Afterwards each line has a positive quantity in units of dispensing. Refuses, naming `lines-<n>-<field>`: a drug
    that is not on the list of the day, a drug twice, doses or days that are not possible, more than 30 days (90 for
    the diseases of annex VII of TT 26/2025/TT-BYT, fewer for drugs under special control), a quantity of zero. Refuses
    a signed exam.

    The lines are checked for safety. What is found stops nothing before signing; `reasons` given for it, by the key of
    the notice, are kept, and so is what could not be checked.
    """
    exam = editable(exam)
    if at < exam.started_at:
        raise Refusal("before_exam", "Giờ kê đơn trước giờ bắt đầu khám", field="prescribed_at")
    quantities = checked_quantities(exam, lines, local(at).date())
    prescription = _draft(exam, actor, at, fitting(nfc(note), 1000, "note"))
    PrescriptionLine.objects.bulk_create(drafted_lines(prescription, lines, quantities))
    audit_facts(lines=len(lines))
    if lines:
        examine_safety(exam, prescription.prescribed_by, Stage.ORDER, reasons or {}, actor, at)
    return prescription


def drafted_lines(
    prescription: Prescription, lines: Sequence[LineInput], quantities: Sequence[Decimal]
) -> list[PrescriptionLine]:
    """The rows for what was typed, not stored; `quantities` come from `checked_quantity`."""
    exam = prescription.exam
    return [
        PrescriptionLine(
            facility=exam.facility,
            prescription=prescription,
            position=number,
            drug=line.drug,
            morning=line.morning,
            noon=line.noon,
            afternoon=line.afternoon,
            evening=line.evening,
            days=line.days,
            quantity=quantity,
            usage=nfc(line.usage),
            is_insured=line.is_insured and exam.visit.is_insured,
        )
        for number, (line, quantity) in enumerate(zip(lines, quantities, strict=True), start=1)
    ]


def checked_quantities(exam: Exam, lines: Sequence[LineInput], day: date) -> list[Decimal]:
    """The quantity of each line after all checks; refuses beside `lines-<n>-<field>` as `prescribe` says."""
    _refuse_repeats(lines)
    main = main_code(exam)
    usual = _days_allowed(main, lines, day)
    return [
        checked_quantity(line, f"lines-{i}", exam, day, dosing.days_allowed_of(line.drug.control_class, main, usual))
        for i, line in enumerate(lines)
    ]


def new_number(exam: Exam, at: datetime) -> str:
    """The next number of a prescription of the facility in the year."""
    year = local(at).year
    number = next_number(facility=exam.facility, series=f"prescription:{year}")
    return f"{exam.facility.code}.DT{year % 100:02d}.{number:06d}"


def _days_allowed(main: str, lines: Sequence[LineInput], day: date) -> int:
    """What the diagnosis allows; it matters only for more days than every disease allows, and for controlled drugs."""
    if all(line.days <= dosing.DAYS_MAX and line.drug.control_class not in dosing.AUTHORISED_ONLY for line in lines):
        return dosing.DAYS_MAX
    return days_allowed(main, day)


def _draft(exam: Exam, actor: Actor, at: datetime, note: str) -> Prescription:
    """The exam's prescription without lines: a new one, or the stored one whose lines are to be replaced."""
    doctor = licensed(actor)
    known = Prescription.objects.select_for_update().filter(exam=exam).first()
    if known is None:
        return Prescription.objects.create(
            facility=exam.facility,
            visit=exam.visit,
            exam=exam,
            number=new_number(exam, at),
            note=note,
            prescribed_by=doctor,
            prescribed_at=at,
        )
    known.lines.all().delete()
    known.note, known.prescribed_by, known.prescribed_at = note, doctor, at
    known.save(update_fields=["note", "prescribed_by", "prescribed_at"])
    return known


def _refuse_repeats(lines: Sequence[LineInput]) -> None:
    seen: set[str] = set()
    for index, line in enumerate(lines):
        if line.drug.code in seen:
            message = f"{line.drug.name} đã có trong đơn"
            raise Refusal("repeated", message, field=f"lines-{index}-drug", wrong=line.drug.code)
        seen.add(line.drug.code)


def checked_quantity(line: LineInput, where: str, exam: Exam, day: date, allowed: int) -> Decimal:
    """The quantity of a line after all its checks; refuses beside `<where>-<field>`."""
    _refuse_drug(line, where, exam, day)
    _refuse_days(line.days, where, allowed)
    for time in _TIMES:
        dose: Decimal = getattr(line, time)
        if not dose.is_finite() or dose < 0 or dose >= DOSE_MAX or dose != round(dose, 2):
            raise Refusal("dose", "Liều phải từ 0 đến 999, không quá 2 số lẻ", field=f"{where}-{time}")
    if line.quantity is None and not line.computed:
        if line.drug.quantity_rule == dosing.PACK:
            raise Refusal("no_quantity", f"Hãy ghi số lượng ({line.drug.unit})", field=f"{where}-quantity")
        raise Refusal("no_dose", "Chưa ghi liều dùng", field=f"{where}-morning")
    quantity = line.computed if line.quantity is None else line.quantity
    if not quantity.is_finite() or quantity <= 0:
        raise Refusal("quantity", "Số lượng phải lớn hơn 0", field=f"{where}-quantity")
    if quantity > QUANTITY_MAX or quantity != round(quantity, 3):
        raise Refusal("quantity", "Số lượng tối đa 9.999, không quá 3 số lẻ", field=f"{where}-quantity")
    fitting(nfc(line.usage), 500, f"{where}-usage")
    return quantity


def _refuse_drug(line: LineInput, where: str, exam: Exam, day: date) -> None:
    drug = line.drug
    if drug.facility_id != exam.facility_id:
        raise NotFound
    if drug.valid_from > day or (drug.valid_to is not None and drug.valid_to < day):
        message = f"{drug.name} không có trong danh mục thuốc của ngày này"
        raise Refusal("not_in_force", message, field=f"{where}-drug", wrong=drug.code)


def _refuse_days(days: int, where: str, allowed: int) -> None:
    if days < 1:
        raise Refusal("days", "Số ngày ít nhất là 1", field=f"{where}-days")
    if days > allowed:
        extra = "; bệnh chính không thuộc danh mục được kê đến 90 ngày" if allowed == dosing.DAYS_MAX else ""
        if allowed < dosing.DAYS_MAX:
            extra = "; thuốc phải kiểm soát đặc biệt"
        raise Refusal(
            "days", f"Được kê tối đa {allowed} ngày{extra} (TT 26/2025)", field=f"{where}-days", allowed=allowed
        )
