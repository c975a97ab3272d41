"""Prescribing safely: what is asked of the person, and the reasons for prescribing against a warning."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from his.accounts.actor import Actor
from his.accounts.models import Staff
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import nfc
from his.service import audit_facts, service
from patients import hooks
from patients.allergens import NONE_KNOWN
from patients.models import (
    Exam,
    HealthFacts,
    Patient,
    PatientAllergy,
    Prescription,
    PrescriptionLine,
    SafetyGap,
    SafetyOverride,
    Visit,
)
from patients.notices import Notice, SafetyReport, Stage, refuse_blocking, refuse_without_reason
from patients.queries_safety import allergies_of, find_allergen, is_asked, overrides_of
from patients.services.exams import refuse_finished

EGFR_MAX = Decimal(200)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a drug is prescribed against a warning: a code of `SafetyOverride.Reason`, and words."""

    code: str
    words: str = ""


@service(action="patients.record_allergy", permission="patients.triage")
def record_allergy(
    *, patient: Patient, item: str, actor: Actor, at: datetime, reaction: str = PatientAllergy.Reaction.UNKNOWN
) -> PatientAllergy:
    """Record an allergy to an ingredient or a group (dị ứng), or with item "none" that none is known.

    Afterwards it stands in the strip and the prescription is checked against it; an allergy ends "none known".
    Refuses an item that the lists do not have, an unknown reaction, one that stands already, and "none known" while
    allergies stand.
    """
    patient = Patient.objects.select_for_update(of=("self",)).get(pk=patient.pk)
    if reaction not in PatientAllergy.Reaction.values:
        raise Refusal("reaction", "Hãy chọn phản ứng", field="reaction")
    standing = allergies_of(patient)
    if item == NONE_KNOWN:
        name, reaction = "Không có dị ứng đã biết", PatientAllergy.Reaction.UNKNOWN
        if any(not row.is_none_known for row in standing) or patient.allergies:
            raise Refusal("allergies_stand", "Người bệnh đang có dị ứng đã ghi", field="item")
    else:
        allergen = find_allergen(nfc(item), local(at).date())
        if allergen is None:
            raise Refusal("unknown_allergen", "Chưa chọn dị nguyên trong danh mục", field="item")
        item, name = allergen.code, allergen.name
    if any(row.item == item for row in standing):
        raise Refusal("already_recorded", f"{name}: đã ghi", field="item")
    for row in standing:
        if row.is_none_known:
            _end(row, actor, at)
    audit_facts(item=item, reaction=reaction)
    return PatientAllergy.objects.create(
        facility=actor.facility,
        patient=patient,
        item=item,
        name=name,
        reaction=reaction,
        recorded_at=at,
        recorded_by=actor.user,
    )


@service(action="patients.end_allergy", permission="patients.triage")
def end_allergy(*, allergy: PatientAllergy, actor: Actor, at: datetime) -> PatientAllergy:
    """An allergy that was recorded by mistake, or refuted, stands no longer; the row stays. Refuses a second time."""
    current = PatientAllergy.objects.select_for_update(of=("self",)).get(pk=allergy.pk)
    if current.ended_at is not None:
        raise Refusal("already_ended", "Dị ứng này đã được bỏ", field="item")
    _end(current, actor, at)
    audit_facts(item=current.item)
    return current


def _end(row: PatientAllergy, actor: Actor, at: datetime) -> None:
    row.ended_at, row.ended_by = max(at, row.recorded_at), actor.user
    row.save(update_fields=["ended_at", "ended_by"])


@service(action="patients.record_health_facts", permission="patients.triage")
def record_health_facts(
    *,
    visit: Visit,
    actor: Actor,
    at: datetime,
    pregnancy: str = "",
    lactation: str = "",
    kidneys: str = "",
    egfr: Decimal | None = None,
) -> HealthFacts:
    """Keep what was asked before prescribing; empty is not asked. eGFR in ml/min/1,73 m².

    Refuses an empty set, unknown answers, pregnancy of somebody who is not asked (a man, a girl below 12, a woman
    above 55), an eGFR that cannot be, a time before the arrival and a finished visit.
    """
    visit = Visit.objects.select_related("patient").get(pk=visit.pk)
    refuse_finished(visit)
    if at < visit.arrived_at:
        raise Refusal("before_arrival", "Giờ ghi trước giờ đến khám", field="at")
    answers = {"pregnancy": pregnancy, "lactation": lactation, "kidneys": kidneys}
    for name, answer in answers.items():
        choices = HealthFacts.Kidneys.values if name == "kidneys" else HealthFacts.Answer.values
        if answer and answer not in choices:
            raise Refusal("answer", "Hãy chọn một câu trả lời", field=name)
    if not any(answers.values()) and egfr is None:
        raise Refusal("nothing", "Chưa ghi gì", field="pregnancy")
    if (pregnancy or lactation) and not is_asked(visit.patient, local(visit.arrived_at).date()):
        raise Refusal("not_asked", "Chỉ hỏi phụ nữ từ 12 đến 55 tuổi", field="pregnancy" if pregnancy else "lactation")
    if egfr is not None and not (0 < egfr <= EGFR_MAX and egfr == round(egfr, 1)):
        raise Refusal("egfr", "eGFR từ 0,1 đến 200, tối đa 1 số lẻ", field="egfr")
    return HealthFacts.objects.create(
        facility=actor.facility, patient=visit.patient, visit=visit, egfr=egfr, at=at, by=actor.user, **answers
    )


