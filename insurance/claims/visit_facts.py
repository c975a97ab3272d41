"""What a claim says of a visit as a whole, told from its record: when it ended, its diseases, how it went on."""

from datetime import datetime, time, timedelta

from his.core.dates import VIETNAM, local
from insurance.claims.gather import Record
from insurance.claims.supply import days_supplied
from insurance.standards import PartialDate
from patients import naming
from patients.models import Exam, Patient
from patients.services.exams import OTHERS_MAX
from patients.services.outcomes import TRANSFERS

INPATIENT_TYPES = frozenset({"03", "04", "09"})
"""Visit types that lie in a ward: inpatient and day treatment (MA_LOAI_KCB, QĐ 1804/QĐ-BYT 2026)."""
COURSE_TYPES = frozenset({"02", "05", "07"})
"""Visit types that end with the last day of the drugs handed out, at 23:59 (QĐ 4750, NGAY_RA)."""

_DISCHARGE = {
    Exam.Outcome.HOME: "1",
    Exam.Outcome.FOLLOW_UP: "1",
    Exam.Outcome.HOME_REQUEST: "4",
    Exam.Outcome.TRANSFER: "2",
    Exam.Outcome.TRANSFER_REQUEST: "5",
}


def claim_end(record: Record) -> datetime:
    """When the visit ends for the claim: for drug courses the last day of the drugs at 23:59 (QĐ 4750).

    Who is transferred ends when leaving.
    """
    ended = local(record.visit.ended_at or record.visit.arrived_at)
    days = days_supplied(record)
    is_transferred = bool(record.exams) and record.exam.outcome in TRANSFERS
    if record.visit.visit_type not in COURSE_TYPES or days == 0 or is_transferred:
        return ended
    return datetime.combine(ended.date() + timedelta(days=days - 1), time(23, 59), tzinfo=VIETNAM)


def treatment_days(record: Record) -> int:
    """SO_NGAY_DTRI (QĐ 4750), by visit type: 0, days of drugs, days with a service, or last less first day plus one."""
    kind, ended = record.visit.visit_type, claim_end(record)
    if kind == "05":
        return days_supplied(record)
    if kind == "08":
        return len({local(line.charge.ordered_at).date() for line in record.lines})
    if kind in {"02", "03", "04", "06"}:
        return (ended.date() - local(record.visit.arrived_at).date()).days + 1
    return 0


def birth_of(patient: Patient) -> PartialDate:
    """The birth date as far as it is known."""
    born, known = patient.born_on, patient.birth_precision
    return PartialDate(born.year, None if known == "year" else born.month, born.day if known == "day" else None)


def diagnosis_text(record: Record) -> str:
    """All diagnoses of the visit as printed: code - name, main first, each once."""
    return naming.diagnosis_text(record.diagnoses)


def main_code(record: Record) -> str:
    """The main disease of the last exam (MA_BENH_CHINH); those of earlier exams are among the others."""
    first = record.diagnoses[0].code if record.diagnoses else ""
    return next((d.code for d in record.diagnoses if d.is_main), first)


def main_code_of(record: Record, exam_id: int) -> str:
    """The disease that a service of an exam is for: the main one of that exam."""
    return next((d.code for d in record.diagnoses if d.is_main and d.exam_id == exam_id), main_code(record))


def other_codes(record: Record) -> tuple[str, ...]:
    """The other diseases of the visit, each once, as many as a claim takes."""
    main = main_code(record)
    return tuple(dict.fromkeys(d.code for d in record.diagnoses if d.code != main))[:OTHERS_MAX]


def admitted_at(record: Record) -> datetime | None:
    """When an inpatient was admitted: to the first bed, on arrival when no bed is written; of others nothing."""
    if record.visit.visit_type not in INPATIENT_TYPES:
        return None
    return next((stay.started_at for stay in record.beds.values()), record.visit.arrived_at)


def department_codes(record: Record) -> tuple[str, ...]:
    """The departments that treated, each once: of the exams, then of the beds."""
    codes = [exam.department.code for exam in record.exams]
    return tuple(dict.fromkeys([*codes, *(stay.department.code for stay in record.beds.values())]))


def admission_reason(record: Record) -> str:
    """Why an inpatient was admitted (LY_DO_VNT): the reason of the visit; of others nothing."""
    return "" if admitted_at(record) is None else record.visit.reason or record.exam.reason


def discharge_kind(record: Record) -> str:
    """How the visit ended (MA_LOAI_RV): home, home at own request, or one of the two transfers."""
    return discharge_code(record.exam.outcome)


def discharge_code(outcome: str) -> str:
    """The code of an outcome of the last exam (MA_LOAI_RV)."""
    return _DISCHARGE.get(Exam.Outcome(outcome), "1") if outcome else "1"
