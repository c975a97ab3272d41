"""What is owed and what was paid: the one place that screens, papers, claims and reports ask."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce, Round

from his.accounts.models import Facility
from his.core.dates import day_range
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO, round0
from insurance.models import BenefitLine, BenefitResult, CashEntry, CashSession, FeeWaiver, SelfPayChoice
from patients.models import Prescription, ServiceOrder, Visit
from pharmacy.models import Dispense

NOT_DISPENSED = "not_dispensed"
RESULTS_PENDING = "results_pending"
_SIGNED = Case(When(kind=CashEntry.Kind.REFUND, then=-F("amount")), default=F("amount"))


def get_visit(facility: Facility, pk: int) -> Visit:
    """A visit of the facility with patient, card and room, or NotFound."""
    row = Visit.objects.for_facility(facility).select_related("patient", "card", "facility", "room").filter(pk=pk)
    if (visit := row.first()) is None:
        raise NotFound
    return visit


def get_entry(facility: Facility, pk: int) -> CashEntry:
    """A receipt or refund of the facility, or NotFound."""
    rows = CashEntry.objects.for_facility(facility).select_related("visit__patient", "session", "by", "reverses")
    if (entry := rows.filter(pk=pk).first()) is None:
        raise NotFound
    return entry


def get_waiver(facility: Facility, pk: int) -> FeeWaiver:
    """A waiver of the facility, or NotFound."""
    row = FeeWaiver.objects.for_facility(facility).select_related("visit", "result").filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def get_choice(facility: Facility, pk: int) -> SelfPayChoice:
    """What a patient of the facility wished to pay alone, or NotFound."""
    row = SelfPayChoice.objects.for_facility(facility).select_related("visit").filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def current_result(visit: Visit) -> BenefitResult | None:
    """The split in force, or None while the visit was never closed or is open again."""
    return BenefitResult.objects.for_facility(visit.facility).filter(visit=visit, is_current=True).first()


def last_result(visit: Visit, *, before: BenefitResult | None = None) -> BenefitResult | None:
    """The latest split of the visit, in force or not; optionally the latest one but that."""
    rows = BenefitResult.objects.for_facility(visit.facility).filter(visit=visit)
    return rows.exclude(pk=before.pk if before else None).order_by("-version").first()


def lines_of(result: BenefitResult) -> list[BenefitLine]:
    """The stored lines of a split with their charges, in order."""
    return list(result.lines.select_related("charge").order_by("position"))


def whole_amount(result: BenefitResult) -> Decimal:
    """The patient's part before waivers: co-payment and self-paid part, rounded once to whole đồng (docs/money.md)."""
    return round0(result.patient_amount)


def waived_at(result: BenefitResult, at: datetime) -> Decimal:
    """What was waived of a split until the instant, đồng; now it is `result.waived_amount`."""
    rows = result.fee_waivers.filter(at__lte=at)
    signed = Case(When(kind=FeeWaiver.Kind.CANCELLATION, then=-F("amount")), default=F("amount"))
    return rows.aggregate(total=Coalesce(Sum(signed), ZERO))["total"]


def payable_amount(result: BenefitResult) -> Decimal:
    """What the patient pays: the whole of their part less what was waived, whole đồng (docs/money.md)."""
    return whole_amount(result) - result.waived_amount


def paid_amount(visit: Visit) -> Decimal:
    """Receipts less refunds of the visit, đồng."""
    entries = CashEntry.objects.for_facility(visit.facility).filter(visit=visit)
    return entries.aggregate(total=Coalesce(Sum(_SIGNED), ZERO))["total"]


def amount_due(visit: Visit) -> Decimal:
    """What is still to be paid, đồng; negative when money has to go back. Zero while no split is in force."""
    result = current_result(visit)
    return payable_amount(result) - paid_amount(visit) if result else ZERO


def paid_at(visit: Visit) -> datetime | None:
    """When the visit was settled: at the last receipt, at closing when nothing was to pay; None while money is owed."""
    if current_result(visit) is None or amount_due(visit) > 0:
        return None
    entries = CashEntry.objects.for_facility(visit.facility).filter(visit=visit)
    last = entries.order_by("-at", "-id").values_list("at", flat=True).first()
    return last or visit.closed_at


def entries_of(visit: Visit) -> list[CashEntry]:
    """Receipts and refunds of the visit, oldest first; each receipt carries `.left`, what may still be refunded."""
    rows = CashEntry.objects.for_facility(visit.facility).filter(visit=visit).select_related("by", "reverses")
    return _with_left(list(rows.annotate(refunded=_refunded()).order_by("at", "id")))


