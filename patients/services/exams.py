"""The examination while it is open (khám bệnh): begin, save the draft, name the diagnoses."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.db.models import Q

from his.accounts.actor import Actor
from his.accounts.models import Room, Staff
from his.catalogs import queries as catalogs
from his.catalogs.models import Diagnosis, Sex
from his.core.codes import clean_code
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc, nfc_lines
from his.service import audit_facts, service
from patients.models import Exam, QueueTicket, Visit, VisitDiagnosis
from patients.services.unseen import note_page, refuse_unseen, stamp_of

OTHERS_MAX = 12
"""Most accompanying diagnoses of a claim (MA_BENH_KT, QĐ 130/QĐ-BYT)."""
TEXT_MAX = 20_000
"""Most characters of a free text; longer ones are a paste by mistake."""

_FINISHED = {
    Visit.State.CLOSED: ("already_closed", "Lượt khám đã chốt chi phí, không khám thêm được"),
    Visit.State.CANCELLED: ("visit_cancelled", "Lượt khám đã hủy"),
}


@service(action="patients.start_exam", permission="patients.examine")
def start_exam(*, visit: Visit, actor: Actor, at: datetime, room: Room | None = None) -> Exam:
    """Begin the examination of a visit, or return the one that is open in the same room (bắt đầu khám).

    Afterwards the visit is in examination and its number of that room is being served. A visit that was examined may
    be examined again in another room. Refuses a closed or cancelled visit, a room where nobody is examined, a doctor
    without a practice licence, and a time before the arrival.
    """
    visit = Visit.objects.select_for_update(of=("self",)).select_related("room__department").get(pk=visit.pk)
    refuse_finished(visit)
    room = room or visit.room
    if known := _open_exam(visit, room):
        return known
    doctor = licensed(actor)
    if room.kind != Room.Kind.EXAM:
        raise Refusal("not_exam_room", f"{room.name} không phải phòng khám", field="room")
    if at < visit.arrived_at:
        raise Refusal("before_arrival", "Giờ khám trước giờ đến khám", field="started_at")
    exam = Exam.objects.create(
        facility=actor.facility,
        visit=visit,
        room=room,
        department=room.department,
        doctor=doctor,
        service_code=room.exam_service_code,
        started_at=at,
        reason=visit.reason,
    )
    Visit.objects.filter(pk=visit.pk).update(state=Visit.State.IN_EXAM, ended_at=None)
    waiting = Q(state__in=[QueueTicket.State.WAITING, QueueTicket.State.CALLED, QueueTicket.State.SKIPPED])
    QueueTicket.objects.filter(waiting, visit=visit, room=room).update(state=QueueTicket.State.SERVING, called_at=at)
    return exam


def _open_exam(visit: Visit, room: Room) -> Exam | None:
    exams = list(visit.exams.select_related("room", "department", "doctor").order_by("pk"))
    if open_one := next((exam for exam in exams if not exam.is_signed), None):
        return open_one
    if any(exam.room_id == room.pk for exam in exams):
        raise Refusal("already_examined", "Lượt này đã khám và ký ở phòng này; hãy ghi bổ sung hồ sơ")
    return None


def refuse_finished(visit: Visit) -> None:
    """Refuse work on a closed or cancelled visit."""
    if refused := _FINISHED.get(Visit.State(visit.state)):
        raise Refusal(*refused)


def licensed(actor: Actor) -> Staff:
    """The practitioner; refuses one without a licence number, because the claim must name it (MA_BAC_SI)."""
    staff = actor.practitioner()
    if not staff.licence_no:
        raise Refusal("no_licence", "Nhân viên chưa có số giấy phép hành nghề trong danh mục")
    return staff


# Of an exam: rows that are looked at, never written here, and small enough to be kept from one step to the next.
_KEPT = ("room", "department", "doctor", "facility")


def editable(exam: Exam) -> Exam:
    """The exam, locked and read again, with its visit and patient; refuses a signed one and a finished visit."""
    given = exam
    exam = Exam.objects.select_for_update(of=("self",)).select_related("visit__patient").get(pk=given.pk)
    for name in _KEPT:
        if name in given._state.fields_cache and getattr(given, f"{name}_id") == getattr(exam, f"{name}_id"):
            setattr(exam, name, getattr(given, name))
    refuse_signed(exam)
    return exam


def refuse_signed(exam: Exam) -> None:
    """Refuse work on a signed exam and on a finished visit."""
    if exam.is_signed:
        raise Refusal("already_signed", "Phiếu khám đã ký, chỉ còn ghi bổ sung hồ sơ được")
    refuse_finished(exam.visit)


@service(action="patients.save_exam", permission="patients.examine")
def save_exam(
    *,
    exam: Exam,
    actor: Actor,
    at: datetime,
    reason: str | None = None,
    history: str | None = None,
    findings: str | None = None,
    treatment: str | None = None,
    advice: str | None = None,
    outcome: str | None = None,
    treatment_result_code: str | None = None,
    transfer: Mapping[str, str] | None = None,
    follow_up_on: date | None = None,
    clear_follow_up: bool = False,
    seen: str | None = None,
) -> Exam:
    """Keep what was typed so far (lưu nháp). None leaves a text as it is; nothing is checked but its length.

    `transfer` holds what was typed of a transfer slip, named as the fields of `patients.services.outcomes.Transfer`.
    `seen` is the stamp of the exam as it was read; the new one is in `exam.stamp`.
    Refuses a signed exam, one that was changed elsewhere since (`already_changed`), and texts that are too long, named
    by their field.
    """
    exam = editable(exam)
    diagnoses = list(exam.diagnoses.all())
    refuse_unseen(exam, seen, diagnoses)
    note_page(seen)
    texts: dict[str, str | None] = {
        "reason": reason,
        "history": history,
        "findings": findings,
        "treatment": treatment,
        "advice": advice,
        "outcome": outcome,
        "treatment_result_code": treatment_result_code,
        **(transfer or {}),
    }
    set_texts(exam, texts)
    if follow_up_on is not None or clear_follow_up:
        exam.follow_up_on = follow_up_on
    exam.draft_saved_at = at
    exam.save()
    exam.stamp = stamp_of(exam, diagnoses)
    return exam


def set_texts(exam: Exam, texts: Mapping[str, str | None]) -> None:
    """Put cleaned texts on the exam without saving it; None leaves the old one. Refuses what does not fit."""
    for name, text in texts.items():
        if text is None:
            continue
        field = Exam._meta.get_field(name)
        limit = getattr(field, "max_length", None) or TEXT_MAX
        setattr(exam, name, fitting(nfc_lines(text), limit, name))


@service(action="patients.set_diagnoses", permission="patients.examine")
def set_diagnoses(
    *, exam: Exam, main: str, others: Sequence[str] = (), actor: Actor, at: datetime, seen: str | None = None
) -> list[VisitDiagnosis]:
    """Name the diagnoses of the exam: the main one, then the others in order (chẩn đoán, ICD-10).

    Afterwards the exam has exactly these; names are copied as they are on the day of the exam. An empty `main` is a
    draft that cannot be signed. Refuses an exam that is another than the one `seen` (`already_changed`),
    unknown codes, codes that may not be a main disease (TT 06/2026/TT-BYT), codes of the other sex, a code twice and
    more than 12 others.
    """
    exam = editable(exam)
    stored = list(exam.diagnoses.all())
    refuse_unseen(exam, seen, stored)
    note_page(seen)
    day = local(exam.started_at).date()
    main = clean_code(nfc(main))
    codes = [code for code in (clean_code(nfc(other)) for other in others) if code]
    _refuse_repeats(main, codes)
    found = _known(main, codes, day)
    if main and (found[0].not_as_main or found[0].cause_of_death_only):
        raise Refusal("not_as_main", f"Mã {main} không được làm bệnh chính, hãy chọn mã khác", field="main", wrong=main)
    for diagnosis in found:
        _refuse_other_sex(diagnosis, exam.visit.patient.sex, "main" if diagnosis.code == main else "others")
    wanted = [(row.code, row.name, row.code == main) for row in found]
    if wanted == [(row.code, row.name, row.is_main) for row in stored]:
        return stored
    if stored:
        exam.diagnoses.all().delete()
    Exam.objects.filter(pk=exam.pk).update(draft_saved_at=at)
    audit_facts(diagnoses=len(wanted))
    return VisitDiagnosis.objects.bulk_create(
        VisitDiagnosis(
            facility=exam.facility,
            exam=exam,
            visit=exam.visit,
            code=code,
            name=nfc(name),
            is_main=is_main,
            position=number,
        )
        for number, (code, name, is_main) in enumerate(wanted, start=1)
    )


def _refuse_repeats(main: str, others: Sequence[str]) -> None:
    if len(others) > OTHERS_MAX:
        raise Refusal("too_many", f"Hồ sơ chỉ nhận tối đa {OTHERS_MAX} bệnh kèm theo", field="others")
    seen = {main}
    for code in others:
        if code in seen:
            raise Refusal("repeated", f"Mã {code} bị ghi hai lần", field="others", wrong=code)
        seen.add(code)


def _known(main: str, others: Sequence[str], day: date) -> list[Diagnosis]:
    try:
        return catalogs.diagnoses_on([main, *others] if main else others, day)
    except Refusal as refusal:
        wrong = refusal.facts["value"]
        field = "main" if wrong == main else "others"
        raise Refusal(refusal.code, refusal.message_vi, field=field, wrong=wrong) from None


def _refuse_other_sex(diagnosis: Diagnosis, sex: str, field: str) -> None:
    if diagnosis.only_sex in {Sex.MALE, Sex.FEMALE} and sex in {Sex.MALE, Sex.FEMALE} and diagnosis.only_sex != sex:
        whose = Sex(diagnosis.only_sex).label.lower()
        message = f"Mã {diagnosis.code} chỉ dùng cho {whose}; người bệnh là {Sex(sex).label.lower()}"
        raise Refusal("other_sex", message, field=field, wrong=diagnosis.code)
