"""Cases of infectious diseases: opened by signing, reported, followed to their outcome (TT 15/2026/TT-BYT)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Q

from his.accounts.actor import Actor
from his.accounts.models import User
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc, nfc_lines
from his.locks import lock_name
from his.service import audit_facts, service
from his.ui.text import minute_text
from patients.models import CaseEvent, DiseaseCase, Exam, ServiceOrder, ServiceResult, Visit, VisitDiagnosis
from patients.notifiable import DEATH_HOURS, DEATH_RESULTS, Notifiable, matching, rank
from patients.services.exams import TEXT_MAX

State, Kind = DiseaseCase.State, CaseEvent.Kind
SHEET_TEXTS = (
    "workplace",
    "contact_history",
    "travel_history",
    "vaccination",
    "agent",
    "symptoms",
    "treatment",
    "outcome",
    "specimen",
    "test_result",
)
_EVENT_MAX = 500


# Steps of signing


def open_cases(
    *,
    exam: Exam,
    visit: Visit,
    diagnoses: Sequence[VisitDiagnosis],
    orders: Sequence[tuple[ServiceOrder, Sequence[ServiceResult]]],
    by: User,
    at: datetime,
) -> list[DiseaseCase]:
    """A step of signing: the cases that the signed diagnoses are (mở ca bệnh truyền nhiễm), new and known ones.

    Afterwards each matching disease has one case of the person that stands within its days; a known one tells that it
    was seen again and takes the more certain class. The clock runs from the begin of the exam, so that a late signature
    wins no time. A death at the end of the exam starts the clock of 24 hours of the cases of the visit.
    """
    day = local(exam.started_at).date()
    found = matching([row.code for row in diagnoses], day, settings.VAR_DIR)
    is_death = exam.treatment_result_code in DEATH_RESULTS
    if not found and not is_death:
        return []
    lock_name("cases", visit.patient_id)
    standing = _standing(visit.facility_id, visit.patient_id)
    cases = []
    for code, rule in found.values():
        known = next(
            (case for case in standing if case.disease == rule.disease and _overlaps(case, day, rule.repeat_days)), None
        )
        if known is not None:
            _seen_again(known, rule, exam, by, at)
            cases.append(known)
        else:
            name = next(row.name for row in diagnoses if row.code == code)
            cases.append(_open(exam, visit, (code, name), rule, orders, by, at))
    if is_death:
        of_visit = [case for case in standing if case.visit_id == visit.pk and case not in cases]
        for case in [*cases, *of_visit]:
            if case.died_at is None:
                _set_died(case, at)
                case.save(update_fields=["died_at", "death_due_at"])
                _tell(case, Kind.DIED, "Theo kết quả điều trị của phiếu khám", by, at)
    return cases


def note_amendment(*, exam: Exam, reason: str, by: User, at: datetime) -> None:
    """A step of amending a signed exam: its cases are to be looked at again, also excluded ones and those of earlier
    visits that it saw again."""
    cases = DiseaseCase.objects.for_facility(exam.facility_id).filter(patient=exam.visit.patient_id)
    # The event of a signature has the instant of the signature.
    seen = CaseEvent.objects.filter(kind=Kind.SEEN_AGAIN, case__in=cases, at=exam.signed_at).values("case")
    for case in cases.filter(Q(visit=exam.visit_id) | Q(pk__in=seen)).order_by("pk"):
        _tell(case, Kind.AMENDED, reason, by, at)


def _standing(facility: int, patient: int) -> list[DiseaseCase]:
    """The person's cases, the latest first, locked: whoever keeps a sheet or excludes one meanwhile is waited for and
    then seen."""
    rows = DiseaseCase.objects.for_facility(facility).filter(patient=patient).exclude(state=State.EXCLUDED)
    locked = rows.select_for_update(of=("self",), no_key=True).order_by("pk")
    return sorted(locked, key=lambda case: (case.detected_at, case.pk), reverse=True)


def _overlaps(case: DiseaseCase, day: date, repeat_days: int) -> bool:
    """Whether the days of a case and those that begin with a day overlap: they are one case."""
    ends, after = case.detected_on + timedelta(days=case.repeat_days), day + timedelta(days=repeat_days)
    return case.detected_on < after and day < ends


def _open(
    exam: Exam,
    visit: Visit,
    diagnosis: tuple[str, str],
    rule: Notifiable,
    orders: Sequence[tuple[ServiceOrder, Sequence[ServiceResult]]],
    by: User,
    at: datetime,
) -> DiseaseCase:
    reason = exam.reason or visit.reason
    case = DiseaseCase.objects.create(
        facility_id=visit.facility_id,
        patient_id=visit.patient_id,
        visit_id=visit.pk,
        exam_id=exam.pk,
        disease=rule.disease,
        name=rule.name,
        group=rule.group,
        diagnosis_code=diagnosis[0],
        diagnosis_name=diagnosis[1],
        case_class=rule.case_class,
        repeat_days=rule.repeat_days,
        detected_at=exam.started_at,
        detected_on=local(exam.started_at).date(),
        opened_at=at,
        due_at=rule.due(exam.started_at),
        symptoms="\n".join(filter(None, [reason, exam.findings])),
        treatment=exam.treatment,
        test_result=_results(orders),
    )
    _tell(case, Kind.OPENED, "Phiếu khám ký khi đã quá hạn báo" if case.is_late_at(at) else "", by, at)
    return case


def _seen_again(case: DiseaseCase, rule: Notifiable, exam: Exam, by: User, at: datetime) -> None:
    _tell(case, Kind.SEEN_AGAIN, f"Khám {minute_text(exam.started_at)}", by, at)
    if rank(rule.case_class) > rank(case.case_class):
        _classify(case, rule.case_class, by, at)
        case.save(update_fields=["case_class"])


def _results(orders: Sequence[tuple[ServiceOrder, Sequence[ServiceResult]]]) -> str:
    """What was tested and found, a line for each service; of laboratory services only."""
    lines = []
    for order, results in orders:
        told = [f"{row.indicator_name} {row.value} {row.unit}".strip() for row in results if row.value]
        if told and order.service.group_code == "1":
            lines.append(f"{order.service.name}: {'; '.join(told)}")
    return "\n".join(lines)[:TEXT_MAX]


def _tell(case: DiseaseCase, kind: str, text: str, by: User, at: datetime) -> None:
    CaseEvent.objects.create(
        facility_id=case.facility_id, case_id=case.pk, kind=kind, text=text[:_EVENT_MAX], at=at, by=by
    )


def _classify(case: DiseaseCase, case_class: str, by: User, at: datetime) -> None:
    before, case.case_class = case.get_case_class_display(), case_class
    _tell(case, Kind.CLASSIFIED, f"{before} → {case.get_case_class_display()}", by, at)


def _set_died(case: DiseaseCase, died_at: datetime) -> None:
    case.died_at, case.death_due_at = died_at, died_at + timedelta(hours=DEATH_HOURS)


# At the desk of cases


@service(action="cases.save_sheet", permission="cases.report")
def save_sheet(
    *,
    case: DiseaseCase,
    actor: Actor,
    at: datetime,
    case_class: str,
    texts: Mapping[str, str],
    onset_on: date | None = None,
    specimen_on: date | None = None,
) -> DiseaseCase:
    """Keep what was asked for the case sheet (phiếu điều tra ca bệnh) and the class of the case.

    `texts` are named as in `SHEET_TEXTS`; one that is left out stays. Refuses an excluded case, an onset after the
    examination, a specimen in the future, an unknown class and texts that are too long.
    """
    case = _locked(case)
    if case_class not in DiseaseCase.CaseClass.values:
        raise Refusal("case_class", "Hãy chọn phân loại ca", field="case_class")
    if onset_on is not None and onset_on > case.detected_on:
        raise Refusal("onset", "Ngày khởi phát sau ngày khám phát hiện", field="onset_on")
    if specimen_on is not None and specimen_on > local(at).date():
        raise Refusal("specimen_on", "Ngày lấy mẫu ở tương lai", field="specimen_on")
    for name in SHEET_TEXTS:
        if name in texts:
            setattr(case, name, fitting(nfc_lines(texts[name]), longest(name), name))
    case.onset_on, case.specimen_on = onset_on, specimen_on
    _tell(case, Kind.SHEET, "", actor.user, at)
    if case_class != case.case_class:
        _classify(case, case_class, actor.user, at)
    case.save()
    return case


def longest(name: str) -> int:
    """The most characters of a text of the sheet."""
    return getattr(DiseaseCase._meta.get_field(name), "max_length", None) or TEXT_MAX


@service(action="cases.report", permission="cases.report")
def report_case(
    *,
    case: DiseaseCase,
    actor: Actor,
    at: datetime,
    channel: str = DiseaseCase.Channel.SYSTEM,
    system_code: str = "",
    reported_at: datetime | None = None,
) -> DiseaseCase:
    """Note that a case was reported (đã báo ca), and when; by default now.

    On the surveillance system it has a code there. When the system is down it is reported by other means and stays in
    the list until it is entered. Refuses a case that was reported or excluded, a report on the system without its
    code, and an instant before the examination or in the future.
    """
    case = _locked(case)
    if case.state != State.OPEN:
        raise Refusal("already_reported", f"Ca bệnh: {case.get_state_display().lower()}")
    if channel not in DiseaseCase.Channel.values:
        raise Refusal("channel", "Hãy chọn cách báo", field="channel")
    done = reported_at or at
    if done < case.detected_at or done > at:
        raise Refusal("reported_at", "Giờ báo phải sau giờ khám và không ở tương lai", field="reported_at")
    case.system_code = _code(system_code) if channel == DiseaseCase.Channel.SYSTEM else ""
    case.state, case.channel = State.REPORTED, channel
    case.reported_at, case.reported_by = done, actor.user
    case.save()
    is_late = case.is_late_at(done)
    told = [case.get_channel_display(), case.system_code, "quá hạn" if is_late else ""]
    _tell(case, Kind.REPORTED, ", ".join(filter(None, told)), actor.user, at)
    audit_facts(is_late=is_late)
    return case


@service(action="cases.enter", permission="cases.report")
def enter_case(*, case: DiseaseCase, system_code: str, actor: Actor, at: datetime) -> DiseaseCase:
    """Note the code of a case that was reported by other means and is now on the system (nhập bù).

    Refuses a case that is not waiting for it, and an empty code.
    """
    case = _locked(case)
    if not case.needs_back_entry:
        raise Refusal("already_entered", "Ca bệnh không chờ nhập bù")
    case.system_code, case.channel = _code(system_code), DiseaseCase.Channel.SYSTEM
    case.save()
    _tell(case, Kind.BACK_ENTERED, case.system_code, actor.user, at)
    return case


@service(action="cases.discharge", permission="cases.report")
def discharge_case(*, case: DiseaseCase, outcome: str, actor: Actor, at: datetime) -> DiseaseCase:
    """Note the outcome that was told to the system at discharge (cập nhật ra viện). Refuses without one, and a case
    that is not reported."""
    case = _locked(case)
    if case.state != State.REPORTED:
        raise Refusal("not_reported", "Chỉ cập nhật ra viện cho ca đã báo")
    case.outcome = fitting(nfc(outcome), 255, "outcome")
    if not case.outcome:
        raise Refusal("no_outcome", "Hãy ghi kết quả điều trị", field="outcome")
    case.state = State.DISCHARGED
    case.save()
    _tell(case, Kind.DISCHARGED, case.outcome, actor.user, at)
    return case


@service(action="cases.record_death", permission="cases.report")
def record_death(*, case: DiseaseCase, died_at: datetime, actor: Actor, at: datetime) -> DiseaseCase:
    """Note that the person of a case died (tử vong); it is to be reported within 24 hours of it.

    Refuses a second death, and an instant before the examination or in the future.
    """
    case = _locked(case)
    if case.died_at is not None:
        raise Refusal("already_died", "Đã ghi tử vong", field="died_at")
    if died_at < case.detected_at or died_at > at:
        raise Refusal("died_at", "Giờ tử vong phải sau giờ khám và không ở tương lai", field="died_at")
    _set_died(case, died_at)
    case.save()
    _tell(case, Kind.DIED, minute_text(died_at), actor.user, at)
    return case


@service(action="cases.report_death", permission="cases.report")
def report_death(*, case: DiseaseCase, actor: Actor, at: datetime) -> DiseaseCase:
    """Note that a death was reported now. Refuses when there is none that waits."""
    case = _locked(case)
    if not case.is_death_unreported:
        raise Refusal("already_death_reported", "Không có tử vong chờ báo")
    case.death_reported_at = at
    case.save()
    is_late = case.is_death_late_at(at)
    _tell(case, Kind.DEATH_REPORTED, "quá hạn" if is_late else "", actor.user, at)
    audit_facts(is_late=is_late)
    return case


@service(action="cases.exclude", permission="cases.report")
def exclude_case(*, case: DiseaseCase, reason: str, actor: Actor, at: datetime) -> DiseaseCase:
    """Exclude a case (loại trừ): it is none. It stays readable, is in no count and asks for nothing any more.

    Refuses without a reason.
    """
    case = _locked(case)
    case.exclusion_reason = fitting(nfc(reason), _EVENT_MAX, "exclusion_reason")
    if not case.exclusion_reason:
        raise Refusal("no_reason", "Hãy ghi lý do loại trừ", field="exclusion_reason")
    case.state = State.EXCLUDED
    case.save()
    _tell(case, Kind.EXCLUDED, case.exclusion_reason, actor.user, at)
    return case


@service(action="cases.restore", permission="cases.report")
def restore_case(*, case: DiseaseCase, reason: str, actor: Actor, at: datetime) -> DiseaseCase:
    """Take an exclusion back: the case is again what it was, open, reported or told at discharge.

    Refuses without a reason, and when another case of the person and disease stands in its days.
    """
    lock_name("cases", case.patient_id)
    case = DiseaseCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if case.state != State.EXCLUDED:
        raise Refusal("already_restored", "Ca bệnh không bị loại trừ")
    reason = fitting(nfc(reason), _EVENT_MAX, "exclusion_reason")
    if not reason:
        raise Refusal("no_reason", "Hãy ghi lý do bỏ loại trừ", field="exclusion_reason")
    others = [other for other in _standing(case.facility_id, case.patient_id) if other.disease == case.disease]
    if any(_overlaps(other, case.detected_on, case.repeat_days) for other in others):
        raise Refusal("already_another", "Đã có ca khác của bệnh này trong cùng thời gian")
    if case.reported_at is None:
        case.state = State.OPEN
    else:
        was_told = case.events.filter(kind=Kind.DISCHARGED).exists()
        case.state = State.DISCHARGED if was_told else State.REPORTED
    case.exclusion_reason = ""
    case.save()
    _tell(case, Kind.RESTORED, reason, actor.user, at)
    return case


def _locked(case: DiseaseCase) -> DiseaseCase:
    case = DiseaseCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if case.state == State.EXCLUDED:
        raise Refusal("already_excluded", "Ca bệnh đã loại trừ")
    return case


def _code(system_code: str) -> str:
    code = fitting(nfc(system_code), 50, "system_code")
    if not code:
        raise Refusal("no_system_code", "Hãy ghi mã ca trên hệ thống giám sát", field="system_code")
    return code
