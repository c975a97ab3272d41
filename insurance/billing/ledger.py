"""What the cash ledger says: the one place that knows what is paid, held, due and in a drawer.

Screens, papers, the QR code, claims and reports ask here; nobody adds up entries on their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Round

from his.accounts.models import Facility
from his.accounts.reach import Reach
from his.core.dates import day_range
from his.core.errors import NotFound
from his.core.money import ZERO, round0
from insurance.billing.effects import EFFECTS, GIVES_BACK, VOIDS, sum_of
from insurance.models import BenefitResult, CashDay, CashEntry, CashSession
from patients.models import Visit

Kind = CashEntry.Kind


@dataclass(frozen=True, slots=True)
class Account:
    """The account of one visit, đồng. `payable` is None while no split is in force."""

    payable: Decimal | None
    paid: Decimal
    held: Decimal

    @property
    def owed(self) -> Decimal:
        """What is not paid yet, whatever is held; below zero when too much was paid."""
        return ZERO if self.payable is None else self.payable - self.paid

    @property
    def due(self) -> Decimal:
        """What the patient still has to hand over after the deposits; below zero when money has to go back."""
        return ZERO if self.payable is None else self.payable - self.paid - self.held

    @property
    def to_use(self) -> Decimal:
        """What of the deposits the bill takes up."""
        return max(ZERO, min(self.held, self.owed))

    @property
    def is_level(self) -> bool:
        """Nothing is owed, held or to be given back."""
        return self.payable is not None and self.payable == self.paid and not self.held


def whole_amount(result: BenefitResult) -> Decimal:
    """The patient's part before waivers: co-payment and self-paid part, rounded once to whole đồng (docs/money.md)."""
    return round0(result.patient_amount)


def payable_amount(result: BenefitResult) -> Decimal:
    """What the patient pays: the whole of their part less what was waived, whole đồng (docs/money.md)."""
    return whole_amount(result) - result.waived_amount


def account_of(visit: Visit) -> Account:
    """The account as stored now."""
    entries = CashEntry.objects.for_facility(visit.facility).filter(visit=visit)
    result = BenefitResult.objects.for_facility(visit.facility).filter(visit=visit, is_current=True).first()
    sums = entries.aggregate(paid=sum_of("paid"), held=sum_of("held"))
    return Account(payable_amount(result) if result else None, sums["paid"], sums["held"])


def amount_due(visit: Visit) -> Decimal:
    """What is still to be handed over after the deposits, đồng; negative when money has to go back. Zero while no
    split is in force. The cashier's screen, the receipt and the QR code show this number."""
    return account_of(visit).due


def paid_amount(visit: Visit) -> Decimal:
    """Receipts and used deposits less what was given back, đồng."""
    return account_of(visit).paid


# Entries


def get_entry(facility: Facility, pk: int) -> CashEntry:
    """An entry of the facility, or NotFound."""
    rows = CashEntry.objects.for_facility(facility).select_related("visit__patient", "session", "by", "reverses")
    if (entry := rows.filter(pk=pk).first()) is None:
        raise NotFound
    return entry


def entries_of(visit: Visit) -> list[CashEntry]:
    """All entries of the visit, oldest first; each carries `.left` (`left_of`) and `.void`, the entry that voids it."""
    rows = CashEntry.objects.for_facility(visit.facility).filter(visit=visit)
    entries = list(rows.select_related("by", "reverses", "session").order_by("at", "id"))
    left = left_of(entries)
    voids = {entry.reverses_id: entry for entry in entries if entry.kind in VOIDS.values()}
    for entry in entries:
        entry.left, entry.void = left.get(entry.pk, ZERO), voids.get(entry.pk)  # type: ignore[attr-defined]
    return entries


def left_of(entries: Iterable[CashEntry]) -> dict[int, Decimal]:
    """What is left of each receipt, deposit and use of one visit, by id: what may still be given back or used.

    A receipt is lessened by its refunds, a deposit by its uses and returns; a release gives back to both the use and
    its deposit. A void leaves nothing.
    """
    entries = list(entries)
    by_id = {entry.pk: entry for entry in entries}
    left = {entry.pk: entry.amount for entry in entries if entry.kind in GIVES_BACK}
    for entry in entries:
        if entry.reverses_id is None:
            continue
        left[entry.reverses_id] -= entry.amount
        if entry.kind == Kind.DEPOSIT_RELEASE and (deposit_id := by_id[entry.reverses_id].reverses_id) is not None:
            left[deposit_id] += entry.amount
    return left