def waivers_of(visit: Visit) -> list[FeeWaiver]:
    """Waivers of the visit and their cancellations, oldest first."""
    rows = FeeWaiver.objects.for_facility(visit.facility).filter(visit=visit)
    return list(rows.select_related("by", "line__charge", "cancels", "cancelled_by").order_by("at", "id"))


def standing_waivers(result: BenefitResult) -> list[FeeWaiver]:
    """Waivers of a split that were not cancelled, oldest first."""
    rows = FeeWaiver.objects.for_facility(result.facility).filter(result=result, kind=FeeWaiver.Kind.GRANT)
    return list(rows.filter(cancelled_by__isnull=True).select_related("by", "line__charge").order_by("at", "id"))


def refundable_amount(entry: CashEntry) -> Decimal:
    """What is left of a receipt after its refunds, đồng."""
    refunded = entry.refunds.aggregate(total=Coalesce(Sum("amount"), ZERO))["total"]
    return entry.amount - refunded


def receipts_on(facility: Facility, day: date, *, cashier_id: int | None = None) -> QuerySet[CashEntry]:
    """Receipts and refunds of a day, latest first, optionally of one cashier."""
    start, end = day_range(day)
    rows = CashEntry.objects.for_facility(facility).filter(at__gte=start, at__lt=end)
    if cashier_id is not None:
        rows = rows.filter(by_id=cashier_id)
    return rows.select_related("visit__patient", "by", "reverses").order_by("-at", "-id")


def open_session_of(facility: Facility, user_id: int) -> CashSession | None:
    """The cashier's open drawer."""
    return CashSession.objects.for_facility(facility).filter(cashier_id=user_id, closed_at__isnull=True).first()


def last_session_of(facility: Facility, user_id: int) -> CashSession | None:
    """The drawer that the cashier closed last."""
    closed = CashSession.objects.for_facility(facility).filter(cashier_id=user_id, closed_at__isnull=False)
    return closed.order_by("-closed_at").first()


def expected_cash(session: CashSession) -> Decimal:
    """What the drawer should hold: opening float, cash receipts less cash refunds, đồng."""
    cash = session.entries.filter(method=CashEntry.Method.CASH)
    return session.opening_float + cash.aggregate(total=Coalesce(Sum(_SIGNED), ZERO))["total"]


@dataclass(frozen=True, slots=True)
class MethodTotal:
    """Taken and given back in one drawer by one method, đồng."""

    method: str
    received: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        return self.received - self.refunded


def session_totals(session: CashSession) -> list[MethodTotal]:
    """Receipts and refunds of a drawer by method, in the order of the methods; absent ones have none."""
    sums = {(m, k): s for m, k, s in session.entries.values_list("method", "kind").annotate(s=Sum("amount")).order_by()}
    kinds = CashEntry.Kind
    return [
        MethodTotal(str(method.label), sums.get((method, kinds.RECEIPT), ZERO), sums.get((method, kinds.REFUND), ZERO))
        for method in CashEntry.Method
        if (method, kinds.RECEIPT) in sums or (method, kinds.REFUND) in sums
    ]


def blockers(visit: Visit) -> list[Refusal]:
    """Why the visit cannot be closed yet, in the order to be mended; prices are checked by the charges themselves."""
    if visit.state == Visit.State.CANCELLED:
        return [Refusal("cancelled", "Lượt khám đã hủy")]
    found = []
    if visit.state not in {Visit.State.EXAMINED, Visit.State.CLOSED}:
        found.append(Refusal("not_signed", "Bác sĩ chưa ký kết thúc khám"))
    orders = ServiceOrder.objects.for_facility(visit.facility).filter(visit=visit, state=ServiceOrder.State.ORDERED)
    if pending := list(orders.order_by("id").values_list("service__name", flat=True)):
        found.append(Refusal(RESULTS_PENDING, f"Còn chỉ định chưa có kết quả: {'; '.join(pending)}"))
    if undispensed(visit).exists():
        text = "Đơn thuốc chưa cấp phát; nếu người bệnh không nhận thuốc, hãy ghi lý do"
        found.append(Refusal(NOT_DISPENSED, text, field="drugs_declined_reason"))
    return found


