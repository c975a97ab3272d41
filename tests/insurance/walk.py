"""A patient's way through both facilities for the tests of billing and claims, by the services of the desks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import pgtrigger
from django.test import Client

from his.accounts.actor import Actor
from his.catalogs.models import Drug, PricedService
from his.core.dates import BirthDate
from his.demo.places import Place
from insurance.billing.cash import collect, take_deposit
from insurance.billing.closing import close_visit
from insurance.billing.drawers import open_session
from insurance.billing.ledger import amount_due, open_session_of
from insurance.claims.gather import gather
from insurance.models import BenefitResult, CashEntry
from patients.models import Exam, InsuranceCard, Patient, Prescription, ServiceOrder, Visit, VisitDiagnosis
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.orders import ResultInput, order_service, record_result
from patients.services.people import add_card, register_patient
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import sign_exam, write_note
from patients.services.visits import open_visit, record_vitals
from pharmacy.models import Dispense, Store
from pharmacy.services.dispensing import dispense
from tests.cast import World, anh_hung, at, lan_visit
from tests.pharmacy import shelf

MONTH = date(2026, 10, 1)
CBC, GLUCOSE, ULTRASOUND = "22.0121.1369", "23.0075.1494", "18.0015.0001"
PARACETAMOL, AMLODIPIN, HALF_PAID = "TH0001", "TH0002", "TH0003"
NASTY = """<b>&"'’ Ệ Ữ ]]> ơ̛ 'x' < y"""


@dataclass(slots=True)
class Walk:
    """One visit step by step; times follow each other through the morning of the test day."""

    world: World
    place: Place
    visit: Visit
    now: datetime = field(default_factory=lambda: at(8, 5))
    exam: Exam | None = None
    prescription: Prescription | None = None
    given: Dispense | None = None

    def _later(self, minutes: int = 5) -> datetime:
        self.now += timedelta(minutes=minutes)
        return self.now

    def examine(self, main: str = "I10", others: Sequence[str] = (), **texts: str) -> "Walk":
        doctor, weight = self.place.actor("doctor"), Decimal("48.5")
        record_vitals(visit=self.visit, weight_kg=weight, actor=self.place.actor("nurse"), at=self._later(1))
        self.exam = start_exam(visit=self.visit, actor=doctor, at=self._later())
        said = {"reason": "Đau đầu", "findings": "Tim đều, phổi trong", "treatment": "Điều trị ngoại trú", **texts}
        save_exam(exam=self.exam, actor=doctor, at=self._later(1), **said)
        set_diagnoses(exam=self.exam, main=main, others=others, actor=doctor, at=self._later(1))
        return self

    def order(self, *codes: str, is_insured: bool = True, results: bool = True, value: str = "6,1") -> "Walk":
        for code in codes:
            order = order_service(
                exam=self.exam,
                service=self.world.service(self.place, code),
                is_insured=is_insured,
                extra_told=True,
                actor=self.place.actor("doctor"),
                at=self._later(1),
            )
            if results:
                self.result(order, value)
        return self

    def result(self, order: ServiceOrder, value: str = "6,1") -> "Walk":
        is_picture = order.service.group_code == "2"
        row = (
            ResultInput(indicator_name="Siêu âm", description="Gan không to", conclusion="Bình thường")
            if is_picture
            else ResultInput(indicator_code="WBC", value=value)
        )
        record_result(order=order, results=[row], actor=self.place.actor("technician"), at=self._later(10))
        return self

    def prescribe(self, *drugs: tuple[str, int], usage: str = "Uống sau ăn", is_insured: bool = True) -> "Walk":
        lines = [
            LineInput(
                drug=self.world.drug(self.place, code),
                morning=Decimal(1),
                evening=Decimal(1),
                days=7,
                quantity=Decimal(quantity),
                usage=usage,
                is_insured=is_insured,
            )
            for code, quantity in drugs
        ]
        self.prescription = prescribe(exam=self.exam, lines=lines, actor=self.place.actor("doctor"), at=self._later(1))
        return self

    def sign(self, **outcome: object) -> "Walk":
        sign_exam(exam=self.exam, actor=self.place.actor("doctor"), at=self._later(2), **outcome)
        self.visit.refresh_from_db()
        return self

    def dispense(self) -> "Walk":
        store = stocked(self.world, self.place)
        self.given = dispense(
            prescription=self.prescription, store=store, actor=self.place.actor("pharmacist"), at=self._later()
        )
        return self

    def close(self, **how: str | bool) -> BenefitResult:
        """Close; what costs more than the usual price was told, unless `extra_told` says otherwise."""
        how = {"extra_told": True, **how}
        result = close_visit(visit=self.visit, actor=self.place.actor("cashier"), at=self._later(), **how)
        self.visit.refresh_from_db()
        return result

    def pay(self) -> CashEntry | None:
        """All that is due, in cash; None when nothing is."""
        due = amount_due(self.visit)
        return self.collect(due) if due > 0 else None

    def collect(self, amount: Decimal | int, method: str = "cash", reference: str = "") -> CashEntry:
        """A receipt; a transfer gets a bank's number of its own."""
        actor, now = drawer(self.place), self._later(1)
        if method == "transfer" and not reference:
            reference = f"FT{self.visit.pk}.{now:%H%M}"
        how = {"method": method, "bank_reference": reference}
        return collect(visit=self.visit, amount=Decimal(amount), actor=actor, at=now, **how)

    def deposit(self, amount: Decimal | int, method: str = "cash", reference: str = "") -> CashEntry:
        """A deposit, taken at once."""
        actor, now = drawer(self.place), self._later(1)
        how = {"method": method, "bank_reference": reference}
        return take_deposit(visit=self.visit, amount=Decimal(amount), actor=actor, at=now, **how)

    @property
    def paid_at(self) -> datetime | None:
        """When the bill was settled, as the claim says it."""
        return gather(self.visit.facility, [self.visit])[0].paid_at

    def settled(self) -> BenefitResult:
        """Close and pay."""
        result = self.close()
        self.pay()
        return result