def refundable_amount(entry: CashEntry) -> Decimal:
    """What is left of one entry, đồng."""
    rows = CashEntry.objects.for_facility(entry.facility).filter(visit_id=entry.visit_id)
    return left_of(rows).get(entry.pk, ZERO)


def entries_on(facility: Facility, day: date, *, cashier_id: int | None = None) -> QuerySet[CashEntry]:
    """The entries of a day, latest first, optionally of one cashier."""
    start, end = day_range(day)
    rows = CashEntry.objects.for_facility(facility).filter(at__gte=start, at__lt=end)
    if cashier_id is not None:
        rows = rows.filter(by_id=cashier_id)
    return rows.select_related("visit__patient", "by", "reverses").order_by("-at", "-id")


@dataclass(frozen=True, slots=True)
class KindTotal:
    """Number and sum of the entries of one kind by one method, đồng, with the sign in which the drawer sees them."""

    kind: str
    method: str
    count: int
    amount: Decimal

    @property
    def cash(self) -> Decimal:
        return EFFECTS[self.kind].cash * self.amount

    @property
    def kind_label(self) -> str:
        return str(Kind(self.kind).label)

    @property
    def method_label(self) -> str:
        return str(CashEntry.Method(self.method).label)


def totals(entries: QuerySet[CashEntry]) -> list[KindTotal]:
    """Entries by kind and method, in the order of the choices; absent ones have none."""
    rows = entries.order_by().values_list("kind", "method").annotate(n=Count("pk"), total=Sum("amount"))
    found = {(kind, method): KindTotal(kind, method, n, total) for kind, method, n, total in rows}
    return [found[key] for kind in Kind for method in CashEntry.Method if (key := (kind.value, method.value)) in found]


def taken_by(reach: Reach, start: datetime, end: datetime, period: Any) -> list[tuple[int, Any, str, Decimal]]:
    """What came in less what went out from `start` to before `end`, as in the report of a day (R1): a row (facility,
    period, method, đồng) for each. `period` cuts the time of an entry, such as `TruncDate("at")`."""
    rows = CashEntry.objects.for_reach(reach).filter(at__gte=start, at__lt=end).order_by()
    rows = rows.annotate(period=period).values_list("facility_id", "period", "method")
    return list(rows.annotate(cash=sum_of("cash")))


# Drawers and days


def open_session_of(facility: Facility, user_id: int) -> CashSession | None:
    """The cashier's open drawer."""
    return CashSession.objects.for_facility(facility).filter(cashier_id=user_id, closed_at__isnull=True).first()


def last_session_of(facility: Facility, user_id: int) -> CashSession | None:
    """The drawer that the cashier closed last."""
    closed = CashSession.objects.for_facility(facility).filter(cashier_id=user_id, closed_at__isnull=False)
    return closed.select_related("received_by").order_by("-closed_at").first()


def sessions_to_receive(facility: Facility, user_id: int) -> list[CashSession]:
    """Closed drawers of others whose money nobody has taken over yet, oldest first."""
    rows = CashSession.objects.for_facility(facility).filter(closed_at__isnull=False, received_at__isnull=True)
    return list(rows.exclude(cashier_id=user_id).select_related("cashier").order_by("closed_at", "pk"))


def expected_cash(session: CashSession) -> Decimal:
    """What the drawer should hold: opening float and what cash came in less what went out, đồng."""
    cash = session.entries.filter(method=CashEntry.Method.CASH)
    return session.opening_float + cash.aggregate(total=sum_of("cash"))["total"]


@dataclass(frozen=True, slots=True)
class MethodTotal:
    """Taken and given back in one drawer by one method, đồng: receipts and deposits against refunds and voids."""

    method: str
    received: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        return self.received - self.refunded


def session_totals(session: CashSession) -> list[MethodTotal]:
    """What moved in a drawer by method, in the order of the methods; absent ones have none."""
    return method_totals(totals(session.entries.all()))


def method_totals(rows: Sequence[KindTotal]) -> list[MethodTotal]:
    """The money of kinds by method; entries that move none, such as a use of a deposit, are left out."""
    found = []
    for method in CashEntry.Method:
        moved = [row.cash for row in rows if row.method == method and row.cash]
        if moved:
            received, given = sum((c for c in moved if c > 0), ZERO), -sum((c for c in moved if c < 0), ZERO)
            found.append(MethodTotal(str(method.label), received, given))
    return found


def closed_day(facility: Facility, day: date) -> CashDay | None:
    """The row of a closed day; None while it is open."""
    found: CashDay | None = CashDay.objects.for_facility(facility).filter(day=day).select_related("closed_by").first()
    return found


