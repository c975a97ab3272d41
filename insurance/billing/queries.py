"""What is owed and what was paid: the one place that screens, papers, claims and reports ask."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Case, F, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.core.money import ZERO, round0
from insurance.models import BenefitResult, CashEntry, CashSession
from patients.models import Visit

_SIGNED = Case(When(kind=CashEntry.Kind.REFUND, then=-F("amount")), default=F("amount"))


def current_result(visit: Visit) -> BenefitResult | None:
    """The split in force, or None while the visit was never closed or is open again."""
    return BenefitResult.objects.for_facility(visit.facility).filter(visit=visit, is_current=True).first()


def payable_amount(result: BenefitResult) -> Decimal:
    """What the patient pays for the visit, in whole đồng: co-payment and self-paid part, rounded once (docs/money.md)."""
    return round0(result.patient_amount)


def paid_amount(visit: Visit) -> Decimal:
    """Receipts less refunds of the visit, đồng."""
    entries = CashEntry.objects.for_facility(visit.facility).filter(visit=visit)
    return entries.aggregate(total=Coalesce(Sum(_SIGNED), ZERO))["total"]


def amount_due(visit: Visit) -> Decimal:
    """What is still to be paid, đồng; negative when money has to go back. Zero while no split is in force."""
    result = current_result(visit)
    return (payable_amount(result) if result else ZERO) - paid_amount(visit)


def paid_at(visit: Visit) -> datetime | None:
    """When the visit was settled: at closing when nothing was to pay, else at the last receipt; None while money is owed."""
    if current_result(visit) is None or amount_due(visit) > 0:
        return None
    last = (
        CashEntry.objects.for_facility(visit.facility)
        .filter(visit=visit)
        .order_by("-at", "-id")
        .values_list("at", flat=True)
        .first()
    )
    return last or visit.closed_at


def refundable_amount(entry: CashEntry) -> Decimal:
    """What is left of a receipt after its refunds, đồng."""
    refunded = entry.refunds.aggregate(total=Coalesce(Sum("amount"), ZERO))["total"]
    return entry.amount - refunded


def open_session_of(facility: Facility, user_id: int) -> CashSession | None:
    """The cashier's open drawer."""
    return CashSession.objects.for_facility(facility).filter(cashier_id=user_id, closed_at__isnull=True).first()


def expected_cash(session: CashSession) -> Decimal:
    """What the drawer should hold: opening float, cash receipts less cash refunds, đồng."""
    cash = session.entries.filter(method=CashEntry.Method.CASH)
    return session.opening_float + cash.aggregate(total=Coalesce(Sum(_SIGNED), ZERO))["total"]


@dataclass(frozen=True, slots=True)
class DueVisit:
    """A row of the cashier's list: a visit to close, or closed with money still to collect or to give back."""

    visit: Visit
    due: Decimal
    is_closed: bool


def visits_to_settle(facility: Facility) -> list[DueVisit]:
    """Examined visits that wait for closing, and closed ones whose account is not level, oldest first."""
    waiting = _visits(facility).filter(state=Visit.State.EXAMINED)
    rows = [DueVisit(visit, ZERO, False) for visit in waiting]
    open_accounts = unsettled_results(facility)
    rows += [DueVisit(r.visit, payable_amount(r) - r.paid, True) for r in open_accounts]
    return sorted(rows, key=lambda row: row.visit.ended_at or row.visit.arrived_at)


def unsettled_results(facility: Facility) -> list[BenefitResult]:
    """Current splits whose payable amount is not what was paid; each carries `.paid`."""
    results = (
        BenefitResult.objects.for_facility(facility)
        .filter(is_current=True)
        .select_related("visit", "visit__patient")
        .annotate(paid=paid_subquery())
        .exclude(paid=F("copay_amount") + F("self_paid_amount"))
    )
    return [result for result in results if payable_amount(result) != result.paid]


def paid_subquery() -> Coalesce:
    """Receipts less refunds of the visit of a BenefitResult row."""
    from django.db.models import OuterRef, Subquery

    totals = (
        CashEntry.objects.filter(visit_id=OuterRef("visit_id"))
        .order_by()
        .values("visit_id")
        .annotate(t=Sum(_SIGNED))
        .values("t")
    )
    return Coalesce(Subquery(totals), ZERO)


def _visits(facility: Facility) -> QuerySet[Visit]:
    return Visit.objects.for_facility(facility).select_related("patient", "card").order_by("ended_at")
