"""What a visit costs and what it waits for: the one place that screens, papers, claims and reports ask.

What was paid, is held and is due is asked of the cash ledger (`insurance.billing.ledger`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.core.dates import day_range, month_range
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO
from insurance.billing.ledger import unsettled_results
from insurance.models import BenefitLine, BenefitResult, FeeWaiver, SelfPayChoice
from patients.models import BedStay, Prescription, ServiceOrder, Visit
from patients.queries_beds import standing_stays
from pharmacy.queries_given import refused, still_open

NOT_DISPENSED = "not_dispensed"
RESULTS_PENDING = "results_pending"


def get_visit(facility: Facility, pk: int) -> Visit:
    """A visit of the facility with patient, card and room, or NotFound."""
    row = Visit.objects.for_facility(facility).select_related("patient", "card", "facility", "room").filter(pk=pk)
    if (visit := row.first()) is None:
        raise NotFound
    return visit


def get_waiver(facility: Facility, pk: int) -> FeeWaiver:
    """A waiver of the facility, or NotFound."""
    row = FeeWaiver.objects.for_facility(facility).select_related("visit", "result", "by").filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def get_choice(facility: Facility, pk: int) -> SelfPayChoice:
    """What a patient of the facility wished to pay alone, or NotFound."""
    row = SelfPayChoice.objects.for_facility(facility).select_related("visit").filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def get_line(visit: Visit, pk: int) -> BenefitLine:
    """A line of any split of the visit, or NotFound."""
    row: BenefitLine | None = (
        BenefitLine.objects.for_facility(visit.facility).filter(result__visit=visit, pk=pk).first()
    )
    if row is None:
        raise NotFound("Khoản chi phí không thuộc lượt khám này")
    return row


def current_result(visit: Visit) -> BenefitResult | None:
    """The split in force, or None while the visit was never closed or is open again."""
    return BenefitResult.objects.for_facility(visit.facility).filter(visit=visit, is_current=True).first()


def last_result(visit: Visit, *, below: int | None = None) -> BenefitResult | None:
    """The latest split of the visit, in force or not; with `below` the latest of a lower version."""
    if below == 1:
        return None
    rows = BenefitResult.objects.for_facility(visit.facility).filter(visit=visit)
    if below is not None:
        rows = rows.filter(version__lt=below)
    return rows.order_by("-version").first()


def lines_of(result: BenefitResult) -> list[BenefitLine]:
    """The stored lines of a split with their charges, in order."""
    return list(result.lines.select_related("charge").order_by("position"))


def waived_at(result: BenefitResult, at: datetime) -> Decimal:
    """What was waived of a split until the instant, đồng; now it is `result.waived_amount`."""
    rows = result.fee_waivers.filter(at__lte=at)
    signed = Case(When(kind=FeeWaiver.Kind.CANCELLATION, then=-F("amount")), default=F("amount"))
    return rows.aggregate(total=Coalesce(Sum(signed), ZERO))["total"]


def waivers_of(visit: Visit) -> list[FeeWaiver]:
    """Waivers of the visit and their cancellations, oldest first."""
    rows = FeeWaiver.objects.for_facility(visit.facility).filter(visit=visit)
    return list(rows.select_related("by", "result", "line__charge", "cancels", "cancelled_by").order_by("at", "id"))


def waivers_in(facility: Facility, month: date) -> QuerySet[FeeWaiver]:
    """Waivers given in a month on splits that are in force, and their cancellations, latest first."""
    first, after = month_range(month.year, month.month)
    rows = FeeWaiver.objects.for_facility(facility).filter(
        result__is_current=True, at__gte=day_range(first)[0], at__lt=day_range(after)[0]
    )
    return rows.select_related("visit__patient", "line__charge", "by", "cancels").order_by("-at", "-id")


def waived_by_reason(rows: QuerySet[FeeWaiver]) -> list[tuple[str, int, Decimal]]:
    """Reason in words, how many waivers of it stand and what they come to, đồng; the largest first."""
    signed = Case(When(kind=FeeWaiver.Kind.CANCELLATION, then=-F("amount")), default=F("amount"))
    grants = Count("pk", filter=Q(kind=FeeWaiver.Kind.GRANT, cancelled_by__isnull=True))
    found = rows.order_by().values("reason_code").annotate(count=grants, total=Sum(signed)).order_by("-total")
    return [(str(FeeWaiver.Reason(row["reason_code"]).label), row["count"], row["total"]) for row in found]


def standing_waivers(result: BenefitResult) -> list[FeeWaiver]:
    """Waivers of a split that were not cancelled, oldest first."""
    rows = FeeWaiver.objects.for_facility(result.facility).filter(result=result, kind=FeeWaiver.Kind.GRANT)
    return list(rows.filter(cancelled_by__isnull=True).select_related("by", "line__charge").order_by("at", "id"))


def blockers(visit: Visit) -> list[Refusal]:
    """Why the visit cannot be closed yet, in the order to be mended; prices are checked by the charges themselves."""
    if visit.state == Visit.State.CANCELLED:
        return [Refusal("cancelled", "Lượt khám đã hủy")]
    found = []
    if visit.state not in {Visit.State.EXAMINED, Visit.State.CLOSED}:
        found.append(Refusal("not_signed", "Bác sĩ chưa ký kết thúc khám"))
    found += [still_lying(stay) for stay in standing_stays(visit.facility_id, [visit.pk]) if stay.ended_at is None]
    orders = ServiceOrder.objects.for_facility(visit.facility).filter(visit=visit, state=ServiceOrder.State.ORDERED)
    if pending := list(orders.order_by("id").values_list("service__name", flat=True)):
        found.append(Refusal(RESULTS_PENDING, f"Còn chỉ định chưa có kết quả: {'; '.join(pending)}"))
    if (waiting := list(undispensed(visit).values_list("is_sent_back", flat=True))) != []:
        found.append(Refusal(NOT_DISPENSED, _not_dispensed(any(waiting)), field="drugs_declined_reason"))
    return found


def still_lying(stay: BedStay) -> Refusal:
    """Why a visit cannot be closed whose patient lies in the bed."""
    where = f"giường {stay.bed_code}, {stay.department.name}"
    return Refusal("in_ward", f"Người bệnh còn nằm {where}: ghi ra khoa ở Buồng bệnh rồi mới chốt được")


def _not_dispensed(is_sent_back: bool) -> str:
    what = "Nhà thuốc đã trả đơn lại bác sĩ" if is_sent_back else "Đơn thuốc chưa cấp phát, hoặc mới cấp một phần"
    return f"{what}; nếu người bệnh không nhận thuốc, hãy ghi lý do"


def undispensed(visit: Visit) -> QuerySet[Any]:
    """Prescriptions of the visit with something neither handed out nor left out for good, with `is_sent_back`."""
    rows = Prescription.objects.for_facility(visit.facility).filter(still_open(), visit=visit, voided_at__isnull=True)
    return rows.annotate(is_sent_back=refused()).order_by("pk")


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
    open_ones = Prescription.objects.filter(still_open(), visit=OuterRef("pk"), voided_at__isnull=True)
    waiting = (
        Visit.objects.for_facility(facility)
        .filter(state=Visit.State.EXAMINED)
        .select_related("patient", "card")
        .annotate(waits_for_drugs=Exists(open_ones))
    )
    rows = [DueVisit(visit, ZERO, False, visit.waits_for_drugs) for visit in waiting]
    unsettled: QuerySet[Any] = unsettled_results(facility)
    if since is not None:
        unsettled = unsettled.filter(visit__arrived_at__gte=day_range(since)[0])
    rows += [DueVisit(result.visit, result.due, True) for result in unsettled]
    return sorted(rows, key=lambda row: (row.visit.ended_at or row.visit.arrived_at, row.visit.pk))
