"""What is wrong with the cash ledger after cashiers were killed: each figure counts a kind of defect and must be 0."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from his.accounts.models import Facility
from his.audit.models import AuditEntry, IdempotencyKey
from his.audit.record import broken_positions
from his.core.money import ZERO
from his.demo.volume.killing import gaps
from insurance.billing import ledger
from insurance.billing.effects import VOIDS
from insurance.models import BenefitResult, CashEntry, CashSession
from patients.models import Visit
from reports.reconcile import reconcile

Kind = CashEntry.Kind
ENTRIES = frozenset({"pay", "deposit", "settle", "give_back", "void"})
"""Requests that are answered with an entry; all have a key."""
STEPS = frozenset({Kind.DEPOSIT_USE, Kind.DEPOSIT_RELEASE})
"""Entries that also come along with another one, and so answer nobody alone."""


def cash_checks(
    facility: Facility, *, visits: Sequence[int], after: int, until: int, done: Sequence[dict[str, Any]]
) -> dict[str, int]:
    """Defects by kind. `after` and `until` are the last entries before the clients began and when they had ended,
    `done` is what they were answered.

    `collected_twice`: visits that paid more than any of their splits ever asked, or whose account is not level although
    everything was settled. `overdrawn`: entries of which more was used or given back than they had. `lost`: answered
    requests that are not in the ledger as they were answered. `unasked`: entries that answer nobody, or answers with
    the same entry. `bank_twice`: bank transactions in two receipts that stand. `gaps`: numbers that are missing or
    given twice. `drawers`: drawers whose expected cash is not that of their entries. `splits`: visits with other than
    one split in force. `differences`: what the reconciliation of the visits' months finds. `broken_audit`: entries of
    the audit chain that do not hold.
    """
    entries = CashEntry.objects.for_facility(facility)
    new = entries.filter(pk__gt=after, pk__lte=until)
    rows = [ledger.entries_of(visit) for visit in _visits(facility, visits)]
    months = AuditEntry.objects.filter(facility=facility).values_list("month", flat=True).distinct()
    claimed = _visits(facility, visits).order_by().values_list("claim_month", flat=True).distinct()
    checks = [check for month in claimed if month for check in reconcile(facility, month)]
    return {
        "collected_twice": sum(_is_collected_twice(visit) for visit in _visits(facility, visits)),
        "overdrawn": sum(entry.left < 0 for found in rows for entry in found),  # type: ignore[attr-defined]
        "lost": _lost(facility, done),
        "unasked": _unasked(new, done),
        "bank_twice": _bank_twice(facility),
        "gaps": gaps(list(entries.values_list("number", flat=True)), "."),
        "drawers": sum(_is_wrong(session) for session in CashSession.objects.for_facility(facility)),
        "splits": sum(_splits(visit) != 1 for visit in _visits(facility, visits)),
        "differences": sum(len(check.differences) for check in checks),
        "broken_audit": sum(len(broken_positions(facility, month)) for month in months),
    }


def _visits(facility: Facility, visits: Sequence[int]) -> Any:
    return Visit.objects.for_facility(facility).filter(pk__in=visits).select_related("facility")


def _is_collected_twice(visit: Visit) -> bool:
    """What the visit gave less what it got back is what it is to pay, and never was more than a split asked."""
    money = Counter[str]()
    for kind, amount in visit.cash_entries.order_by().values_list("kind").annotate(total=Sum("amount")):
        money[kind] = amount
    came = money[Kind.RECEIPT] + money[Kind.DEPOSIT]
    went = sum(money[kind] for kind in (Kind.REFUND, Kind.RECEIPT_VOID, Kind.DEPOSIT_RETURN, Kind.DEPOSIT_VOID))
    account = ledger.account_of(visit)
    most = max((ledger.whole_amount(r) for r in BenefitResult.objects.filter(visit=visit)), default=ZERO)
    return not account.is_level or came - went != account.payable or account.paid > most


def _lost(facility: Facility, done: Sequence[dict[str, Any]]) -> int:
    keyed = [entry for entry in done if entry["asked"] in ENTRIES]
    kept = IdempotencyKey.objects.filter(facility=facility, key__in=[entry["key"] for entry in keyed])
    results = dict(kept.values_list("key", "result_id"))
    stored = CashEntry.objects.for_facility(facility).in_bulk([entry["done"] for entry in keyed])

    def is_there(entry: dict[str, Any]) -> bool:
        row = stored.get(entry["done"])
        said = (entry["number"], Decimal(entry["amount"]))
        return results.get(entry["key"]) == entry["done"] and row is not None and (row.number, row.amount) == said

    return sum(not is_there(entry) for entry in keyed)


def _unasked(new: Any, done: Sequence[dict[str, Any]]) -> int:
    answered = Counter(entry["done"] for entry in done if entry["asked"] in ENTRIES)
    alone = set(new.exclude(kind__in=STEPS).values_list("pk", flat=True))
    return len(alone - answered.keys()) + sum(count - 1 for count in answered.values())


def _bank_twice(facility: Facility) -> int:
    rows = CashEntry.objects.for_facility(facility).filter(method=CashEntry.Method.TRANSFER, kind__in=VOIDS)
    standing = rows.exclude(refunds__kind__in=VOIDS.values()).order_by().values("bank_reference")
    return standing.annotate(times=Count("pk")).filter(times__gt=1).count()


def _is_wrong(session: CashSession) -> bool:
    return session.closed_at is not None and session.expected_amount != ledger.expected_cash(session)


def _splits(visit: Visit) -> int:
    return int(visit.benefit_results.filter(is_current=True).count())