def warnings(visit: Visit) -> list[str]:
    """What does not stop closing but will be found in the claim, in Vietnamese, while it can still be mended."""
    if not visit.is_insured:
        return []
    found = []
    if not visit.vital_signs.filter(weight_kg__isnull=False).exists():
        found.append("Chưa ghi cân nặng: hồ sơ BHYT bắt buộc có, hãy nhờ điều dưỡng cân trước khi chốt")
    if not visit.patient.province_code or not visit.patient.commune_code:
        found.append("Chưa có mã tỉnh, mã xã nơi cư trú: hồ sơ BHYT bắt buộc có, hãy nhờ tiếp đón bổ sung")
    return found


def undispensed(visit: Visit) -> QuerySet[Prescription]:
    """Prescriptions of the visit that were written and are not handed out."""
    rows = Prescription.objects.for_facility(visit.facility).filter(visit=visit, lines__isnull=False)
    given = Dispense.objects.for_facility(visit.facility).filter(prescription__visit=visit, is_reversed=False)
    return rows.exclude(pk__in=given.values("prescription_id")).distinct()


@dataclass(frozen=True, slots=True)
class DueVisit:
    """A row of the cashier's list: a visit to close, or closed with money to collect or, below zero, to give back."""

    visit: Visit
    due: Decimal
    is_closed: bool
    is_waiting_for_drugs: bool = False

    @property
    def refund_due(self) -> Decimal:
        """What has to go back, đồng; zero when money is owed."""
        return max(-self.due, ZERO)


def visits_to_settle(facility: Facility, *, since: date | None = None) -> list[DueVisit]:
    """Examined visits that wait for closing, and closed ones whose account is not level, oldest first.

    `since` leaves out closed visits that arrived before that day: old debts have their own list (`debts`).
    """
    lines = Prescription.objects.filter(visit=OuterRef("pk"), lines__isnull=False)
    given = Dispense.objects.filter(prescription=OuterRef("pk"), is_reversed=False)
    waiting = (
        Visit.objects.for_facility(facility)
        .filter(state=Visit.State.EXAMINED)
        .select_related("patient", "card")
        .annotate(waits_for_drugs=Exists(lines.exclude(Exists(given))))
    )
    rows = [DueVisit(visit, ZERO, False, visit.waits_for_drugs) for visit in waiting]
    unsettled: QuerySet[Any] = unsettled_results(facility)
    if since is not None:
        unsettled = unsettled.filter(visit__arrived_at__gte=day_range(since)[0])
    rows += [DueVisit(result.visit, result.due, True) for result in unsettled]
    return sorted(rows, key=lambda row: (row.visit.ended_at or row.visit.arrived_at, row.visit.pk))


def debts(facility: Facility, *, before: date | None = None) -> QuerySet[BenefitResult]:
    """Splits whose account is not level, latest first; optionally only visits that arrived before the day."""
    rows = unsettled_results(facility)
    if before is not None:
        rows = rows.filter(visit__arrived_at__lt=day_range(before)[0])
    return rows.order_by("-visit__arrived_at", "-visit_id")


def unsettled_results(facility: Facility) -> QuerySet[BenefitResult]:
    """Current splits whose payable amount is not what was paid; each carries `.payable .paid .due .refund_due`."""
    rows = BenefitResult.objects.for_facility(facility).filter(is_current=True)
    # PostgreSQL rounds numeric values half away from zero: for amounts that is `round0`.
    payable = Round(F("copay_amount") + F("self_paid_amount")) - F("waived_amount")
    rows = rows.annotate(payable=payable, paid=paid_subquery())
    rows = rows.annotate(due=F("payable") - F("paid"), refund_due=F("paid") - F("payable")).exclude(due=0)
    return rows.select_related("visit__patient", "visit__card")


def paid_subquery() -> Coalesce:
    """Receipts less refunds of the visit of a BenefitResult row."""
    entries = CashEntry.objects.filter(visit_id=OuterRef("visit_id")).order_by().values("visit_id")
    return Coalesce(Subquery(entries.annotate(total=Sum(_SIGNED)).values("total")), ZERO)


def _refunded() -> Coalesce:
    refunds = CashEntry.objects.filter(reverses_id=OuterRef("pk")).order_by().values("reverses_id")
    return Coalesce(Subquery(refunds.annotate(total=Sum("amount")).values("total")), ZERO)


def _with_left(entries: list[CashEntry]) -> list[CashEntry]:
    for entry in entries:
        entry.left = entry.amount - entry.refunded if entry.kind == CashEntry.Kind.RECEIPT else ZERO  # type: ignore[attr-defined]
    return entries
