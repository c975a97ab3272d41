"""Stage 2: by which entitlement code (mã đối tượng KCB) is the visit paid, and at what rate.

The code follows QĐ 3276/QĐ-BYT: decided when the visit closes, the first row that fits wins. A route that pays
nothing makes the visit self-paid, because the insurer refuses claims without any payment.
"""

from dataclasses import replace
from decimal import Decimal

from his.core.dates import age_years
from insurance.benefits.engine.conditions import Metrics
from insurance.benefits.engine.diseases import DiseaseRow, matching_rows
from insurance.benefits.engine.eligibility import NOT_INSURED
from insurance.benefits.engine.facts import BenefitError
from insurance.benefits.engine.tables import EntitlementRow, RouteRate
from insurance.benefits.engine.work import Decision, Visit, percent_text

_ANNEX_NAMES = {"I": "annex_1", "II": "annex_2"}


def decide(visit: Visit) -> Decision:
    """The entitlement code, its reason and rate. Refuses contradictory facts, unknown codes and missing rows."""
    facts = visit.facts
    if facts.card_number is None or facts.entitlement_code == NOT_INSURED:
        return _not_insured(visit)
    if facts.entitlement_code is not None:
        code, reason, law = facts.entitlement_code, "", ""
    else:
        row = _first_row(visit)
        code, reason, law = row.code, row.reason_vi, row.law
    rate = _rate(visit, code)
    reason, law = reason or _sentence(rate.label_vi), law or rate.law
    if rate.rate == 0:
        return _pays_nothing(visit, code, rate)
    visit.explain("route", f"Mã đối tượng {code}: {reason}; tỷ lệ {percent_text(rate.rate)}%", law)
    return Decision(code=code, reason_vi=reason, law=law, route_code=code, rate=rate)


def _not_insured(visit: Visit) -> Decision:
    forced = visit.facts.entitlement_code
    if forced not in {None, NOT_INSURED}:
        raise BenefitError("card_missing", f"Mã đối tượng {forced} cần số thẻ BHYT", field="card_number")
    rate = visit.params.route(NOT_INSURED, inpatient=visit.is_inpatient)
    reason = "Người bệnh tự chi trả, không hưởng BHYT"
    visit.explain("route", f"Mã đối tượng {NOT_INSURED}: {reason}", rate.law)
    return Decision(code=NOT_INSURED, reason_vi=reason, law=rate.law, route_code=NOT_INSURED, rate=None)


def _pays_nothing(visit: Visit, code: str, rate: RouteRate) -> Decision:
    recorded = NOT_INSURED if visit.params.setting("zero_rate_code") == NOT_INSURED else code
    reason = f"Đối tượng {code} ({rate.label_vi}) không được quỹ BHYT thanh toán ngày {visit.params.on:%d/%m/%Y}"
    visit.explain("route", f"{reason}; ghi mã đối tượng {recorded}", rate.law)
    return Decision(code=recorded, reason_vi=reason, law=rate.law, route_code=code, rate=None)


def _rate(visit: Visit, code: str) -> RouteRate:
    rate = visit.params.route(code, inpatient=visit.is_inpatient)
    if rate.mode == "refused":
        raise BenefitError(
            "not_a_benefit", f"Mã đối tượng {code} không phải lượt khám được hưởng BHYT", entitlement=code
        )
    if rate.mode == "origin":
        return _origin_rate(visit, rate)
    if rate.mode == "absolute" and visit.facts.is_chronic_return:
        visit.explain(
            "route", "Bệnh mạn tính ổn định chuyển về quản lý: hưởng theo mức thẻ", visit.params.law("chronic_return")
        )
        return replace(rate, mode="level")
    return rate


def _origin_rate(visit: Visit, rate: RouteRate) -> RouteRate:
    origin = visit.facts.origin_code
    if origin is None:
        raise BenefitError(
            "origin_code_missing",
            f"Mã đối tượng {rate.code} cần mã đối tượng của lượt khám đã hẹn",
            field="origin_code",
        )
    found = visit.params.route(origin, inpatient=visit.is_inpatient)
    if found.mode in {"origin", "refused"}:
        raise BenefitError("origin_code_wrong", f"Lượt khám đã hẹn không thể có mã đối tượng {origin}")
    visit.explain("route", f"Lĩnh thuốc theo hẹn: hưởng như lượt khám đã hẹn (mã {origin})", rate.law)
    return replace(found, label_vi=rate.label_vi)


