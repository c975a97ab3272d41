"""Quantities and rates that come before the split: bed days, shared beds, operations, transport, re-used supplies.

Each function takes the parameters of the day and answers what belongs into `Item.quantity`, `Item.service_rate`
or a price. Sources: TT 39/2018 and TT 39/2024 (beds, operations), NĐ 146/2018 Đ26 (transport), TT 04/2017 Đ5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from insurance.benefits.engine.facts import ZERO, BenefitError
from insurance.benefits.engine.params import Params

SURGERY_ROLES = frozenset({"first", "same_team", "other_team", "procedure"})


@dataclass(frozen=True, slots=True)
class WardStay:
    """One ward of a day: the bed price of one day in đồng, the hours spent there, the patients in the bed."""

    bed_price: Decimal
    hours: Decimal
    patients: int = 1


def bed_days(params: Params, *, admitted_at: datetime, left_at: datetime, has_extra_day: bool = False) -> int:
    """Days of bed of one inpatient stay, from the admission to the ward and not from the arrival.

    Four hours or less: none. Up to 24 hours: one, also across midnight or for a death. Longer: the difference of
    the dates, and one more when `has_extra_day` (death, not better and taken home, sent up, or sent on past the
    emergency phase). Refuses a discharge before the admission.
    """
    length = left_at - admitted_at
    if length < timedelta():
        raise BenefitError("left_before_admitted", "Giờ ra viện trước giờ vào viện", field="left_at")
    if length <= _hours(params, "bed_no_charge_hours"):
        return 0
    if length < _hours(params, "bed_single_day_hours"):
        return 1
    return (left_at.date() - admitted_at.date()).days + int(has_extra_day)


def may_earn_extra_day(treatment_result: str, discharge_kind: str) -> bool:
    """Whether the outcome does not rule one more bed day out, by KET_QUA_DTRI and MA_LOAI_RV: for warnings only.

    Death, not better or worse, transferred, or taken home; `earns_extra_day` says when it is billed.
    """
    return treatment_result in {"3", "4", "5", "6"} or discharge_kind in {"2", "4", "5"}


def earns_extra_day(treatment_result: str, discharge_kind: str) -> bool:
    """Whether the outcome earns one more bed day (TT 39/2024 Đ4c k1), by KET_QUA_DTRI and MA_LOAI_RV.

    Death (5), or taken home to die (6); not better or worse (3, 4) only who is also sent up (2, 5) or taken home (4).
    Who is sent on better, past the emergency phase, earns it too by the law; no code says so, and it is not billed.
    """
    return treatment_result in {"5", "6"} or (treatment_result in {"3", "4"} and discharge_kind in {"2", "4", "5"})


def bed_share_rate(params: Params, *, patients: int) -> Decimal:
    """TYLE_TT_DV of a bed shared by that many patients. Refuses less than one."""
    if patients < 1:
        raise BenefitError("patients_in_bed", "Số người nằm một giường phải từ 1")
    return params.step_number("bed_share_rate", str(patients))


def stretcher_rate(params: Params) -> Decimal:
    """TYLE_TT_DV of a stretcher or folding bed (băng ca, giường gấp)."""
    return params.number("bed_stretcher_rate")


def ward_quantities(params: Params, stays: Sequence[WardStay]) -> tuple[Decimal, ...]:
    """Bed quantity of each ward of one day with ward transfers, in the order given.

    One ward: the whole day. Two: half each. Three or more: half for the dearest and half for the cheapest among
    the wards with more than four hours, none for the others; the only one of them has both halves. Where no ward has
    more than four hours the law is silent: our reading is the ward of the longest time. Of a bed of three or more the
    setting `transfer_shared_quantity` may make the half a third.
    """
    if len(stays) <= 1:
        return tuple(Decimal(1) for _ in stays)
    parts = [_transfer_quantity(params, stay) for stay in stays]
    if len(stays) == 2:
        return tuple(parts)
    counted = long_wards(params, stays) or [max(range(len(stays)), key=lambda position: stays[position].hours)]
    dearest = max(counted, key=lambda position: stays[position].bed_price)
    cheapest = min((p for p in counted if p != dearest), key=lambda p: stays[p].bed_price, default=dearest)
    quantities = [ZERO] * len(stays)
    quantities[dearest] += parts[dearest]
    quantities[cheapest] += parts[cheapest]
    return tuple(quantities)


def long_wards(params: Params, stays: Sequence[WardStay]) -> list[int]:
    """The places of the wards with more than the hours that count nothing."""
    hours = params.number("bed_no_charge_hours")
    return [position for position, stay in enumerate(stays) if stay.hours > hours]


def _transfer_quantity(params: Params, stay: WardStay) -> Decimal:
    if stay.patients > 2 and params.setting("transfer_shared_quantity") == "third":
        return params.number("bed_transfer_shared_quantity")
    return params.number("bed_transfer_quantity")


def surgical_bed_days(params: Params, *, days: int) -> tuple[int, int]:
    """Bed days after one operation as (surgical price, medical price)."""
    surgical = min(days, int(params.number("bed_surgical_days")))
    return surgical, days - surgical


def surgery_rate(params: Params, *, role: str) -> Decimal:
    """TYLE_TT_DV of an intervention in one session.

    `first` is the dearest operation, `same_team` and `other_team` further operations outside its procedure,
    `procedure` a procedure that arises. Refuses other words.
    """
    if role not in SURGERY_ROLES:
        raise BenefitError("surgery_role", f"Vai trò phẫu thuật không hợp lệ: {role}")
    return params.number(f"surgery_rate:{role}")


def transport_litres(params: Params, *, distance_km: Decimal, is_own_vehicle: bool) -> Decimal:
    """Litres of fuel for one transfer: both ways in the sending facility's vehicle, one way in another one."""
    if distance_km < 0:
        raise BenefitError("distance", "Quãng đường không được âm", field="distance_km")
    ways = params.number("transport_ways:own_vehicle" if is_own_vehicle else "transport_ways:other_vehicle")
    return distance_km * ways * params.number("transport_litres_per_km")


def reused_supply_price(
    params: Params, *, price: Decimal, average_uses_last_year: Decimal, sterilisation_cost: Decimal
) -> Decimal:
    """Price per use of a re-used supply, đồng: price / n + sterilisation x (n - 1) / n, n = average uses x factor."""
    n = average_uses_last_year * params.number("reuse_factor")
    if n < 1:
        raise BenefitError("reuse_count", "Số lần sử dụng bình quân chưa đủ một lần")
    return price / n + sterilisation_cost * (n - 1) / n


def _hours(params: Params, key: str) -> timedelta:
    return timedelta(hours=int(params.number(key)))
