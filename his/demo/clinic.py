"""One examination, decided before anything is stored: readings, texts, diagnoses, orders with results, drugs."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from his.catalogs.models import Drug, PricedService
from his.core.text import fold
from his.demo.menu import LABORATORY, PROCEDURE_GROUPS, Menu, ServiceItem, quantity_in_packs
from his.demo.people import Person
from his.demo.prescribed import DrugPlan
from his.demo.profiles import COURSE, DrugChoice, OrderSpec, Profile, Value, readings, tokens, word_values
from his.demo.safe import safe_drugs
from patients.dosing import Doses, quantity_of
from patients.models import VitalSigns
from patients.services.orders import ResultInput
from patients.services.outcomes import Transfer, condition_of

LONG_COURSE, SHORT_COURSE = 28, 14
_MOST_DRUGS = 6
_TRANSFER_PLAN = "Chuyển tuyến trên theo dõi, làm thêm thăm dò và điều trị tiếp"
_RETURN = (
    "Tái khám theo phiếu hẹn",
    "Đã dùng thuốc theo đơn lần trước, triệu chứng giảm, không có biểu hiện bất thường",
)
_USAGE = {"1": "Uống sau ăn", "2": "Tiêm theo hướng dẫn", "3": "Bôi mỏng vùng tổn thương", "4": "Đặt theo hướng dẫn"}
_NORMAL: dict[str, tuple[Value, ...]] = {
    "pulse": (Value(Decimal(68), Decimal(88)),),
    "temp": (Value(Decimal("36.4"), Decimal("37.0")),),
    "bp": (Value(Decimal(106), Decimal(132)), Value(Decimal(64), Decimal(84))),
    "resp": (Value(Decimal(16), Decimal(19)),),
    "spo2": (Value(Decimal(96), Decimal(99)),),
}
_CHILD: dict[str, tuple[Value, ...]] = {
    "pulse": (Value(Decimal(92), Decimal(118)),),
    "resp": (Value(Decimal(20), Decimal(28)),),
}


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """One ordered service with its result."""

    service: PricedService
    ordered_at: datetime
    performed_at: datetime
    result_at: datetime
    results: tuple[ResultInput, ...]
    device_code: str
    is_procedure: bool


@dataclass(slots=True)
class ExamPlan:
    """One examination. `follow_up_on` and `transfer_to` are empty where the patient simply goes home."""

    started_at: datetime
    signed_at: datetime
    main: str
    others: tuple[str, ...]
    reason: str
    history: str
    findings: str
    treatment: str
    advice: str
    vitals: dict[str, Decimal]
    orders: list[OrderPlan] = field(default_factory=list)
    drugs: list[DrugPlan] = field(default_factory=list)
    outcome: str = "home"
    follow_up_on: date | None = None
    transfer_to: str = ""
    transfer: Transfer | None = None
    treatment_result: str = "2"


class Clinic:
    """Decides examinations of one facility from its menu and one generator."""

    def __init__(self, menu: Menu, rng: Random) -> None:
        self.menu, self.rng = menu, rng

    def examine(
        self, person: Person, profile: Profile, *, started_at: datetime, transfer_to: str, is_return: bool = False
    ) -> ExamPlan:
        """What the doctor finds and does. Profiles whose main diagnosis is not in the catalogue are never asked for."""
        main = self.menu.main_code(profile)
        assert main is not None
        rng, day = self.rng, started_at.date()
        plan = ExamPlan(
            started_at=started_at,
            signed_at=started_at,
            main=main,
            others=self._others(profile, person, main),
            reason=rng.choice(profile.reasons),
            history=rng.choice(profile.histories),
            findings=rng.choice(profile.findings),
            treatment=profile.treatment,
            advice=profile.advice,
            vitals=self._vitals(profile, person, day),
            transfer_to=transfer_to,
        )
        if is_return:
            plan.reason, plan.history = _RETURN
        plan.orders = self._orders(profile, plan)
        done = max((order.result_at for order in plan.orders), default=started_at + timedelta(minutes=4))
        plan.signed_at = max(done, started_at + timedelta(minutes=5)) + timedelta(minutes=rng.randint(2, 5))
        self._finish(profile, plan, day)
        weight = plan.vitals["weight_kg"]
        plan.drugs = safe_drugs(plan.drugs, person, main=main, others=plan.others, weight_kg=weight, on=day)
        return plan

    def _finish(self, profile: Profile, plan: ExamPlan, day: date) -> None:
        if plan.transfer_to:
            plan.outcome, plan.treatment_result, plan.transfer = "transfer", "3", _slip(plan)
            return
        is_course = any(choice.days == COURSE for spec in profile.drugs for choice in spec.choices)
        course = SHORT_COURSE if is_course and self.rng.random() < 0.3 else LONG_COURSE
        plan.drugs = self._drugs(profile, course)
        if profile.outcome == "follow_up":
            plan.outcome = "follow_up"
            plan.follow_up_on = day + timedelta(days=course if is_course else profile.follow_up_days)
            if plan.follow_up_on.weekday() == 6:
                plan.follow_up_on += timedelta(days=1)

    def _others(self, profile: Profile, person: Person, main: str) -> tuple[str, ...]:
        found = []
        for code, chance in profile.others:
            row = self.menu.diagnoses.get(code)
            if self.rng.randrange(100) < chance and row and code != main and row.only_sex in {"", person.sex}:
                found.append(code)
        return tuple(found)

    def _vitals(self, profile: Profile, person: Person, day: date) -> dict[str, Decimal]:
        is_child = person.age(day) < 12
        ranges = {**_NORMAL, **(_CHILD if is_child else {}), **dict(profile.vitals)}
        if person.age(day) < 7:
            ranges.pop("bp")
        drawn = {
            name: [self._between(one, 1 if name == "temp" else 0) for one in parts] for name, parts in ranges.items()
        }
        names = {"pulse": "pulse", "temp": "temperature", "resp": "respiration", "spo2": "oxygen_saturation"}
        vitals = {names[name]: values[0] for name, values in drawn.items() if name in names}
        if "bp" in drawn:
            vitals["systolic"], vitals["diastolic"] = drawn["bp"]
        vitals["weight_kg"] = person.weight_kg + Decimal(self.rng.randint(-4, 4)) / 10
        vitals["height_cm"] = person.height_cm
        return vitals

    def _between(self, value: Value, places: int) -> Decimal:
        scale = 10**places
        low, high = int(value.low * scale), int(value.high * scale)
        return Decimal(self.rng.randint(low, max(low, high))) / scale

    def _orders(self, profile: Profile, plan: ExamPlan) -> list[OrderPlan]:
        ordered = plan.started_at + timedelta(minutes=self.rng.randint(3, 6))
        orders: dict[str, OrderPlan] = {}
        for spec in profile.orders:
            wanted = self.rng.randrange(100) < spec.chance
            item = self.menu.service(spec) if wanted else None
            if item is not None and item.code not in orders:
                orders[item.code] = self._order(item, spec, profile, ordered)
        return list(orders.values())

    def _order(self, item: ServiceItem, spec: OrderSpec, profile: Profile, ordered: datetime) -> OrderPlan:
        rng = self.rng
        performed = ordered + timedelta(minutes=rng.randint(6, 20))
        lasting = (15, 40) if item.group_code == LABORATORY else (5, 15)
        if item.group_code == LABORATORY:
            results = tuple(self._figure(one, profile) for one in item.indicators) or (
                self._words(item, is_abnormal=False),
            )
        else:
            results = (self._words(item, is_abnormal=spec.is_abnormal),)
        return OrderPlan(
            service=item.row,
            ordered_at=ordered,
            performed_at=performed,
            result_at=performed + timedelta(minutes=rng.randint(*lasting)),
            results=results,
            device_code=item.device_code,
            is_procedure=item.group_code in PROCEDURE_GROUPS,
        )

    def _figure(self, indicator: dict[str, str], profile: Profile) -> ResultInput:
        code, low, high = indicator["code"], indicator["low"], indicator["high"]
        known = profile.results.get(code)
        if known is not None and known.text:
            value = known.text
        elif known is not None:
            value = self._number(known.low, known.high)
        elif low or high:
            first, last = Decimal(low or "0"), Decimal(high or "0")
            last = last or first * 2
            edge = (last - first) / 8
            value = self._number(first + edge, last - edge)
        else:
            values = word_values()
            value = self.rng.choice(values.get(code, values["*"]))
        return ResultInput(indicator_code=code, indicator_name=indicator["name"], value=value, unit=indicator["unit"])

    def _number(self, low: Decimal, high: Decimal) -> str:
        """A figure with as many decimals as its size asks for."""
        places = 0 if high >= 100 else 1 if high >= 10 else 2
        return f"{self._between(Value(low, high), places):.{places}f}"

    def _words(self, item: ServiceItem, *, is_abnormal: bool) -> ResultInput:
        known = tokens(fold(item.row.name.replace("-", " ")))
        text = next(row for row in readings() if all(word in known for word in row.words))
        shows_disease = is_abnormal and bool(text.abnormal_conclusion) and self.rng.random() < 0.8
        return ResultInput(
            indicator_name=item.row.name[:255],
            description=text.abnormal_description if shows_disease else text.description,
            conclusion=text.abnormal_conclusion if shows_disease else text.conclusion,
            is_abnormal=shows_disease,
        )

    def _drugs(self, profile: Profile, course: int) -> list[DrugPlan]:
        lines: dict[str, DrugPlan] = {}
        for spec in profile.drugs:
            wanted = self.rng.randrange(100) < spec.chance
            found = self.menu.drug(spec) if wanted else None
            if found is not None and found[1].code not in lines and len(lines) < _MOST_DRUGS:
                lines[found[1].code] = self._line(*found, course)
        return list(lines.values())

    def _line(self, choice: DrugChoice, drug: Drug, course: int) -> DrugPlan:
        days = choice.days or course
        typed = quantity_in_packs(choice)
        computed = quantity_of(drug.quantity_rule, drug.pack_size, Doses(*choice.doses), days)
        usage = (
            "Nhỏ, xịt hoặc hít theo hướng dẫn"
            if drug.route_code[:1] in {"5", "6"}
            else _USAGE.get(drug.route_code[:1], "")
        )
        return DrugPlan(drug, choice.doses, days, typed, typed or computed, usage)


def _slip(plan: ExamPlan) -> Transfer:
    """The transfer slip: the readings as the condition; whoever is carried has an escort."""
    whole = {"pulse", "systolic", "diastolic", "respiration", "oxygen_saturation"}
    signs = {name: int(value) if name in whole else value for name, value in plan.vitals.items()}
    return Transfer(
        transfer_facility_code=plan.transfer_to,
        transfer_condition=f"Tỉnh, tiếp xúc tốt. {condition_of(VitalSigns(**signs))}",
        transfer_plan=_TRANSFER_PLAN,
        transport="Xe cứu thương",
        escort_name="Hoàng Thị Thử",
        escort_title="Điều dưỡng",
    )
