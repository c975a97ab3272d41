"""What is wrong with the stock after clients were killed: each figure counts one kind of defect and must be 0."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, Sum

from his.accounts.models import Facility
from his.audit.models import AuditEntry, IdempotencyKey
from his.audit.record import broken_positions
from his.demo.volume.killing import gaps
from pharmacy.models import Dispense, LotBalance, Reservation, StockDocument
from pharmacy.queries import balance_differences

NOT_KEYED = frozenset({"take_back", "undo"})
"""Requests that undo something: they have no key, the second one is refused because it is undone."""


def torture_checks(
    facility: Facility, *, after: int, done: Sequence[dict[str, Any]], prescribed: Decimal
) -> dict[str, int]:
    """Defects by kind. `after` is the last document before the clients began, `done` what they were answered.

    `negative`: balances below zero or below what is reserved. `differences`: balances that are not the sum of their
    movements. `lost`: answered requests that are not in the ledger as they were answered. `unasked`: documents
    that answer nobody, or answer twice. `gaps`: numbers that are missing or given twice. `issued_twice`: prescriptions
    handed out more than once, not in full, or kept for although handed out. `broken_audit`: entries that do not hold.
    """
    documents = StockDocument.objects.for_facility(facility)
    forward = documents.filter(pk__gt=after).exclude(kind=StockDocument.Kind.REVERSAL).values_list("pk", flat=True)
    answered = Counter(entry["done"] for entry in done if entry["asked"] not in NOT_KEYED)
    months = AuditEntry.objects.filter(facility=facility).values_list("month", flat=True).distinct()
    wrong = Q(on_hand__lt=0) | Q(reserved__gt=F("on_hand"))
    return {
        "negative": LotBalance.objects.for_facility(facility).filter(wrong).count(),
        "differences": len(balance_differences(facility)),
        "lost": _lost(facility, done),
        "unasked": sum((Counter(forward) - answered).values()) + sum((answered - Counter(forward)).values()),
        "gaps": gaps(list(documents.values_list("number", flat=True)), "-"),
        "issued_twice": _issued_twice(facility, after, prescribed),
        "broken_audit": sum(len(broken_positions(facility, month)) for month in months),
    }


def _lost(facility: Facility, done: Sequence[dict[str, Any]]) -> int:
    keyed = [entry for entry in done if entry["asked"] not in NOT_KEYED]
    rows = IdempotencyKey.objects.filter(facility=facility, key__in=[entry["key"] for entry in keyed])
    results = dict(rows.values_list("key", "result_id"))
    documents = dict(Dispense.objects.for_facility(facility).values_list("pk", "document_id"))

    def is_there(entry: dict[str, Any]) -> bool:
        result = results.get(entry["key"])
        return bool(entry["done"] == (documents.get(result) if entry["asked"] == "give" else result))

    return sum(not is_there(entry) for entry in keyed)


def _issued_twice(facility: Facility, after: int, prescribed: Decimal) -> int:
    current = Dispense.objects.for_facility(facility).filter(is_reversed=False, document_id__gt=after)
    times = Counter(current.values_list("prescription_id", flat=True))
    partly = current.annotate(total=Sum("lines__quantity")).exclude(total=prescribed).count()
    held = Reservation.objects.for_facility(facility).filter(
        state=Reservation.State.HELD, prescription_line__prescription__in=list(times)
    )
    return sum(count - 1 for count in times.values()) + partly + held.count()
