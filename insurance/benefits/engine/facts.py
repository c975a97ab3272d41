"""What the split is told and what it answers: plain frozen values, no behaviour but validation.

Amounts are `Decimal` đồng, percents are `Decimal` (80, 47.5), quantities are in the unit of the line, codes are
`str`. A fact that is unknown, impossible or contradicts another raises `BenefitError`; nothing is guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from his.core.codes import is_card_number
from his.core.errors import Refusal

ZERO = Decimal(0)
HUNDRED = Decimal(100)

TIERS = frozenset({"primary", "basic", "specialised"})
FORMER_LINES = frozenset({"", "commune", "district", "province", "central"})
ROUTES = frozenset(
    {
        "registered",
        "referral",
        "residence_change",
        "follow_up",
        "organ_donor",
        "newborn",
        "self",
        "emergency",
        "drug_epidemic",
        "drug_authorised",
        "drug_other_facility",
        "drug_delivered",
        "drug_appointment",
    }
)
KINDS = frozenset({"exam", "service", "drug", "supply", "bed", "transport"})
SCOPES = frozenset({"1", "2", "3"})
SOURCE_MODES = frozenset({"patient", "facility", "arv"})


class BenefitError(Refusal, ValueError):
    """Facts that do not allow a split: `code` for machines, `message_vi` for the cashier."""


@dataclass(frozen=True, slots=True)
class LaterCard:
    """The card that pays for the lines of one benefit segment of the visit (thẻ thay đổi trong đợt điều trị)."""

    segment: int
    card_number: str


@dataclass(frozen=True, slots=True)
class Facts:
    """One visit, as known when it closes.

    `card_number` is None for a visit outside health insurance. `entitlement_code` forces the code of QĐ 3276;
    None lets the decision rows choose. `listed_disease` is a reviewer's word on TT 01/2025: "I", "II", "" for
    neither, None to look the main diagnosis up. `copay_paid_this_year` is the co-payment of the calendar year
    before this visit; `copay_paid_before_change` is its part paid before a base salary change of that year.
    `five_years_from` is the day on which five continuous years were complete; `copay_exempt_from` the day of the
    certificate. `card_shown_on` is the day on which the card was presented, where that was after the admission.
    `exams_before` counts the exams of the same day before a patient came back with abnormal signs (TT 39/2018 Đ5 k4).
    `origin_code` is the entitlement code of the visit that issued a drug pick-up note.
    """

    ended_on: date
    admitted_on: date
    visit_type: str
    card_number: str | None
    registered_facility: str
    facility_code: str
    facility_kind: str
    facility_tier: str
    facility_points: Decimal | None
    facility_provisional: bool
    former_line: str
    route: str
    entitlement_code: str | None = None
    main_icd: str = ""
    patient_born: date | None = None
    five_years_from: date | None = None
    copay_exempt_from: date | None = None
    copay_paid_this_year: Decimal = ZERO
    copay_paid_before_change: Decimal = ZERO
    area_code: str = ""
    listed_disease: str | None = None
    disease_condition_met: bool | None = None
    origin_code: str | None = None
    is_chronic_return: bool = False
    card_valid_from: date | None = None
    card_valid_to: date | None = None
    card_shown_on: date | None = None
    exams_before: int = 0
    later_cards: tuple[LaterCard, ...] = ()

    def __post_init__(self) -> None:
        if self.ended_on < self.admitted_on:
            raise BenefitError("ended_before_admitted", "Ngày ra viện trước ngày vào viện", field="ended_on")
        if not self.visit_type:
            raise BenefitError("visit_type_missing", "Chưa có loại hình khám chữa bệnh", field="visit_type")
        for card in (self.card_number, *(later.card_number for later in self.later_cards)):
            if card is not None and not is_card_number(card):
                raise BenefitError(
                    "card_number_wrong", f"Số thẻ BHYT {card} không đúng 15 ký tự quy định", field="card_number"
                )
        _member(self.route, ROUTES, "route", "Đường đến khám")
        _member(self.former_line, FORMER_LINES, "former_line", "Tuyến trước 2025")
        if self.entitlement_code is None and self.card_number is not None:
            _member(self.facility_tier, TIERS, "facility_tier", "Cấp chuyên môn kỹ thuật")
        if self.copay_paid_this_year < 0 or self.copay_paid_before_change < 0:
            raise BenefitError("copay_negative", "Tiền cùng chi trả lũy kế không được âm")
        if self.copay_paid_before_change > self.copay_paid_this_year:
            raise BenefitError("copay_parts", "Phần cùng chi trả trước ngày đổi lương cơ sở lớn hơn lũy kế năm")
        if self.exams_before < 0:
            raise BenefitError("exams_before", "Số lần khám trước trong ngày không được âm")
        if self.listed_disease not in {None, "", "I", "II"}:
            raise BenefitError("listed_disease", "Phụ lục bệnh chỉ nhận I, II hoặc để trống")


@dataclass(frozen=True, slots=True)
class Item:
    """One charge line before the split.

    Prices are đồng per unit: `hospital_price` is what the facility charges (DON_GIA, DON_GIA_BV), `insured_price`
    what the fund recognises (DON_GIA_BH, after the ceiling of the list). `service_rate` (TYLE_TT_DV) None lets the
    engine decide: exams by their order in the visit, anything else 100. `payment_rate` is TYLE_TT_BH of the list.
    `unit_ceiling` limits what one unit may bring into the insured amount. `provided_on` and `sequence` order the
    lines in time. `forced_percent` fixes MUC_HUONG of the line. `fund_source` other than "1" (NGUON_CTRA) means that
    a project or programme pays, so the fund does not. Other sources are đồng for the whole line. `reasons` say why
    the quantity and the service rate are what they are, each with its law in brackets; the line keeps them.
    """

    key: str
    kind: str
    group_code: str
    quantity: Decimal
    hospital_price: Decimal
    insured_price: Decimal
    service_rate: Decimal | None = None
    payment_rate: Decimal = HUNDRED
    scope: str = "1"
    state_source: Decimal = ZERO
    foreign_source: Decimal = ZERO
    domestic_source: Decimal = ZERO
    other_source: Decimal = ZERO
    other_source_mode: str = "patient"
    package: str = ""
    payment_method: str = "1"
    segment: int = 0
    provided_on: date | None = None
    sequence: int = 0
    unit_ceiling: Decimal | None = None
    forced_percent: Decimal | None = None
    fund_source: str = "1"
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _member(self.kind, KINDS, "kind", "Loại dòng chi phí", self.key)
        _member(self.scope, SCOPES, "scope", "Phạm vi", self.key)
        _member(self.other_source_mode, SOURCE_MODES, "other_source_mode", "Cách trừ nguồn khác", self.key)
        amounts = (self.quantity, self.hospital_price, self.insured_price, self.unit_ceiling or ZERO, *self.sources)
        if any(not amount.is_finite() or amount < 0 for amount in amounts):
            raise BenefitError(
                "negative", f"Dòng {self.key}: số lượng, đơn giá, nguồn khác không được âm", key=self.key
            )
        for rate in (self.service_rate, self.payment_rate, self.forced_percent):
            if rate is not None and not 0 <= rate <= HUNDRED:
                raise BenefitError("rate_range", f"Dòng {self.key}: tỷ lệ phải từ 0 đến 100", key=self.key)
        if self.insured_price > self.hospital_price:
            raise BenefitError(
                "insured_price_above", f"Dòng {self.key}: đơn giá BHYT lớn hơn đơn giá bệnh viện", key=self.key
            )

    @property
    def sources(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Other sources in the order state, foreign aid, domestic aid, other."""
        return self.state_source, self.foreign_source, self.domestic_source, self.other_source


