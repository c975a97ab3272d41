"""The rules at the desks, with the ids of `check_claims`: over an open visit for the doctor, a split for the cashier.

A rule that is broken here would be broken in the exported claim. Rules stay compiled for the life of the process, so a
line is checked within milliseconds; what catalogues answered is remembered for a minute of the desks' time.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from his.accounts.models import Facility
from insurance import law
from insurance.models import BenefitLine, BenefitResult
from insurance.rules.books import RuleBooks
from insurance.rules.catalogs import DatabaseCatalogs
from insurance.rules.desks import DOCTOR, NURSE, place_of
from insurance.rules.engine import Finding, RuleBook, RuleError, Stage
from insurance.rules.live import LiveClaim, planned, settled
from insurance.standards import Standard
from patients import notices as desk
from patients.models import PrescriptionLine, Visit
from patients.notices import Notice

logger = logging.getLogger(__name__)

FRESH = timedelta(minutes=1)
"""How old what catalogues answered may be at the desks, in the time that they give."""
UNREADABLE = Notice(
    "rules.unreadable",
    desk.Severity.INFO,
    "Chưa kiểm tra được: dữ liệu quy tắc bị lỗi",
    "Báo người quản trị xem nhật ký máy chủ",
    mended_by="Quản trị",
)


class DeskCatalogs:
    """The catalogues of a facility, code by code; what they answered is forgotten on demand while rules compiled over
    them stay."""

    def __init__(self, facility: Facility) -> None:
        self._facility = facility
        self._there: dict[str, bool] = {}
        self._lists = DatabaseCatalogs(facility, whole=False)

    def has(self, name: str) -> bool:
        """Whether the catalogue has any row."""
        return self._there.setdefault(name, self._lists.has(name))

    def find(self, name: str, code: str, on: date | None) -> Mapping[str, str] | None:
        """The row of a code in force on the day."""
        return self._lists.find(name, code, on)

    def forget(self) -> bool:
        """Read anew from now on. False when a catalogue became empty or is no longer: rules must be compiled again."""
        self._lists = DatabaseCatalogs(self._facility, whole=False)
        return all(self._lists.has(name) is was for name, was in self._there.items())


@dataclass(slots=True)
class _Kept:
    fresh_at: datetime
    roots: tuple[Path, ...]
    catalogs: DeskCatalogs
    books: RuleBooks

    def is_good(self, at: datetime) -> bool:
        """Whether the rules may be asked at the instant; catalogues older than a minute are read anew."""
        if self.roots != law.roots():
            return False
        if abs(at - self.fresh_at) <= _span:
            return True
        self.fresh_at = at
        return self.catalogs.forget()


_kept: dict[int, _Kept] = {}
"""Compiled rules by facility, in this process."""
_span = FRESH


@contextmanager
def remembering(span: timedelta) -> Iterator[None]:
    """Read catalogues anew only after `span` of the desks' time, in this process: for whoever tells a whole month and
    changes no catalogue meanwhile."""
    global _span
    before, _span = _span, span
    try:
        yield
    finally:
        _span = before
        _kept.clear()


def forget() -> None:
    """Read the catalogues anew at the next question, in this process; the rules stay compiled."""
    for kept in _kept.values():
        kept.fresh_at = datetime.min.replace(tzinfo=UTC)


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
        if kept is None or not kept.is_good(at):
            catalogs = DeskCatalogs(facility)
            kept = _kept[facility.pk] = _Kept(at, law.roots(), catalogs, RuleBooks(catalogs))
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
        is_ours=place.mended_by in (DOCTOR, NURSE),
    )
