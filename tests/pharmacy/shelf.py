"""Stock and signed prescriptions for the pharmacy's tests."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from his.catalogs.models import Drug
from his.core.dates import BirthDate
from his.demo.places import Place
from patients.models import Prescription, Visit
from patients.services.exams import set_diagnoses, start_exam
from patients.services.people import register_patient
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import sign_exam
from patients.services.visits import open_visit
from pharmacy.models import Dispense, Lot, LotBalance, StockDocument, Store
from pharmacy.services.stock import GoodsLine, receive_goods
from pharmacy.services.stores import create_store
from tests.cast import World, anh_hung, at, lan_visit, weigh

PARACETAMOL, AMLODIPIN = "TH0001", "TH0002"


def dispensary(place: Place, code: str = "CP") -> Store:
    """A store that hands out."""
    return create_store(code=code, name=f"Kho cấp phát {code}", kind="dispensary", actor=place.actor("pharmacist"))


def main_store(place: Place) -> Store:
    return create_store(code="KC", name="Kho chính", kind="main", actor=place.actor("pharmacist"))


def cabinet(place: Place, department: str = "K01") -> Store:
    """The cabinet of a ward."""
    owner = place.departments[department]
    return create_store(
        code=f"TT{department}",
        name=f"Tủ trực {owner.name}",
        kind="cabinet",
        department=owner,
        actor=place.actor("pharmacist"),
    )


def goods(
    world: World,
    place: Place,
    *,
    code: str = PARACETAMOL,
    lot: str = "L1",
    expires_on: date = date(2027, 12, 31),
    quantity: int | str = 100,
    unit_cost: int | str = 150,
) -> GoodsLine:
    """One line of a receipt."""
    return GoodsLine(
        drug=world.drug(place, code),
        lot_number=lot,
        expires_on=expires_on,
        quantity=Decimal(quantity),
        unit_cost=Decimal(unit_cost),
    )


def receive(place: Place, store: Store, *lines: GoodsLine, when: datetime | None = None) -> StockDocument:
    """Goods in, without the second look."""
    return receive_goods(
        store=store, lines=lines, actor=place.actor("pharmacist"), at=when or at(6), confirm_unusual=True
    )


def sign(
    world: World, place: Place, visit: Visit, drugs: Sequence[tuple[str, int]], *, when: datetime | None = None
) -> Prescription:
    """The visit examined, with a signed prescription of these drugs and quantities."""
    doctor, when = place.actor("doctor"), when or at(9)
    exam = start_exam(visit=visit, actor=doctor, at=when)
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=when)
    lines = [
        LineInput(drug=world.drug(place, code), morning=Decimal(1), days=7, quantity=Decimal(quantity))
        for code, quantity in drugs
    ]
    prescription = prescribe(exam=exam, lines=lines, actor=doctor, at=when)
    weigh(visit, place, when)
    exam = sign_exam(exam=exam, actor=doctor, at=when + timedelta(minutes=5))
    prescription.refresh_from_db()
    prescription.exam = exam  # with what signing answered
    return prescription


def lan_prescription(world: World, place: Place, *drugs: tuple[str, int]) -> Prescription:
    """Bà Lan's signed prescription."""
    return sign(world, place, lan_visit(place), drugs or [(PARACETAMOL, 20)])


def hung_prescription(world: World, place: Place, *drugs: tuple[str, int]) -> Prescription:
    """Anh Hùng's signed prescription, paid by himself."""
    visit = open_visit(patient=anh_hung(place), room=place.rooms["PK1"], actor=place.actor("reception"), at=at(8))
    return sign(world, place, visit, drugs or [(PARACETAMOL, 20)])


def someone_prescription(world: World, place: Place, name: str, *drugs: tuple[str, int]) -> Prescription:
    """A signed prescription of another invented person."""
    actor = place.actor("reception")
    patient = register_patient(
        full_name=name, birth=BirthDate(date(1990, 1, 1), "year"), sex="2", actor=actor, at=at(7)
    )
    visit = open_visit(patient=patient, room=place.rooms["PK1"], actor=actor, at=at(8))
    return sign(world, place, visit, drugs or [(PARACETAMOL, 20)])


def other_brand(world: World, place: Place, of: str = PARACETAMOL, *, price: int = 220, **facts: object) -> Drug:
    """Another product of the same ingredient, strength, route and form, under another code."""
    drug = world.drug(place, of)
    drug.pk, drug.code, drug.name, drug.price, drug.insured_price = None, f"{of}B", f"{drug.name} B", price, price
    for name, value in facts.items():
        setattr(drug, name, value)
    drug.save()
    drug.refresh_from_db()
    return drug


def on_hand(store: Store) -> dict[str, Decimal]:
    """Quantity by lot number in one store."""
    return {
        row.lot.number: row.on_hand
        for row in LotBalance.objects.filter(store=store).select_related("lot").order_by("pk")
    }


def lot(number: str) -> Lot:
    return Lot.objects.get(number=number)


def current_dispense(prescription: Prescription) -> Dispense | None:
    """The last handing out of a prescription that was not reversed."""
    rows = Dispense.objects.filter(prescription=prescription, is_reversed=False).select_related("document", "store")
    return rows.order_by("-dispensed_at", "-pk").first()
