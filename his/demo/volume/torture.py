"""`manage.py bench torture`: clients that dispense, take back, transfer, count, lose and receive the same lots, and are
killed meanwhile (`killing`). `torture_checks` then looks for what was lost, doubled or is negative.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import transaction
from django.utils import timezone

from his.accounts.actor import Actor
from his.core.dates import BirthDate
from his.core.errors import Refusal
from his.demo.places import Place, load_places
from his.demo.volume.clearing import MARK, clear
from his.demo.volume.killing import Entry, answers, told, torture
from his.demo.volume.stock_clients import Shelf, new_shelf
from his.demo.volume.torture_checks import torture_checks
from his.service import service
from patients.models import Prescription
from patients.services.exams import set_diagnoses, start_exam
from patients.services.people import register_patient
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import sign_exam
from patients.services.visits import open_visit, record_vitals
from pharmacy.models import Dispense, Lot, StockDocument, Store
from pharmacy.services import ledger
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.stock import GoodsLine, LotLine, receive_goods, record_loss, reverse_document, transfer

Kind = StockDocument.Kind
Wanted = list[list[int]]

IN_EACH_LOT = Decimal(40)
PRESCRIBED = Decimal(20)
NAMES = ("Lý Thị Một", "Đào Văn Hai", "Trịnh Thị Ba", "Hồ Văn Bốn", "Dương Thị Năm", "Tô Văn Sáu")


@service(action="bench.count", permission="pharmacy.approve_count")
def count(
    *, store: Store, lines: list[LotLine], kind: StockDocument.Kind, actor: Actor, at: datetime, idempotency_key: str
) -> StockDocument:
    """What a stock-take posts: more or less than the book says. For measuring at invented facilities only."""
    draft = ledger.draft(kind=kind, store=store, actor=actor, at=at, reason="Kiểm kê")
    for line in lines:
        draft.add(lot=line.lot, quantity=line.quantity)
    return ledger.post(draft=draft, actor=actor, at=at)


@dataclass(frozen=True, slots=True)
class Arena:
    """What the clients share."""

    actor: Actor
    stores: tuple[Store, ...]
    lots: tuple[Lot, ...]
    prescriptions: tuple[Prescription, ...]
    folder: Path

    def chosen(self, client: int, rng: random.Random) -> tuple[str, list[Any]]:
        """The next request of a client and its values."""
        store, target = rng.sample([store.pk for store in self.stores], 2)
        lots = rng.sample([lot.pk for lot in self.lots], rng.randint(1, 2))
        wanted = [[pk, rng.randint(1, 4)] for pk in lots]
        prescription = rng.choice(self.prescriptions).pk
        choices: list[tuple[str, list[Any]]] = [
            ("give", [prescription, store]),
            ("give", [prescription, store]),
            ("take_back", [prescription]),
            ("move", [store, target, wanted]),
            ("undo", [rng.choice([Kind.TRANSFER, Kind.LOSS, Kind.COUNT_UP]).value]),
            ("count", [store, rng.choice([Kind.COUNT_UP, Kind.COUNT_DOWN]).value, wanted]),
            ("lose", [store, wanted]),
            ("receive", [store, wanted]),
        ]
        return rng.choice(choices)

    def ask(self, client: int, key: str, what: str, values: list[Any]) -> Entry:
        """Ask for it; answers the document."""
        row = _requests(self)[what](key, *values)
        return {"done": row.document.pk if isinstance(row, Dispense) else row.pk}


def bench_torture(*, facility_code: str, clients: int, seconds: float, say: Callable[[str], None]) -> Entry:
    """Let so many clients work and be killed for so long. All of the last figures must be 0 (`torture_checks`);
    `busy` says how often a client had to repeat a request, after a wait that was too long or a deadlock. The visits
    are ended (`clearing`), those of one that was killed too."""
    shelf = new_shelf(facility_code, IN_EACH_LOT, lots=3)
    clear(shelf.actor, say)  # what one that was killed left
    with TemporaryDirectory() as folder:
        arena = _arena(shelf, load_places()[facility_code], Path(folder))
        first = StockDocument.objects.for_facility(shelf.actor.facility).latest("pk").pk
        kills = torture(arena, clients=clients, seconds=seconds)
        done, busy = told(answers(arena), say)
    figures = {"clients": clients, "seconds": seconds, "killed": kills, "done": len(done), "busy": busy}
    found = figures | torture_checks(shelf.actor.facility, after=first, done=done, prescribed=PRESCRIBED)
    clear(shelf.actor, say)
    return found


def _arena(shelf: Shelf, place: Place, folder: Path) -> Arena:
    """Stock in both stores, and a signed prescription of the drug for each of some invented people."""
    now, stores = timezone.now(), (shelf.store, shelf.other)
    goods = [
        GoodsLine(lot.drug, lot.number, lot.expires_on, IN_EACH_LOT, lot.unit_cost, lot.supplier) for lot in shelf.lots
    ]
    receive_goods(store=shelf.other, lines=goods, confirm_unusual=True, actor=shelf.actor, at=now)
    prescriptions = tuple(_prescribed(place, name, shelf.lots[0], now) for name in NAMES)
    return Arena(shelf.actor, stores, shelf.lots, prescriptions, folder)


@transaction.atomic
def _prescribed(place: Place, name: str, lot: Lot, now: datetime) -> Prescription:
    """A signed prescription or nothing, also when the benchmark is killed meanwhile."""
    reception, doctor = place.actor("reception"), place.actor("doctor")
    patient = register_patient(
        full_name=name, birth=BirthDate(date(1990, 1, 1), "year"), sex="2", actor=reception, at=now
    )
    visit = open_visit(patient=patient, room=place.rooms["PK1"], reason=MARK, actor=reception, at=now)
    exam = start_exam(visit=visit, actor=doctor, at=now)
    set_diagnoses(exam=exam, main="J06.9", actor=doctor, at=now)
    line = LineInput(drug=lot.drug, morning=Decimal(1), days=7, quantity=PRESCRIBED)
    prescription = prescribe(exam=exam, lines=[line], actor=doctor, at=now)
    record_vitals(visit=visit, weight_kg=Decimal(50), actor=doctor, at=now)
    sign_exam(exam=exam, actor=doctor, at=now)
    return Prescription.objects.for_facility(place.facility).get(pk=prescription.pk)


def _requests(arena: Arena) -> dict[str, Callable[..., Dispense | StockDocument]]:
    """What a client may ask for, each from plain values, so that it can be noted and repeated."""
    stores, lots = {s.pk: s for s in arena.stores}, {lot.pk: lot for lot in arena.lots}

    def common(key: str) -> Entry:
        return {"actor": arena.actor, "at": timezone.now(), "idempotency_key": key}

    def lines(wanted: Wanted) -> list[LotLine]:
        return [LotLine(lots[pk], Decimal(quantity), "Thử") for pk, quantity in wanted]

    def goods(wanted: Wanted) -> list[GoodsLine]:
        return [
            GoodsLine(lots[pk].drug, lots[pk].number, lots[pk].expires_on, Decimal(quantity), lots[pk].unit_cost)
            for pk, quantity in wanted
        ]

    def give(key: str, prescription: int, store: int) -> Dispense:
        row = Prescription.objects.for_facility(arena.actor.facility).get(pk=prescription)
        return dispense(prescription=row, store=stores[store], **common(key))

    def take_back(key: str, prescription: int) -> StockDocument:
        row = (
            Dispense.objects.for_facility(arena.actor.facility)
            .filter(prescription=prescription, is_reversed=False)
            .first()
        )
        if row is None:
            raise Refusal("not_dispensed", "")
        done = reverse_dispense(dispense=row, reason="Trả lại", actor=arena.actor, at=timezone.now())
        reversal: StockDocument = done.document.reversed_by
        return reversal

    def undo(key: str, kind: str) -> StockDocument:
        rows = StockDocument.objects.for_facility(arena.actor.facility).filter(
            kind=kind, reversed_by=None, store__in=stores
        )
        row = rows.order_by("-pk").first()
        if row is None:
            raise Refusal("no_document", "")
        return reverse_document(document=row, reason="Nhầm", actor=arena.actor, at=timezone.now())

    return {
        "give": give,
        "take_back": take_back,
        "undo": undo,
        "move": lambda key, store, target, wanted: transfer(
            store=stores[store], target_store=stores[target], lines=lines(wanted), **common(key)
        ),
        "count": lambda key, store, kind, wanted: count(
            store=stores[store], kind=Kind(kind), lines=lines(wanted), **common(key)
        ),
        "lose": lambda key, store, wanted: record_loss(
            store=stores[store], reason="Vỡ", lines=lines(wanted), **common(key)
        ),
        "receive": lambda key, store, wanted: receive_goods(
            store=stores[store], lines=goods(wanted), confirm_unusual=True, **common(key)
        ),
    }
