"""Stages 3 and 6: what part of each line lies within the insurance, then the cap on supplies.

hospital = quantity x hospital price x service rate; insured = quantity x insured price x service rate x payment
rate, each rounded once to 2 decimals (QĐ 4750). Support given to the facility is taken off the price first. Item
ceilings bind every card; payment rates and the cap of 45 base salaries do not bind levels 1 and 5
(TT 04/2017 Đ3 k2 d).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from his.core.money import allocate, round2
from insurance.benefits.engine.eligibility import EMERGENCY, card_covers, card_number
from insurance.benefits.engine.facts import HUNDRED, ZERO, BenefitError, Item
from insurance.benefits.engine.tables import CardLevel
from insurance.benefits.engine.work import Decision, Line, Visit, in_time_order, money_text, percent_text


def cover(visit: Visit, decision: Decision, cards: Mapping[int, CardLevel], items: Sequence[Item]) -> list[Line]:
    """Lines with hospital and insured amounts. Refuses repeated keys and sources above the line."""
    if len({item.key for item in items}) != len(items):
        raise BenefitError("key_repeated", "Hai dòng chi phí trùng khóa")
    lines = [Line(item=item, card=cards.get(item.segment), reasons=list(item.reasons)) for item in items]
    for line in lines:
        line.is_covered = _is_covered(visit, decision, line)
    _set_service_rates(visit, lines)
    for line in lines:
        _set_amounts(visit, line)
    insured = sum((line.insured for line in lines), ZERO)
    hospital = sum((line.hospital for line in lines), ZERO)
    visit.explain(
        "coverage",
        f"Tổng chi phí {money_text(hospital)} đồng, trong phạm vi BHYT {money_text(insured)} đồng",
        visit.params.law("amounts"),
    )
    return lines


def _is_covered(visit: Visit, decision: Decision, line: Line) -> bool:
    item, card = line.item, line.card
    if decision.rate is None or card is None:
        line.because(decision.reason_vi, decision.law)
        return False
    if item.scope == "2" or item.payment_rate == 0:
        line.because("Ngoài phạm vi được hưởng BHYT, người bệnh tự trả", visit.params.law("out_of_scope"))
        return False
    if item.fund_source != "1":
        line.because(
            "Nguồn khác (dự án, chương trình) chi trả, quỹ BHYT không thanh toán", visit.params.law("fund_source")
        )
        return False
    if item.scope == "3" and not (card.pays_outside_scope and decision.rate.is_right_route):
        line.because("Ngoài danh mục: chỉ thanh toán cho mức thẻ 5 đi khám đúng quy định", visit.params.law("scope_3"))
        return False
    if _is_transport(visit, item) and not _transport_is_paid(visit, line):
        return False
    return card_covers(visit, line, is_emergency=visit.facts.route == "emergency" or decision.code == EMERGENCY)


def _is_transport(visit: Visit, item: Item) -> bool:
    return item.kind == "transport" or item.group_code in visit.params.words("transport_group")


def _transport_is_paid(visit: Visit, line: Line) -> bool:
    number = card_number(visit, line.item.segment)
    groups = visit.params.value("transport_card_groups")
    if visit.params.setting("transport_entitlement") == "skip" or number[:2] in groups.text.split(";"):
        return True
    line.because(f"Nhóm thẻ {number[:2]} không thuộc đối tượng được thanh toán vận chuyển", groups.law)
    return False


def _set_service_rates(visit: Visit, lines: Sequence[Line]) -> None:
    """Exams without a rate get it by their order in the visit; everything else defaults to 100."""
    position = visit.facts.exams_before
    for line in in_time_order(lines, visit.facts.ended_on):
        given = line.item.service_rate
        if line.item.kind == "drug" and given not in {None, HUNDRED}:
            raise BenefitError("drug_service_rate", f"Dòng {line.item.key}: thuốc không có tỷ lệ dịch vụ")
        line.service_rate = HUNDRED if given is None else given
        is_counted = line.is_covered and line.item.quantity > 0
        if line.item.kind == "exam" and is_counted:
            position += 1
            if given is None:
                _set_exam_rate(visit, line, position)
        if given is not None and given < HUNDRED and is_counted:
            _explain_rate(visit, line)


def _set_exam_rate(visit: Visit, line: Line, position: int) -> None:
    if line.item.quantity != 1:
        raise BenefitError("exam_quantity", f"Dòng {line.item.key}: mỗi lần khám là một dòng, số lượng 1")
    line.service_rate = visit.params.step_number("exam_rate", str(position))
    if position > 1:
        line.because(
            f"Lần khám thứ {position} trong lượt: tính {percent_text(line.service_rate)}% giá",
            visit.params.value("exam_rate:1").law,
        )


def _explain_rate(visit: Visit, line: Line) -> None:
    """Say by which rule a line that came with a service rate, but without the reason, is counted in part."""
    if line.item.reasons:
        return
    rule = {"exam": "exam_rate:2", "bed": "bed_share_rate:2"}.get(line.item.kind, "surgery_rate:same_team")
    what = {"exam": "Khám thêm chuyên khoa", "bed": "Nằm ghép, chuyển khoa"}.get(line.item.kind, "Dịch vụ thêm")
    line.because(f"{what}: tính {percent_text(line.service_rate)}% giá", visit.params.value(rule).law)


def _set_amounts(visit: Visit, line: Line) -> None:
    item = line.item
    line.hospital = round2(item.quantity * item.hospital_price * line.service_rate / HUNDRED)
    line.sources = item.sources
    support = sum(item.sources, ZERO)
    if support > line.hospital:
        raise BenefitError("sources_above_line", f"Dòng {item.key}: nguồn khác lớn hơn thành tiền", key=item.key)
    if not line.is_covered:
        return
    if item.kind == "drug" and item.insured_price != item.hospital_price:
        raise BenefitError("drug_two_prices", f"Dòng {item.key}: thuốc chỉ có một đơn giá", key=item.key)
    line.payment_rate = _payment_rate(visit, line)
    full = item.quantity * item.insured_price * line.service_rate * line.payment_rate / (HUNDRED * HUNDRED)
    if support and item.other_source_mode == "facility":
        full = full * (line.hospital - support) / line.hospital
    line.insured = round2(full)
    if item.unit_ceiling is not None and line.insured > (limit := round2(item.unit_ceiling * item.quantity)):
        over = money_text(line.insured - limit)
        line.insured = limit
        line.because(
            f"Mức thanh toán tối đa {money_text(limit)} đồng, phần vượt {over} đồng người bệnh tự trả",
            visit.params.law("item_ceiling"),
        )
    if item.insured_price < item.hospital_price and item.quantity:
        line.because(
            f"Giá BHYT thanh toán {money_text(item.insured_price)} đồng, phần chênh lệch người bệnh tự trả",
            visit.params.law("price_difference"),
        )


def _payment_rate(visit: Visit, line: Line) -> Decimal:
    rate = line.item.payment_rate
    if rate == HUNDRED:
        return rate
    if line.card is not None and line.card.lifts_limits:
        line.because(f"Mức thẻ {line.card.level} không áp dụng tỷ lệ thanh toán của danh mục", line.card.law)
        return HUNDRED
    line.because(
        f"Danh mục thanh toán {percent_text(rate)}%, phần còn lại người bệnh tự trả", visit.params.law("payment_rate")
    )
    return rate


def cap_supplies(visit: Visit, lines: Sequence[Line]) -> None:
    """Cap the insured base of the supplies of one use of one service at 45 base salaries, shared in proportion.

    Items with a payment rate stay outside the sum; levels 1 and 5 are not capped (TT 04/2017 Đ3 k2 b, d).
    """
    packages: dict[str, list[Line]] = {}
    for line in lines:
        if line.item.package and line.is_covered and _counts_to_cap(visit, line):
            packages.setdefault(line.item.package, []).append(line)
    for package, members in sorted(packages.items()):
        _cap_package(visit, package, sorted(members, key=lambda line: line.item.key))


def _counts_to_cap(visit: Visit, line: Line) -> bool:
    is_supply = line.item.kind == "supply" or line.item.group_code in visit.params.words("supply_groups")
    is_free = line.card is not None and line.card.lifts_limits
    return is_supply and line.item.payment_rate == HUNDRED and not is_free


def _cap_package(visit: Visit, package: str, members: Sequence[Line]) -> None:
    days = [line.item.provided_on for line in members if line.item.provided_on is not None]
    at_service = visit.params.setting("supply_cap_date") == "service" and days
    day = min(days) if at_service else visit.facts.ended_on
    factor = visit.params.value("supply_cap_factor", day)
    cap = round2(Decimal(factor.text) * visit.params.number("base_salary", day))
    total = sum((line.insured for line in members), ZERO)
    if total <= cap:
        return
    for line, share in zip(members, allocate(cap, [line.insured for line in members]), strict=True):
        over = line.insured - share
        line.insured = share
        line.ceiling = cap
        line.because(
            f"Gói vật tư {package}: tổng {money_text(total)} vượt trần {money_text(cap)} đồng, "
            f"khoản này vượt {money_text(over)} đồng người bệnh tự trả",
            factor.law,
        )
    visit.explain(
        "caps",
        f"Gói vật tư {package}: phần tính BHYT {money_text(total)} giảm còn {money_text(cap)} đồng "
        f"({percent_text(Decimal(factor.text))} tháng lương cơ sở)",
        factor.law,
    )
