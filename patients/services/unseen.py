"""Whether an open exam still stands as a screen read it, so that one desk never writes over what another one wrote.

A form carries the stamp of the exam that it shows, `<stamp>.<page>`: a hash of the stored texts and diagnoses, and a
name that the page got when it was drawn. No column is needed: what is stored says the stamp, the audit entry of the
last change says by which page it was made, when and by whom (docs/locking.md).
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256

from his.audit.queries import last_of
from his.core.errors import Refusal
from his.service import audit_facts
from his.ui.text import time_text
from patients.models import Exam, Visit, VisitDiagnosis

CHANGED = "already_changed"
_SHOWN = (
    "reason",
    "history",
    "findings",
    "treatment",
    "advice",
    "outcome",
    "treatment_result_code",
    "follow_up_on",
    "transfer_facility_code",
    "transfer_reason",
    "transfer_reason_code",
    "transfer_condition",
    "transfer_plan",
    "transport",
    "escort_name",
    "escort_title",
)
_CHANGES = ("patients.save_exam", "patients.set_diagnoses")
_PAGE = "desk_page"


def stamp_of(exam: Exam, diagnoses: Iterable[VisitDiagnosis] | None = None) -> str:
    """A hash of the texts and diagnoses of an exam; `diagnoses` are those stored, read here when they are not given."""
    rows = exam.diagnoses.all() if diagnoses is None else diagnoses
    shown = [str(getattr(exam, name) or "") for name in _SHOWN]
    named = [[row.code, row.is_main] for row in sorted(rows, key=lambda row: (not row.is_main, row.position))]
    return sha256(json.dumps([shown, named]).encode()).hexdigest()[:20]


def stamp_unbegun(visit: Visit) -> str:
    """The stamp of an exam that is not begun yet: beginning it, which ordering a service does too, changes nothing."""
    return stamp_of(Exam(reason=visit.reason), [])


def refuse_unseen(exam: Exam, seen: str | None, diagnoses: Sequence[VisitDiagnosis] | None = None) -> None:
    """Refuse with `already_changed` when the exam is another than the one that was `seen`; None is not asked about.

    A change that the page of `seen` made itself is none: its answer may be on the way, or may have been lost. The
    message says when it was changed and by whom, as the audit list has it.
    """
    if seen is None:
        return
    stamp, _, page = seen.partition(".")
    if stamp == stamp_of(exam, diagnoses):
        return
    last = last_of(exam, _CHANGES)
    if last is not None and page and last.facts.get(_PAGE) == page:
        return
    when = ""
    if last is not None:
        who = f" ({last.user.display_name})" if last.user is not None else ""
        when = f" lúc {time_text(exam.draft_saved_at or last.at)}{who}"
    raise Refusal(CHANGED, f"Phiếu này vừa được sửa ở nơi khác{when}: bản nháp ở đây chưa lưu")


def note_page(seen: str | None) -> None:
    """Put the page into the audit entry of the running service."""
    page = (seen or "").partition(".")[2]
    if page:
        audit_facts(**{_PAGE: page[:40]})