def sessions_of_day(facility: Facility, day: date) -> list[CashSession]:
    """Drawers that were opened on the day, and those still open from before."""
    start, end = day_range(day)
    rows = CashSession.objects.for_facility(facility).filter(opened_at__lt=end)
    rows = rows.filter(Q(opened_at__gte=start) | Q(closed_at__isnull=True))
    return list(rows.select_related("cashier", "received_by").order_by("opened_at", "pk"))


# Deposits


def held_deposits(facility: Facility, *, until: datetime | None = None) -> QuerySet[Any]:
    """Visits with a deposit held, oldest first, each with `.deposited .used .returned .held` (tạm ứng tồn, đồng);
    with `until` as it was before that instant. Deposited less used less returned is held."""
    rows = CashEntry.objects.for_facility(facility)
    if until is not None:
        rows = rows.filter(at__lt=until)
    mine = rows.filter(visit_id=OuterRef("pk")).order_by().values("visit_id")

    def total(add: Sequence[str], less: Sequence[str]) -> Coalesce:
        plus, minus = Q(kind__in=add), Q(kind__in=less)
        sums = mine.annotate(n=Coalesce(Sum("amount", filter=plus), ZERO) - Coalesce(Sum("amount", filter=minus), ZERO))
        return Coalesce(Subquery(sums.values("n")), Value(ZERO))

    visits = Visit.objects.for_facility(facility).filter(pk__in=rows.filter(kind=Kind.DEPOSIT).values("visit_id"))
    visits = visits.annotate(
        deposited=total([Kind.DEPOSIT], [Kind.DEPOSIT_VOID]),
        used=total([Kind.DEPOSIT_USE], [Kind.DEPOSIT_RELEASE]),
        returned=total([Kind.DEPOSIT_RETURN], []),
    ).annotate(held=F("deposited") - F("used") - F("returned"))
    return visits.filter(held__gt=0).select_related("patient").order_by("arrived_at", "pk")


def held_total(facility: Facility, *, until: datetime | None = None) -> Decimal:
    """All deposits held, đồng, now or before an instant."""
    rows = CashEntry.objects.for_facility(facility)
    if until is not None:
        rows = rows.filter(at__lt=until)
    total: Decimal = rows.aggregate(total=sum_of("held"))["total"]
    return total


# Visits whose account is not level


def unsettled_results(facility: Facility) -> QuerySet[BenefitResult]:
    """Current splits whose account is not level; each carries `.payable .paid .held .due .refund_due`, đồng."""
    rows = BenefitResult.objects.for_facility(facility).filter(is_current=True)
    # PostgreSQL rounds numeric values half away from zero: for amounts that is `round0`.
    payable = Round(F("copay_amount") + F("self_paid_amount")) - F("waived_amount")
    rows = rows.annotate(payable=payable, paid=visit_sum("paid"), held=visit_sum("held"))
    rows = rows.annotate(due=F("payable") - F("paid") - F("held"), refund_due=F("paid") + F("held") - F("payable"))
    return rows.exclude(payable=F("paid"), held=0).select_related("visit__patient", "visit__card")


def visit_sum(name: str) -> Coalesce:
    """`paid` or `held` of the visit of a row that has a `visit_id`."""
    entries = CashEntry.objects.filter(visit_id=OuterRef("visit_id")).order_by().values("visit_id")
    return Coalesce(Subquery(entries.annotate(total=sum_of(name)).values("total")), ZERO)


def debts(facility: Facility, *, before: date | None = None) -> QuerySet[BenefitResult]:
    """Splits whose account is not level, latest first; optionally only visits that arrived before the day."""
    rows = unsettled_results(facility)
    if before is not None:
        rows = rows.filter(visit__arrived_at__lt=day_range(before)[0])
    return rows.order_by("-visit__arrived_at", "-visit_id")


@dataclass(frozen=True, slots=True)
class DebtSums:
    """All accounts that are not level: how many, what is still to be taken and what is to be given back, đồng."""

    count: int
    owed: Decimal
    to_return: Decimal


def debt_sums(facility: Facility) -> DebtSums:
    """The sums below the list of debts."""
    found = unsettled_results(facility).aggregate(
        count=Count("pk"),
        owed=Coalesce(Sum("due", filter=Q(due__gt=0)), ZERO),
        to_return=Coalesce(Sum("refund_due", filter=Q(refund_due__gt=0)), ZERO),
    )
    return DebtSums(**found)
