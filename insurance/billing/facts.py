"""From a stored visit to the plain facts that the benefit engine reads."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from his.accounts.models import FacilityStatus
from his.core.dates import day_range, local
from his.core.errors import Refusal
from his.core.money import ZERO
from insurance.benefits.engine import Facts, Item, load
from insurance.models import BenefitResult, Charge
from patients.models import Visit, VisitDiagnosis


def facts_of(visit: Visit, *, on: date) -> Facts:
    """The facts of a visit that ends on the day. Refuses with `tier_missing` when the facility has no tier that day.

    Not known here, so left open: co-payment paid elsewhere, whether a listed disease fulfils its clinical condition,
    a stable chronic patient sent back to the station, a second card in a stay, when a card was shown, support by
    other sources, packages and unit ceilings of supplies.
    """
    card = visit.card if visit.is_insured else None
    status = FacilityStatus.objects.for_facility(visit.facility).on(on).first()
    if status is None:
        raise Refusal("tier_missing", f"Cơ sở chưa khai báo cấp chuyên môn kỹ thuật ngày {on:%d/%m/%Y}")
    paid, paid_before = _copay_this_year(visit, on) if card and card.five_years_from else (ZERO, ZERO)
    main = VisitDiagnosis.objects.for_facility(visit.facility).filter(visit=visit, is_main=True).order_by("id").last()
    return Facts(
        ended_on=on,
        admitted_on=local(visit.arrived_at).date(),
        visit_type=visit.visit_type,
        card_number=card.number if card else None,
        registered_facility=card.registered_facility_code if card else "",
        facility_code=visit.facility.code,
        facility_kind=visit.facility.kind,
        facility_tier=status.tier,
        facility_points=status.points,
        facility_provisional=status.is_provisional,
        former_line=status.former_line,
        route=visit.route,
        main_icd=main.code if main else "",
        patient_born=visit.patient.born_on,
        five_years_from=card.five_years_from if card else None,
        copay_exempt_from=card.copay_exempt_from if card else None,
        copay_paid_this_year=paid,
        copay_paid_before_change=paid_before,
        area_code=card.area_code if card else "",
        card_valid_from=card.valid_from if card else None,
        card_valid_to=card.valid_to if card else None,
    )


def items_of(charges: Sequence[Charge]) -> list[Item]:
    """One line for each charge; the key is the charge's id."""
    return [
        Item(
            key=str(charge.pk),
            kind=charge.line_kind,
            group_code=charge.group_code,
            quantity=charge.quantity,
            hospital_price=charge.hospital_price,
            insured_price=charge.insured_price,
            service_rate=charge.service_rate,
            payment_rate=charge.payment_rate,
            scope=charge.scope_code,
            provided_on=local(charge.ordered_at).date(),
            sequence=position,
            reasons=tuple(charge.reasons),
        )
        for position, charge in enumerate(charges, 1)
    ]


def _copay_this_year(visit: Visit, on: date) -> tuple[Decimal, Decimal]:
    """Co-payment of the patient's earlier visits of the year here, and its part before the base salary changed.

    Visits on routes that the yearly limit leaves out do not count. What was paid elsewhere only the portal knows.
    """
    params = load(on=on)
    change = params.salary_change()
    is_before = Q(visit__ended_at__lt=day_range(change)[0]) if change else Q(pk__in=[])
    earlier = BenefitResult.objects.for_facility(visit.facility).filter(
        visit__patient=visit.patient,
        is_current=True,
        visit__ended_at__year=on.year,
        visit__ended_at__lt=visit.ended_at or visit.arrived_at,
    )
    sums = (
        earlier.exclude(visit=visit)
        .exclude(entitlement_code__in=params.codes_outside_limit())
        .aggregate(
            paid=Coalesce(Sum("copay_amount"), ZERO), before=Coalesce(Sum("copay_amount", filter=is_before), ZERO)
        )
    )
    return sums["paid"], sums["before"]