# Steps of prescribing and signing


def examine_safety(
    exam: Exam, prescriber: Staff | None, stage: Stage, reasons: Mapping[str, Reason], actor: Actor, at: datetime
) -> SafetyReport:
    """Ask whether the stored prescription of an open exam is safe, and keep the reasons that were given.

    A check that could not be made is kept as a `SafetyGap` and named in the audit entry; care goes on.
    """
    report = hooks.prescribing_checks(exam.visit, prescriber, at, None)
    keep_reasons(exam, report.notices, reasons, actor, at)
    _keep_gaps(exam, stage, report, actor, at)
    if rules := sorted({notice.rule for notice in report.notices}):
        audit_facts(safety=";".join(rules))
    return report


def _keep_gaps(exam: Exam, stage: Stage, report: SafetyReport, actor: Actor, at: datetime) -> None:
    SafetyGap.objects.bulk_create(
        SafetyGap(facility_id=exam.facility_id, exam=exam, stage=stage, title=title[:255], at=at, by=actor.user)
        for title in report.not_checked
    )
    if report.not_checked:
        audit_facts(not_checked="; ".join(report.not_checked))


def keep_reasons(
    exam: Exam, notices: Iterable[Notice], reasons: Mapping[str, Reason], actor: Actor, at: datetime
) -> None:
    """Store a reason for each notice that wants one, by its key; the same reason again stores nothing. Refuses an
    unknown code, and "other" without words; reasons for what is not found any more are left out."""
    if not reasons:
        return
    known = overrides_of(exam)
    for notice in notices:
        reason = reasons.get(notice.key)
        if reason is None or not notice.needs_reason or not reason.code:
            continue
        words = _words(reason, notice.key)
        before = known.get(notice.key)
        if before is not None and (before.reason_code, before.words) == (reason.code, words):
            continue
        SafetyOverride.objects.create(
            facility_id=exam.facility_id,
            exam=exam,
            rule=notice.rule,
            key=notice.key,
            severity=notice.severity,
            message=notice.message,
            reason_code=reason.code,
            words=words,
            at=at,
            by=actor.user,
        )


def _words(reason: Reason, key: str) -> str:
    """The words of a reason; refuses beside its notice an unknown code, and "other" without words."""
    words, field = nfc(reason.words), f"reason-{key}"
    if reason.code not in SafetyOverride.Reason.values:
        raise Refusal("reason_code", "Hãy chọn lý do", field=field)
    if reason.code == SafetyOverride.Reason.OTHER and not words:
        raise Refusal("reason_words", "Hãy ghi rõ lý do khác", field=field)
    if len(words) > 500:
        raise Refusal("too_long", "Lý do dài quá 500 ký tự", field=field)
    return words


def replacement_words(
    prescription: Prescription,
    lines: Sequence[PrescriptionLine],
    reasons: Mapping[str, Reason],
    actor: Actor,
    at: datetime,
) -> dict[str, Any] | None:
    """What the signature of a prescription that replaces another covers of its safety, as `signed_words`.

    Reasons given with the examination still count; new ones are kept in what is signed, for the examination is
    frozen. Refuses what must not be, and what has no reason.
    """
    exam, signer = prescription.exam, prescription.prescribed_by
    report = hooks.prescribing_checks(exam.visit, signer, at, lines)
    refuse_blocking(report.notices)
    known = overrides_of(exam)
    wanted = {notice.key: notice for notice in report.notices if notice.needs_reason}
    given = {key: reasons[key] for key in wanted if key in reasons and reasons[key].code}
    words = {key: _words(reason, key) for key, reason in given.items()}
    refuse_without_reason(report.notices, {*known, *given})
    _keep_gaps(exam, Stage.SIGN, report, actor, at)
    overrides = []
    for key, notice in wanted.items():
        code = given[key].code if key in given else str(known[key].reason_code)
        overrides.append(
            {
                "rule": notice.rule,
                "message": notice.message,
                "line": notice.line.number if notice.line is not None else None,
                "reason_code": code,
                "reason": SafetyOverride.Reason(code).label,
                "words": words[key] if key in given else known[key].words,
                "by": actor.user.display_name if key in given else known[key].by.display_name,
                "at": local(at if key in given else known[key].at).isoformat(timespec="seconds"),
            }
        )
    if not overrides and not report.not_checked:
        return None
    return {"overrides": overrides, "not_checked": list(report.not_checked)}


def signed_words(exam: Exam, report: SafetyReport) -> dict[str, Any] | None:
    """What the signature covers of the safety of a prescription: each warning with its reason, and what could not be
    checked; None when there is nothing to say."""
    given = overrides_of(exam)
    overrides = [
        {
            "rule": notice.rule,
            "message": notice.message,
            "line": notice.line.number if notice.line is not None else None,
            "reason_code": str(row.reason_code),
            "reason": row.get_reason_code_display(),
            "words": row.words,
            "by": row.by.display_name,
            "at": local(row.at).isoformat(timespec="seconds"),
        }
        for notice in report.notices
        if notice.needs_reason and (row := given.get(notice.key)) is not None
    ]
    if not overrides and not report.not_checked:
        return None
    return {"overrides": overrides, "not_checked": list(report.not_checked)}
