"""What is done with statements of the bank: taken in, matched, matches taken back."""

import hashlib
from datetime import datetime

from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.locks import lock_name
from his.service import audit_facts, service
from insurance.billing.amounts import reason_of
from insurance.billing.effects import VOIDS
from insurance.models import CashEntry
from reports.bank.matching import letters, pairs
from reports.bank.models import BankLine, BankMatch, BankStatement
from reports.bank.queries import (
    around,
    as_line,
    as_papers,
    dead_matches,
    free_lines,
    free_papers,
    reused_lines,
    standing_matches,
)
from reports.bank.reading import read_statement
from reports.period import Period


@service(action="bank.import", permission="billing.match_bank")
def import_statement(*, content: bytes, name: str, actor: Actor, at: datetime) -> BankStatement:
    """Take in a statement of the bank (nhập sao kê) and match what belongs together.

    Afterwards each of its lines of money that came in is there once. A line is known by its reference, day and amount:
    one that an earlier file had is counted as `known`; the same reference with another day or amount is a line of its
    own, which `reused_lines` names. Lines that name a paper of a transfer of the same amount are matched
    (`reports.bank.matching`). Refuses the same file again, and what cannot be read, by line.
    """
    lines, skipped = read_statement(content)
    digest = hashlib.sha256(content).hexdigest()
    lock_name("bank", actor.facility.code)
    if BankStatement.objects.for_facility(actor.facility).filter(sha256=digest).exists():
        raise Refusal("again", "Tệp sao kê này đã nhập rồi", field="file")
    before = BankLine.objects.for_facility(actor.facility).filter(key__in={letters(line.reference) for line in lines})
    known = set(before.values_list("key", "day", "amount"))
    fresh = [line for line in lines if (letters(line.reference), line.day, line.amount) not in known]
    made = BankStatement.objects.create(
        facility=actor.facility,
        name=name[:200],
        sha256=digest,
        skipped=skipped,
        known=len(lines) - len(fresh),
        imported_at=at,
        imported_by=actor.user,
    )
    BankLine.objects.bulk_create(
        BankLine(
            facility=actor.facility,
            statement=made,
            day=line.day,
            reference=line.reference,
            content=line.content,
            amount=line.amount,
        )
        for line in fresh
    )
    matched = _match_free(Period(min(line.day for line in lines), max(line.day for line in lines)), actor, at)
    audit_facts(file=made.name, sha256=digest, lines=len(fresh), known=made.known, skipped=skipped, matched=matched)
    audit_facts(reused=reused_lines(actor.facility).filter(statement=made).count())
    return made


@service(action="bank.rematch", permission="billing.match_bank")
def rematch(*, period: Period, actor: Actor, at: datetime) -> int:
    """Match what belongs together of the free lines and papers of a period and the days around it (khớp lại), as a
    file that is taken in does: for papers that were recorded after their lines. Answers how many pairs it made."""
    lock_name("bank", actor.facility.code)
    matched = _match_free(period, actor, at)
    audit_facts(start=period.start, end=period.end, matched=matched)
    return matched


@service(action="bank.match", permission="billing.match_bank")
def match_line(*, line: BankLine, entry: CashEntry, actor: Actor, at: datetime, reason: str = "") -> BankMatch:
    """Say that a line of the bank is the money of a paper (khớp bằng tay).

    Another amount needs a reason, which is kept; the difference stays in the report until other papers level it.
    Refuses what is matched already, a paper that is no transfer or was voided, and another amount without a reason.
    """
    lock_name("bank", actor.facility.code)
    _take_back_dead(actor, at)
    standing = standing_matches(actor.facility)
    if standing.filter(line=line).exists() or standing.filter(entry=entry).exists():
        raise Refusal("matched", "Dòng sao kê hoặc phiếu thu này đã khớp rồi", field="entry")
    if entry.kind not in VOIDS or entry.method != CashEntry.Method.TRANSFER:
        raise Refusal("no_transfer", "Chỉ khớp được phiếu thu, phiếu tạm ứng bằng chuyển khoản", field="entry")
    if entry.refunds.filter(kind__in=VOIDS.values()).exists():
        raise Refusal("voided", "Phiếu này đã hủy", field="entry")
    if entry.amount != line.amount:
        reason = reason_of(reason, "Số tiền sao kê khác số tiền phiếu thu: hãy ghi lý do")
    else:
        reason = ""
    audit_facts(
        reference=line.reference, number=entry.number, amount=line.amount, difference=line.amount - entry.amount
    )
    return BankMatch.objects.create(
        facility=actor.facility, line=line, entry=entry, is_automatic=False, reason=reason, at=at, by=actor.user
    )


@service(action="bank.unmatch", permission="billing.match_bank")
def undo_match(*, match: BankMatch, actor: Actor, at: datetime) -> BankMatch:
    """Take a match back (bỏ khớp): line and paper are free again, and the match stays on record."""
    lock_name("bank", actor.facility.code)
    standing = standing_matches(actor.facility).filter(pk=match.pk).select_related("line", "entry").first()
    if standing is None:
        raise Refusal("undone", "Cặp này đã bỏ khớp")
    standing.undone_at, standing.undone_by = at, actor.user
    standing.save(update_fields=["undone_at", "undone_by"])
    audit_facts(reference=standing.line.reference, number=standing.entry.number)
    return standing


def _match_free(period: Period, actor: Actor, at: datetime) -> int:
    """Match the free lines and papers of the period and the days around it that belong together."""
    _take_back_dead(actor, at)
    span = around(period)
    lines = free_lines(actor.facility).filter(day__gte=span.start, day__lte=span.end)
    found = list(pairs([as_line(line) for line in lines], as_papers(free_papers(actor.facility, span))))
    BankMatch.objects.bulk_create(
        BankMatch(facility=actor.facility, line_id=line, entry_id=entry, is_automatic=True, at=at, by=actor.user)
        for line, entry in found
    )
    return len(found)


def _take_back_dead(actor: Actor, at: datetime) -> None:
    """Take back the matches whose paper was voided since, so that the next paper can stand for their lines."""
    dead_matches(actor.facility).update(undone_at=at, undone_by=actor.user)
