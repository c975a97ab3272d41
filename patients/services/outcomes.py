"""How an exam ends (xử trí): home, also at own request, a follow-up or a transfer slip, what each must say, numbers."""

from dataclasses import dataclass, fields
from datetime import date, datetime

from his.core.codes import FACILITY_CODE
from his.core.dates import local
from his.core.errors import Refusal
from patients.models import Exam, Visit, VitalSigns
from patients.models.visits import Route
from patients.services.counters import next_number
from patients.services.exams import set_texts

TRANSFERS = frozenset({Exam.Outcome.TRANSFER, Exam.Outcome.TRANSFER_REQUEST})
NEEDS, BEYOND, ON_REQUEST = "1", "2", "3"
"""Reasons of a transfer (MA_LYDO_CT, QĐ 4750/QĐ-BYT): by the rules, beyond the facility, as the patient wishes."""
FOLLOW_UP_DAYS_MAX = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a transfer slip says beside the exam itself (giấy chuyển tuyến, table 13 of QĐ 4750/QĐ-BYT).

    Named as the fields of the exam. The reason code is not read when the patient wishes to be transferred.
    """

    transfer_facility_code: str = ""
    transfer_reason_code: str = BEYOND
    transfer_reason: str = ""
    transfer_condition: str = ""
    transfer_plan: str = ""
    transport: str = ""
    escort_name: str = ""
    escort_title: str = ""


TRANSFER_FIELDS = tuple(field.name for field in fields(Transfer))
_MUST = {
    "transfer_condition": "Hãy ghi tình trạng người bệnh lúc chuyển",
    "transfer_plan": "Hãy ghi hướng điều trị",
    "transport": "Hãy ghi phương tiện vận chuyển",
    "findings": "Giấy chuyển cần dấu hiệu lâm sàng: hãy ghi phần khám",
    "history": "Giấy chuyển cần quá trình bệnh lý: hãy ghi bệnh sử",
}


_SIGNS = (
    ("pulse", "Mạch {} lần/phút"),
    ("temperature", "nhiệt độ {} °C"),
    ("pressure", "huyết áp {} mmHg"),
    ("respiration", "nhịp thở {} lần/phút"),
    ("oxygen_saturation", "SpO2 {} %"),
)


def proposed(visit: Visit, vitals: VitalSigns | None) -> Transfer:
    """What the desk writes on a transfer slip before the doctor changes it: the last readings as the condition."""
    return Transfer(
        transfer_condition=condition_of(vitals) if vitals is not None else "",
        transfer_plan="Chuyển tuyến trên khám và điều trị tiếp",
        transport="Xe cứu thương" if visit.route == Route.EMERGENCY else "Người bệnh tự túc",
    )


def condition_of(vitals: VitalSigns) -> str:
    """The readings in words, without those that were not taken."""
    read = {name: getattr(vitals, name) for name, _ in _SIGNS if name != "pressure"}
    if vitals.systolic is not None and vitals.diastolic is not None:
        read["pressure"] = f"{vitals.systolic}/{vitals.diastolic}"
    said = [words.format(str(read[name]).replace(".", ",")) for name, words in _SIGNS if read.get(name) is not None]
    return ", ".join(said)


def set_outcome(exam: Exam, outcome: str, follow_up_on: date | None, transfer: Transfer | None, at: datetime) -> None:
    """Put the outcome with its details on the exam, without those of another outcome; nothing is saved.

    Refuses an unknown outcome, a follow-up that is not on a day of the next 366, and a transfer without what its slip
    must say: the facility, the reason, signs, course, condition, plan and transport.
    """
    if outcome not in Exam.Outcome.values:
        raise Refusal("outcome", "Hãy chọn hướng xử trí", field="outcome")
    clear_outcome(exam)
    exam.outcome = outcome
    if outcome == Exam.Outcome.FOLLOW_UP:
        exam.follow_up_on = _follow_up_day(follow_up_on, local(at).date())
    if outcome in TRANSFERS:
        _set_transfer(exam, transfer or Transfer())


def clear_outcome(exam: Exam) -> None:
    """Take every outcome and its details from the exam."""
    exam.outcome, exam.follow_up_on = "", None
    for name in TRANSFER_FIELDS:
        setattr(exam, name, "")


def number_slips(exam: Exam, at: datetime) -> None:
    """Give the slip of the outcome its number, without gaps in the facility and year. Call it after all refusals."""
    year = local(at).year
    if exam.outcome in TRANSFERS:
        number = next_number(facility=exam.facility, series=f"transfer:{year}")
        exam.transfer_number = slip_number(exam.facility.code, "GC", year, number)
    if exam.outcome == Exam.Outcome.FOLLOW_UP:
        number = next_number(facility=exam.facility, series=f"follow_up:{year}")
        exam.follow_up_number = slip_number(exam.facility.code, "HK", year, number)


def slip_number(facility_code: str, kind: str, year: int, number: int) -> str:
    """A slip as printed and sent: 99001.GC26.000007."""
    return f"{facility_code}.{kind}{year % 100:02d}.{number:06d}"


def _follow_up_day(day: date | None, today: date) -> date:
    if day is None or day <= today:
        raise Refusal("follow_up", "Hẹn khám lại cần một ngày sau hôm nay", field="follow_up_on")
    if (day - today).days > FOLLOW_UP_DAYS_MAX:
        raise Refusal("follow_up", "Ngày hẹn quá một năm, hãy kiểm tra lại", field="follow_up_on")
    return day


def _set_transfer(exam: Exam, transfer: Transfer) -> None:
    facility = transfer.transfer_facility_code.strip()
    if not FACILITY_CODE.match(facility) or facility == exam.facility.code:
        message = "Mã nơi chuyển đến gồm 5 số, khác cơ sở này"
        raise Refusal("transfer_facility", message, field="transfer_facility_code")
    is_wish = exam.outcome == Exam.Outcome.TRANSFER_REQUEST
    reason = ON_REQUEST if is_wish else transfer.transfer_reason_code
    if not is_wish and reason not in {NEEDS, BEYOND}:
        raise Refusal("transfer_reason", "Hãy chọn lý do chuyển", field="transfer_reason_code")
    given = {name: getattr(transfer, name) for name in TRANSFER_FIELDS}
    set_texts(exam, given | {"transfer_facility_code": facility, "transfer_reason_code": reason})
    for name, message in _MUST.items():
        if not getattr(exam, name):
            raise Refusal("transfer_slip", message, field=name)
