"""The register of managed patients: enrolled, declined, ended by a clinician (quản lý bệnh mạn tính)."""

from datetime import date, datetime

from django.db.models import F

from his.accounts.actor import Actor
from his.core import icd
from his.core.codes import clean_code
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from his.ui.text import day_text
from patients.chronic import ManagedDisease, diseases_on
from patients.models import ManagedPatient, Patient

State = ManagedPatient.State
_REASON_MAX = 500


@service(action="care.enrol", permission="care.manage")
def enrol(
    *,
    patient: Patient,
    disease: str,
    diagnosis_code: str,
    actor: Actor,
    at: datetime,
    enrolled_on: date | None = None,
    is_newly_found: bool = False,
    note: str = "",
) -> ManagedPatient:
    """Take a person under management for a disease (đưa vào quản lý), from a day, by default today.

    `is_newly_found`: the disease was found now; the monthly report counts it in the month of `enrolled_on`. Refuses an
    unknown disease, a code that is none of it, a day in the future, who is under management for it already, and a day
    before the end of an earlier management.
    """
    rule = _disease(disease, local(at).date())
    code = clean_code(nfc(diagnosis_code))
    if not icd.holds(rule.codes, code):
        raise Refusal("diagnosis", f"Mã {code or '(trống)'} không thuộc {rule.name}", field="diagnosis_code")
    day = enrolled_on or local(at).date()
    if day > local(at).date():
        raise Refusal("enrolled_on", "Ngày đưa vào quản lý ở tương lai", field="enrolled_on")
    _refuse_managed(patient, rule)
    _refuse_overlap(patient, rule, day)
    audit_facts(is_newly_found=is_newly_found)
    return ManagedPatient.objects.create(
        facility=actor.facility,
        patient=patient,
        disease=rule.code,
        diagnosis_code=code,
        enrolled_on=day,
        is_newly_found=is_newly_found,
        note=fitting(nfc(note), _REASON_MAX, "note"),
        recorded_at=at,
        recorded_by=actor.user,
    )


@service(action="care.decline", permission="care.manage")
def decline(
    *, patient: Patient, disease: str, diagnosis_code: str, reason: str, actor: Actor, at: datetime
) -> ManagedPatient:
    """Say that a proposed person is not to be managed for a disease, and why; nobody is asked again.

    The person can still be enrolled by hand. Refuses without a reason, and who is under management for it.
    """
    rule = _disease(disease, local(at).date())
    _refuse_managed(patient, rule)
    return ManagedPatient.objects.create(
        facility=actor.facility,
        patient=patient,
        disease=rule.code,
        diagnosis_code=clean_code(nfc(diagnosis_code))[:8],
        enrolled_on=local(at).date(),
        recorded_at=at,
        recorded_by=actor.user,
        state=State.DECLINED,
        end_reason=_reason(reason),
    )


@service(action="care.end", permission="care.manage")
def end_management(
    *, managed: ManagedPatient, state: str, reason: str, actor: Actor, at: datetime, ended_on: date | None = None
) -> ManagedPatient:
    """End the management of a person: transferred, died, or ended (thôi quản lý), on a day, by default today.

    Refuses another state, a day before the enrolment or in the future, a transfer or an end without its reason, and
    what has ended.
    """
    managed = ManagedPatient.objects.select_for_update(of=("self",)).get(pk=managed.pk)
    if managed.state != State.MANAGED:
        raise Refusal("already_ended", f"Đã thôi: {managed.get_state_display().lower()}")
    if state not in {State.TRANSFERRED, State.DIED, State.ENDED}:
        raise Refusal("state", "Hãy chọn: chuyển, tử vong hay thôi quản lý", field="state")
    day = ended_on or local(at).date()
    if day < managed.enrolled_on or day > local(at).date():
        raise Refusal("ended_on", "Ngày phải từ ngày đưa vào quản lý đến hôm nay", field="ended_on")
    managed.end_reason = fitting(nfc(reason), _REASON_MAX, "reason") if state == State.DIED else _reason(reason)
    managed.state, managed.ended_on, managed.ended_at, managed.ended_by = state, day, at, actor.user
    managed.save()
    audit_facts(state=state)
    return managed


def _disease(code: str, day: date) -> ManagedDisease:
    rule = diseases_on(day).get(code)
    if rule is None:
        raise Refusal("disease", "Hãy chọn bệnh quản lý", field="disease")
    return rule


def _refuse_managed(patient: Patient, rule: ManagedDisease) -> None:
    """Refuse who is under management for the disease; two desks wait for each other at the person's row."""
    Patient.objects.select_for_update(of=("self",), no_key=True).get(pk=patient.pk)
    if ManagedPatient.objects.filter(patient=patient, disease=rule.code, state=State.MANAGED).exists():
        raise Refusal("already_managed", f"Người bệnh đang được quản lý {rule.name.lower()}")


def _refuse_overlap(patient: Patient, rule: ManagedDisease, since: date) -> None:
    """Refuse a period without end that would begin within an earlier one, or before it. The person's row is locked."""
    periods = ManagedPatient.objects.filter(patient=patient, disease=rule.code, ended_on__gt=F("enrolled_on"))
    last = periods.order_by("ended_on").last()
    if last is not None and last.ended_on is not None and since < last.ended_on:
        message = f"Lần quản lý trước đến {day_text(last.ended_on)}, hãy ghi từ ngày đó trở đi"
        raise Refusal("enrolled_on", message, field="enrolled_on")


def _reason(reason: str) -> str:
    text = fitting(nfc(reason), _REASON_MAX, "reason")
    if not text:
        raise Refusal("no_reason", "Hãy ghi lý do", field="reason")
    return text