def drawer(place: Place, key: str = "cashier") -> Actor:
    """The cashier with an open drawer."""
    actor = place.actor(key)
    if open_session_of(place.facility, actor.user.pk) is None:
        open_session(opening_float=Decimal(0), actor=actor, at=at(6))
    return actor


def stocked(world: World, place: Place) -> Store:
    """A store with plenty of every drug of the tests; one lot number has an apostrophe."""
    known = Store.objects.filter(facility=place.facility, code="CP").first()
    if known is not None:
        return known
    store = shelf.dispensary(place)
    lots = [
        shelf.goods(world, place, code=code, lot=f"L'{code}", quantity=10_000, unit_cost=cost)
        for code, cost in ((PARACETAMOL, 150), (AMLODIPIN, 200), (HALF_PAID, 100_000))
    ]
    shelf.receive(place, store, *lots)
    return store


def lan(world: World, place: Place, hour: int = 8) -> Walk:
    """Bà Lan (80 %) at the facility where she is registered."""
    return Walk(world, place, lan_visit(place, hour), now=at(hour, 5))


def lan_full(world: World, place: Place, vials: int = 5) -> Walk:
    """Bà Lan examined, with a blood count, an ultrasound and two drugs handed out; ready to close.

    With 5 vials of the drug that is paid by half the insured sum is above 15 % of the base salary, so she pays 20 %.
    """
    walk = lan(world, place).examine("I10", ["E11.9"]).order(CBC, ULTRASOUND)
    return walk.prescribe((PARACETAMOL, 15), (HALF_PAID, vials)).sign().dispense()


def hostile(world: World, place: Place, text: str) -> Walk:
    """A visit with the text in every field that takes one, and in the catalogues that it names; ready to close."""
    Drug.objects.filter(code=PARACETAMOL).update(
        name=text, strength=text, dose_form=text, registration_no=text[:20], bid_info=f"{text};G1;N4;2026"
    )
    count = PricedService.objects.get(facility=place.facility, code=CBC)
    free = [{key: one[key] for key in one if key not in {"low", "high"}} for one in count.indicators]
    PricedService.objects.filter(code=CBC).update(name=text, indicators=free)  # a value with limits takes no such text
    patient, card = someone(place, f"Nguyễn {text}", card="GD4999912345699", address=text)
    walk = visit_of(world, place, patient, card, reason=text).examine(reason=text, treatment=text)
    walk.order(CBC, value=text).order(ULTRASOUND, results=False)
    picture = ResultInput(indicator_name=text, description=text, conclusion=text)
    order = walk.exam.orders.get(service__code=ULTRASOUND)
    record_result(order=order, results=[picture], actor=place.actor("technician"), at=walk._later())
    walk.prescribe((PARACETAMOL, 15), (HALF_PAID, 5), usage=text)
    write_note(visit=walk.visit, text=text, stage=text, actor=place.actor("doctor"), at=walk._later())
    return walk.sign(advice=text).dispense()


def hung(world: World, place: Place, hour: int = 8) -> Walk:
    """Anh Hùng, who pays himself."""
    visit = open_visit(patient=anh_hung(place), room=place.rooms["PK1"], actor=place.actor("reception"), at=at(hour, 1))
    return Walk(world, place, visit, now=at(hour, 5))


def someone(
    place: Place, name: str, *, card: str = "", registered: str = "", born: date = date(1980, 5, 5), **facts: str
) -> tuple[Patient, InsuranceCard | None]:
    """Another invented person, with a card valid in 2026 when a number is given."""
    actor = place.actor("reception")
    home = {"address": "Thôn 1", "province_code": "99", "commune_code": "99001"}
    patient = register_patient(
        full_name=name, birth=BirthDate(born, "day"), sex="2", actor=actor, at=at(7), **{**home, **facts}
    )
    if not card:
        return patient, None
    return patient, add_card(
        patient=patient,
        number=card,
        registered_facility_code=registered or place.facility.code,
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 12, 31),
        actor=actor,
        at=at(7),
    )


def visit_of(
    world: World, place: Place, patient: Patient, card: InsuranceCard | None, *, hour: int = 8, **how: str
) -> Walk:
    """A visit of the person at the first room."""
    visit = open_visit(
        patient=patient,
        card=card,
        room=place.rooms[how.pop("room", "PK1")],
        actor=place.actor("reception"),
        at=at(hour, 1),
        **{"route": "registered" if card else "self", "reason": "Khám", **how},
    )
    return Walk(world, place, visit, now=at(hour, 5))


def lose_diagnoses(visit: Visit) -> None:
    """Damage a record as only a defect could: the signed diagnoses are gone."""
    with pgtrigger.ignore("patients.VisitDiagnosis:signed_is_frozen"):
        VisitDiagnosis.objects.filter(visit=visit).delete()


def signed_in(place: Place, key: str = "cashier") -> Client:
    """A browser of one account of the facility."""
    client = Client()
    client.force_login(place.users[key])
    return client
