"""What was paid, is held and is owed: debts, refunds, numbers, drawers, days, invoices."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db.models import F, Q, QuerySet

from his.core.dates import day_range, local, month_range
from his.core.money import ZERO
from his.ui.text import day_text
from insurance.billing.books import given_out
from insurance.billing.effects import paid_of, sum_of
from insurance.billing.invoices.queries import chain_of, entries_of_chain
from insurance.billing.ledger import (
    entries_on,
    expected_cash,
    left_of,
    payable_amount,
    totals,
    unsettled_results,
)
from insurance.models import (
    CashDay,
    CashEntry,
    CashSession,
    Invoice,
    InvoiceEntry,
)
from reports.reconcile.base import CHUNK, Check, Scope


def receipts_and_debts(scope: Scope) -> Check:
    """What a visit is to pay is what was paid and is held, and what the list of debts says."""
    check = Check("debts", "Số phải trả bằng số đã trả, tạm ứng còn giữ và số trong danh sách công nợ")
    rows = scope.entries().order_by().values_list("visit_id").annotate(paid=sum_of("paid"), held=sum_of("held"))
    accounts = {visit: paid + held for visit, paid, held in rows}
    unsettled: QuerySet[Any] = unsettled_results(scope.facility)
    owed = dict(unsettled.values_list("visit_id", "due"))
    results = scope.results().select_related("visit").defer("explanation", "parameters")
    for result in results.iterator(chunk_size=CHUNK):
        check.compared += 1
        there = accounts.get(result.visit_id, ZERO) + owed.get(result.visit_id, ZERO)
        if (here := payable_amount(result)) != there:
            check.differs(result.visit.claim_code, "phải trả", here, there)
    return check


def refunds_and_receipts(scope: Scope) -> Check:
    """What goes back from an entry, or is used of it, never exceeds it, and belongs to the same visit."""
    check = Check("refunds", "Không phiếu nào hoàn quá phiếu gốc, mọi phiếu hoàn cùng lượt với phiếu gốc")
    named = CashEntry.objects.filter(pk__in=scope.entries().filter(reverses__isnull=False).values("reverses"))
    rows = CashEntry.objects.filter(visit__in=named.values("visit")).order_by("visit_id", "pk")
    for _visit, entries in groupby(rows.iterator(chunk_size=CHUNK), key=attrgetter("visit_id")):
        by_id = {entry.pk: entry for entry in entries}
        for pk, left in left_of(by_id.values()).items():
            check.compared += 1
            if left < 0:
                check.differs(by_id[pk].number, "hoàn quá số đã thu", by_id[pk].amount, by_id[pk].amount - left)
    strays = scope.entries().filter(reverses__isnull=False).exclude(reverses__visit=F("visit"))
    for number in strays.values_list("number", flat=True):
        check.differs(number, "phiếu gốc thuộc lượt khám khác")
    return check


def numbers_without_gaps(scope: Scope) -> Check:
    """Each series of papers counts from 1 to the number that was given out last, without a gap.

    A series is what stands before the last dot.
    """
    check = Check("numbers", "Số phiếu liên tục, không thiếu số")
    last = given_out(scope.facility)
    series: dict[str, list[int]] = {prefix: [] for prefix in last}
    numbers = CashEntry.objects.for_facility(scope.facility).values_list("number", flat=True)
    for number in numbers.iterator(chunk_size=5000):
        prefix, _, counted = number.rpartition(".")
        series.setdefault(prefix, []).append(int(counted))
        check.compared += 1
    for prefix, found in series.items():
        until = max([last.get(prefix, 0), *found])
        if missing := sorted(set(range(1, until + 1)) - set(found)):
            check.differs(prefix, f"thiếu {len(missing)} số, đầu tiên là {missing[0]}")
    return check


def drawers(scope: Scope) -> Check:
    """A drawer that was closed should have held its float and its cash entries."""
    check = Check("drawers", "Tiền phải có của mỗi ca bằng tiền đầu ca cộng các phiếu tiền mặt")
    sessions = CashSession.objects.for_facility(scope.facility).filter(closed_at__isnull=False)
    if scope.month is not None:
        first, after = month_range(scope.month.year, scope.month.month)
        sessions = sessions.filter(opened_at__gte=day_range(first)[0], opened_at__lt=day_range(after)[0])
    for session in sessions.select_related("cashier"):
        check.compared += 1
        if session.expected_amount != (cash := expected_cash(session)):
            ref = f"{session.cashier.username} {day_text(local(session.opened_at).date())}"
            check.differs(ref, "ca thu", session.expected_amount, cash)
    return check


def closed_days(scope: Scope) -> Check:
    """A closed day still has the entries and sums with which it was closed."""
    check = Check("days", "Ngày đã khóa giữ nguyên các phiếu và số tiền lúc khóa")
    days = CashDay.objects.for_facility(scope.facility)
    if scope.month is not None:
        first, after = month_range(scope.month.year, scope.month.month)
        days = days.filter(day__gte=first, day__lt=after)
    for day in days:
        check.compared += 1
        rows = totals(entries_on(scope.facility, day.day))
        now = sum((row.cash for row in rows if row.method == CashEntry.Method.CASH), ZERO)
        if now != day.cash_amount:
            check.differs(day_text(day.day), "tiền mặt", day.cash_amount, now)
        if (entries := sum(row.count for row in rows)) != day.entry_count:
            check.differs(day_text(day.day), f"{day.entry_count} phiếu lúc khóa, {entries} phiếu bây giờ")
    return check


def accounts(scope: Scope) -> Check:
    """No visit was given back more than was paid, and no deposit used or returned beyond what is held."""
    check = Check("accounts", "Không lượt khám nào có số đã trả hoặc tạm ứng còn giữ dưới 0")
    rows = scope.entries().order_by().values("visit__claim_code").annotate(paid=sum_of("paid"), held=sum_of("held"))
    check.compared = rows.count()
    for row in rows.filter(Q(paid__lt=0) | Q(held__lt=0)):
        check.differs(row["visit__claim_code"], "đã trả và còn giữ", row["paid"], row["held"])
    return check


def invoices(scope: Scope) -> Check:
    """A document of invoices says what its cash entries come to, each entry in one document with its own amount."""
    check = Check("invoices", "Hóa đơn nói đúng số tiền của các phiếu trong đó")
    rows = InvoiceEntry.objects.filter(entry__in=scope.entries()).select_related("entry")
    check.compared = rows.count()
    for row in rows.iterator(chunk_size=CHUNK):
        if row.amount != paid_of(row.entry):
            check.differs(row.entry.number, "số tiền trên hóa đơn", row.amount, paid_of(row.entry))
    roots = Invoice.objects.for_facility(scope.facility).filter(root__isnull=True)
    if scope.month is not None:
        first, after = month_range(scope.month.year, scope.month.month)
        roots = roots.filter(day__gte=first, day__lt=after)
    for root in roots:
        chain = chain_of(root)
        entries = sum((row.amount for row in entries_of_chain(chain)), ZERO)
        lines = sum((line.amount for line in chain.current.lines.all()), ZERO)
        if chain.amount != entries:
            check.differs(f"hóa đơn {root.pk}", "chuỗi hóa đơn và các phiếu", chain.amount, entries)
        if chain.current.amount != lines:
            check.differs(f"hóa đơn {root.pk}", "hóa đơn và các dòng", chain.current.amount, lines)
    return check
