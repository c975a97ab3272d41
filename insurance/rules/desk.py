"""The rules at the desks, with the ids of `check_claims`: over an open visit for the doctor, a split for the cashier.

A rule that is broken here would be broken in the exported claim. Books stay compiled for a minute of the desks' time,
so a line is checked within milliseconds, and a mended catalogue counts a minute later at the latest.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from his.accounts.models import Facility
from insurance import law
from insurance.models import BenefitLine, BenefitResult
from insurance.rules.books import RuleBooks
from insurance.rules.catalogs import DatabaseCatalogs
from insurance.rules.desks import DOCTOR, place_of
from insurance.rules.engine import Finding, RuleBook, RuleError, Stage
from insurance.rules.live import LiveClaim, planned, settled
from insurance.standards import Standard
from patients import notices as desk
from patients.models import PrescriptionLine, Visit
from patients.notices import Notice

logger = logging.getLogger(__name__)

FRESH = timedelta(minutes=1)
UNREADABLE = Notice(
    "rules.unreadable",
    desk.Severity.INFO,
    "Chưa kiểm tra được: dữ liệu quy tắc bị lỗi",
    "Báo người quản trị xem nhật ký máy chủ",
    mended_by="Quản trị",
)


@dataclass(frozen=True, slots=True)
class _Kept:
    made_at: datetime
    roots: tuple[Path, ...]
    books: RuleBooks


_kept: dict[int, _Kept] = {}
"""Compiled rules by facility, in this process."""


def visit_notices(
    visit: Visit, stage: desk.Stage, at: datetime, typed: Sequence[PrescriptionLine] | None = None
) -> list[Notice]:
    """What the rules find in an open visit (the hook `patients.hooks.visit_checks`).

    When ordering only what is about a line; when signing also what was said when ordering.
    """
    live = planned(visit, Stage(stage), at, typed)
    if live is None:
        return []
    book = _book(visit.facility, live.facts.standard, at)
    if book is None:
        return [UNREADABLE]
    found = book.check(live.facts, Stage.ORDER)
    if stage == desk.Stage.ORDER:
        return [notice for notice in _notices(live, found) if notice.line is not None]
    return _notices(live, [*book.check(live.facts, Stage.SIGN), *found])


def closing_notices(visit: Visit, result: BenefitResult, lines: Sequence[BenefitLine], at: datetime) -> list[Notice]:
    """What the rules find in the whole claim that a split gives, stored or not, the worst first.

    Nothing here stops closing: who is at the cash desk cannot mend a diagnosis; each notice says which desk can.
    """
    live = settled(visit, result, lines, at)
    if live is None:
        return []
    book = _book(visit.facility, live.facts.standard, at)
    return [UNREADABLE] if book is None else desk.worst_first(_notices(live, book.check(live.facts, Stage.CLOSE)))


def _book(facility: Facility, standard: Standard, at: datetime) -> RuleBook | None:
    """The compiled rules; None, and a line in the log, when their data are wrong: that must not stop a doctor."""
    kept = _kept.get(facility.pk)
    try:
        if kept is None or kept.roots != law.roots() or abs(at - kept.made_at) > FRESH:
            books = RuleBooks(DatabaseCatalogs(facility, whole=False))
            kept = _kept[facility.pk] = _Kept(at, law.roots(), books)
        return kept.books.of(standard)
    except RuleError:
        logger.exception("the rules cannot be read; the desks work without them")
        return None


def _notices(live: LiveClaim, findings: Iterable[Finding]) -> list[Notice]:
    """Each finding once."""
    return [_notice(live, finding) for finding in {one.key: one for one in findings}.values()]


def _notice(live: LiveClaim, finding: Finding) -> Notice:
    place = place_of(live.facts.standard, finding.table, finding.field)
    return Notice(
        rule=finding.rule,
        severity=desk.Severity(finding.severity),
        message=finding.message,
        fix=finding.fix,
        law=finding.law,
        field=place.field,
        line=live.lines.get((finding.table, finding.row or 0)),
        mended_by=f"{DOCTOR} {live.doctor}" if place.mended_by == DOCTOR else place.mended_by,
    )