def _first_row(visit: Visit) -> EntitlementRow:
    facts = visit.facts
    if facts.route == "registered" and facts.registered_facility != facts.facility_code:
        raise BenefitError(
            "route_contradicts_card",
            f"Thẻ đăng ký ban đầu tại {facts.registered_facility}, không phải cơ sở {facts.facility_code}",
            field="route",
        )
    diseases = _listed(visit)
    metrics = _metrics(visit, diseases)
    for row in visit.params.entitlement_rows():
        if row.condition.holds(metrics):
            _note_conditions(visit, row, diseases)
            return row
    raise BenefitError(
        "entitlement_undecided",
        "Không xác định được mã đối tượng KCB: kiểm tra cấp, điểm, tuyến cũ của cơ sở và đường đến khám",
        field="route",
    )


def _metrics(visit: Visit, diseases: dict[str, tuple[DiseaseRow, ...]]) -> Metrics:
    facts = visit.facts
    metrics: dict[str, str | Decimal | None] = {
        "route": facts.route,
        "facility_kind": facts.facility_kind,
        "facility_tier": facts.facility_tier,
        "facility_points": facts.facility_points,
        "facility_provisional": _flag(facts.facility_provisional),
        "former_line": facts.former_line or "none",
        "area_code": facts.area_code,
        "registered_here": _flag(facts.registered_facility == facts.facility_code),
        "inpatient": _flag(visit.is_inpatient),
    }
    for annex, name in _ANNEX_NAMES.items():
        metrics[name] = _flag(_is_listed(visit, annex, diseases[annex]))
    metrics.update({f"setting:{s.key}": s.value for s in visit.params.settings.values()})
    return metrics


def _listed(visit: Visit) -> dict[str, tuple[DiseaseRow, ...]]:
    facts = visit.facts
    if facts.listed_disease is not None:
        return dict.fromkeys(_ANNEX_NAMES, ())
    age = age_years(facts.patient_born, facts.admitted_on) if facts.patient_born else None
    near = visit.params.diseases_near(facts.main_icd)
    return {annex: matching_rows(near, annex, facts.main_icd, age) for annex in _ANNEX_NAMES}


def _is_listed(visit: Visit, annex: str, rows: tuple[DiseaseRow, ...]) -> bool:
    facts = visit.facts
    if facts.listed_disease is not None:
        # Annex II contains all of Annex I (its last row).
        return facts.listed_disease == annex or (annex, facts.listed_disease) == ("II", "I")
    if facts.disease_condition_met is False:
        return any(not row.has_condition for row in rows)
    if facts.disease_condition_met is None and visit.params.setting("annex_condition") == "confirmed_only":
        return any(not row.has_condition for row in rows)
    return bool(rows)


def _note_conditions(visit: Visit, row: EntitlementRow, diseases: dict[str, tuple[DiseaseRow, ...]]) -> None:
    annex = {"1.16": "II", "1.17": "I"}.get(row.code)
    if annex is None or visit.facts.listed_disease is not None:
        return
    names = "; ".join(f"{d.annex}.{d.row} {d.disease_vi}" for d in diseases[annex])
    visit.explain("route", f"Bệnh chính {visit.facts.main_icd} thuộc danh mục: {names}", row.law)
    if visit.facts.disease_condition_met is None and all(d.has_condition for d in diseases[annex]):
        conditions = " / ".join(d.condition_vi for d in diseases[annex])
        visit.explain("route", f"Người duyệt cần xác nhận điều kiện: {conditions}", row.law)
    if not any(d.counts_from_diagnosis for d in diseases[annex]):
        visit.explain("route", "Chỉ hưởng khi chẩn đoán đã được xác định từ trước lượt khám này", row.law)


def _flag(value: bool) -> str:
    return "Y" if value else "N"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