@dataclass(frozen=True, slots=True)
class LineSplit:
    """Who pays one line. hospital_amount = fund + copay + self_paid + other_amount, to the đồng cent."""

    key: str
    hospital_amount: Decimal
    insured_amount: Decimal
    service_rate: Decimal
    payment_rate: Decimal
    benefit_percent: Decimal
    fund_amount: Decimal
    copay_amount: Decimal
    self_paid_amount: Decimal
    state_source: Decimal
    foreign_source: Decimal
    domestic_source: Decimal
    other_source: Decimal
    ceiling_amount: Decimal | None
    reasons: tuple[str, ...]

    @property
    def other_amount(self) -> Decimal:
        """All other sources of the line together (T_NGUONKHAC)."""
        return self.state_source + self.foreign_source + self.domestic_source + self.other_source

    @property
    def law_ids(self) -> tuple[str, ...]:
        """The places in the law behind the reasons, each once."""
        laws = (law for reason in self.reasons for law in split_reason(reason)[1].split("; "))
        return tuple(dict.fromkeys(law for law in laws if law))


@dataclass(frozen=True, slots=True)
class Step:
    """One decision, in the order taken, for the cashier to read."""

    stage: str
    text_vi: str
    law: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of the rounded lines, đồng. `fund_fee_for_service` sums lines of payment method 1 (T_BHTT_GDV)."""

    hospital: Decimal
    insured: Decimal
    fund: Decimal
    copay: Decimal
    self_paid: Decimal
    other: Decimal
    fund_fee_for_service: Decimal


@dataclass(frozen=True, slots=True)
class Split:
    """The answer for one visit.

    `entitlement_code` is what the claim carries, `route_code` the code whose rate was used (they differ only when
    the route pays nothing). `benefit_percents` are the distinct levels used, lowest first; 100 is among them when
    the yearly limit was reached inside the visit. `parameter_set` names the data and figures used.
    """

    entitlement_code: str
    entitlement_reason: str
    route_code: str
    card_percent: Decimal
    route_percent: Decimal
    benefit_percents: tuple[Decimal, ...]
    totals: Totals
    lines: tuple[LineSplit, ...]
    explanation: tuple[Step, ...]
    parameter_set: Mapping[str, str]


def split_reason(reason: str) -> tuple[str, str]:
    """A reason of a line and the law behind it; the law is empty where none was kept."""
    text, bracket, law = reason.rpartition(" [")
    return (text, law.removesuffix("]")) if bracket and law.endswith("]") else (reason, "")


def _member(value: str, allowed: frozenset[str], code: str, name_vi: str, key: str | None = None) -> None:
    if value not in allowed:
        where = f"Dòng {key}: " if key is not None else ""
        raise BenefitError(code, f"{where}{name_vi} không hợp lệ: {value or 'để trống'}", field=code)
