"""Stage 8: self-paid parts and other sources (T_NGUONKHAC), in the official order of QĐ 4750/QĐ-BYT.

Support for the patient is taken from the self-paid part, then the co-payment, then the fund. Support for the
facility was already taken off the price. ARV support takes over the co-payment of the drug.
"""

from collections.abc import Sequence
from decimal import Decimal

from his.core.money import round2
from insurance.benefits.engine.facts import HUNDRED, ZERO, BenefitError
from insurance.benefits.engine.work import Decision, Line, Visit, money_text

_ORDER = ("state", "foreign", "domestic", "other")


def settle(visit: Visit, decision: Decision, lines: Sequence[Line]) -> None:
    """Fill the self-paid part of every line and let other sources pay their share."""
    splits_route = (
        visit.params.setting("off_route_patient_part") == "self_paid"
        and decision.rate is not None
        and decision.percent < HUNDRED
    )
    for line in lines:
        support = sum(line.sources, ZERO)
        line.self_paid = line.hospital - line.insured
        if splits_route:
            _move_route_part(line, decision.percent)
        if line.item.other_source_mode == "facility":
            line.self_paid -= support
            _say_facility_support(visit, line, support)
        elif line.item.other_source_mode == "arv":
            _arv(visit, line, support)
        elif support:
            _patient_support(visit, line, support)
    total = sum((sum(line.sources, ZERO) for line in lines), ZERO)
    if total:
        visit.explain("sources", f"Nguồn khác chi trả {money_text(total)} đồng", visit.params.law("other_sources"))


def _move_route_part(line: Line, route_percent: Decimal) -> None:
    """The reading of older checks: what the route rate leaves is self-paid, not co-payment."""
    part = min(line.copay, round2(line.insured * (HUNDRED - route_percent) / HUNDRED))
    line.copay -= part
    line.self_paid += part


def _patient_support(visit: Visit, line: Line, support: Decimal) -> None:
    left = support
    from_self = min(left, line.self_paid)
    left -= from_self
    from_copay = min(left, line.copay)
    left -= from_copay
    line.self_paid -= from_self
    line.copay -= from_copay
    line.fund -= left
    parts = (("tự trả", from_self), ("cùng chi trả", from_copay), ("quỹ BHYT", left))
    said = ", ".join(f"{name} {money_text(part)}" for name, part in parts if part)
    line.because(
        f"Nguồn khác hỗ trợ người bệnh {money_text(support)} đồng, trừ vào {said}", visit.params.law("other_sources")
    )


def _say_facility_support(visit: Visit, line: Line, support: Decimal) -> None:
    if support:
        line.because(
            f"Nguồn khác hỗ trợ cơ sở {money_text(support)} đồng, trừ vào giá trước khi chia phần còn lại",
            visit.params.law("other_sources"),
        )


def _arv(visit: Visit, line: Line, support: Decimal) -> None:
    if support:
        raise BenefitError("arv_sources", f"Dòng {line.item.key}: nguồn ARV do hệ thống tính, không nhập số tiền")
    where = _ORDER.index(visit.params.setting("arv_source"))
    amounts = [line.copay if position == where else ZERO for position in range(len(_ORDER))]
    line.sources = (amounts[0], amounts[1], amounts[2], amounts[3])
    line.because("Nguồn hỗ trợ thuốc ARV trả phần cùng chi trả", visit.params.law("other_sources"))
    line.copay = ZERO
