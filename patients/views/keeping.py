"""Keeping what stands in the form of an exam: the draft, and the first half of signing."""

from dataclasses import dataclass
from datetime import datetime

from his.access import DeskRequest
from his.core.codes import clean_code
from his.core.errors import Refusal
from patients.forms_clinical import DiagnosisForm, ExamForm
from patients.models import Exam, Visit
from patients.queries_clinical import current_exam
from patients.services.exams import save_exam, set_diagnoses
from patients.services.unseen import refuse_unseen, stamp_of
from patients.views.desk import begin_exam
from patients.views.seen import stamp_sent, with_page


@dataclass(frozen=True, slots=True)
class Kept:
    """The exam as it is stored now, the stamp of that for the form, and why the diagnoses were not stored."""

    exam: Exam
    seen: str
    refusal: Refusal | None = None


def keep(request: DeskRequest, row: Visit, form: ExamForm, diagnoses: DiagnosisForm, *, at: datetime) -> Kept:
    """Begin the exam when it is not yet, and keep the texts and the diagnoses that can be kept.

    Drafts come often, so what did not change is not written again. Refuses with `already_changed`, and keeps nothing,
    when the exam is another than the form says and another than what was typed.
    """
    seen = stamp_sent(request)
    known = current_exam(row)
    exam = known if known is not None and not known.is_signed else begin_exam(request, row)
    values = form.draft()
    typed_texts = {**values, **values.get("transfer", {})}.items()
    is_changed = any(
        getattr(exam, name) != value for name, value in typed_texts if name not in {"clear_follow_up", "transfer"}
    )
    typed = [code for code in (clean_code(code) for code in [diagnoses.main.code, *diagnoses.codes]) if code]
    is_diagnosed = typed != [diagnosis.code for diagnosis in exam.diagnoses.all()]
    if is_changed or is_diagnosed or not diagnoses.is_valid:
        refuse_unseen(exam, seen)
    stamp = stamp_of(exam)
    if is_changed:
        exam = save_exam(exam=exam, actor=request.actor, at=at, seen=seen, **values)
        stamp = exam.stamp
    if not is_diagnosed or not diagnoses.is_valid:
        return Kept(exam, with_page(stamp, seen))
    told = None if seen is None else with_page(stamp, seen)
    main, others = diagnoses.main.code, diagnoses.codes
    try:
        rows = set_diagnoses(exam=exam, main=main, others=others, actor=request.actor, at=at, seen=told)
    except Refusal as refusal:
        if refusal.field not in {"main", "others"}:
            raise
        return Kept(exam, with_page(stamp, seen), refusal)
    return Kept(exam, with_page(stamp_of(exam, rows), seen))
