"""`manage.py bench cashiers`: clients that close, open again, take deposits, collect, use, give back, void, waive and
count drawers at the same few visits, and are killed meanwhile (`killing`). `cash_checks` then looks for what was
collected twice, lost or does not add up.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from his.accounts.actor import Actor, actor_for
from his.accounts.models import Membership, User
from his.catalogs.models import PricedService
from his.core.dates import BirthDate, local
from his.core.errors import Refusal
from his.core.money import ZERO
from his.demo.places import Place, load_places
from his.demo.volume.cash_checks import cash_checks
from his.demo.volume.killing import Entry, answers, told, torture
from his.demo.volume.measure import prepared
from insurance.billing import ledger
from insurance.billing.cash import collect, refund, take_deposit, use_deposits, void_entry
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.drawers import close_session, open_session
from insurance.billing.fee_waivers import Reason, cancel_waiver, grant_waiver
from insurance.billing.queries import current_result, get_visit, get_waiver, standing_waivers
from insurance.models import CashEntry, FeeWaiver
from patients.models import Visit
from patients.services.exams import set_diagnoses, start_exam
from patients.services.orders import ResultInput, order_service, record_result
from patients.services.people import register_patient
from patients.services.signing import sign_exam
from patients.services.visits import open_visit, record_vitals

WHY = "Thử nhiều máy"
NAMES = ("Lý Thị Thu", "Đào Văn Nộp", "Trịnh Thị Phí", "Hồ Văn Ứng")
BANK_TRANSACTIONS = 40
"""So few for all clients that most are tried at several desks."""


@dataclass(frozen=True, slots=True)
class Arena:
    """What the clients share: visits. Each client is a cashier with a drawer of their own."""

    cashiers: tuple[Actor, ...]
    manager: Actor
    visits: tuple[int, ...]
    mark: str
    folder: Path

    def chosen(self, client: int, rng: random.Random) -> tuple[str, list[Any]]:
        """The next request of a client and its values, from what the desk sees at that moment."""
        visit = get_visit(self.manager.facility, rng.choice(self.visits))
        entry = rng.choice([e.pk for e in ledger.entries_of(visit)] or [0])
        mine = CashEntry.objects.for_facility(visit.facility).filter(by=self.cashiers[client].user, visit=visit)
        last = mine.order_by("-pk").values_list("pk", flat=True).first() or entry
        back: list[tuple[str, list[Any]]] = [("give_back", [entry]), ("give_back", [last]), ("void", [last])]
        choices: list[tuple[str, list[Any]]]
        if visit.state == Visit.State.CLOSED:
            pay = ("pay", [visit.pk, str(self._part(visit, rng)), *self._way(rng)])
            waive = ("waive", [visit.pk, rng.choice([5, 30, 100])])
            choices = [*[pay] * 10, ("settle", [visit.pk]), *back * 3, waive, ("turn", [visit.pk]), ("count", [])]
        else:
            deposit = ("deposit", [visit.pk, str(Decimal(rng.randint(1, 90)) * 1000), *self._way(rng)])
            choices = [deposit, deposit, *[("turn", [visit.pk])] * 4, *back]
        return rng.choice(choices)

    def ask(self, client: int, key: str, what: str, values: list[Any]) -> Entry:
        """Ask for it as that cashier; answers the entry with its number and amount, or that it was done."""
        row = getattr(_Desk(self, self.cashiers[client], key), what)(*values)
        if isinstance(row, CashEntry):
            return {"done": row.pk, "number": row.number, "amount": str(row.amount)}
        return {"done": 0}

    def _part(self, visit: Visit, rng: random.Random) -> Decimal:
        due = max(ledger.amount_due(visit), Decimal(1000))
        return due if rng.random() < 0.2 else max(Decimal(1000), due // 5)

    def _way(self, rng: random.Random) -> list[str]:
        way = rng.choice(["cash", "cash", "card", "transfer"])
        return [way, f"{self.mark}.{rng.randrange(BANK_TRANSACTIONS)}" if way == "transfer" else ""]


@dataclass(frozen=True, slots=True)
class _Desk:
    """One request of one cashier under its key."""

    arena: Arena
    cashier: Actor
    key: str

    @property
    def _how(self) -> dict[str, Any]:
        return {"actor": self.cashier, "at": timezone.now(), "idempotency_key": self.key}

    def pay(self, visit: int, amount: str, method: str, reference: str) -> CashEntry:
        return collect(
            visit=self._visit(visit), amount=Decimal(amount), method=method, bank_reference=reference, **self._how
        )

    def deposit(self, visit: int, amount: str, method: str, reference: str) -> CashEntry:
        return take_deposit(
            visit=self._visit(visit), amount=Decimal(amount), method=method, bank_reference=reference, **self._how
        )

    def settle(self, visit: int) -> CashEntry:
        return use_deposits(visit=self._visit(visit), **self._how)

    def give_back(self, entry: int) -> CashEntry:
        """All that is left of it."""
        row = self._entry(entry)
        return refund(entry=row, amount=ledger.refundable_amount(row), reason=WHY, **self._how)

    def void(self, entry: int) -> CashEntry:
        return void_entry(entry=self._entry(entry), reason=WHY, **self._how)

    def turn(self, visit: int) -> object:
        """Close the visit, or open it again."""
        row, now = self._visit(visit), timezone.now()
        if row.state == Visit.State.CLOSED:
            return reopen_visit(visit=row, reason=WHY, actor=self.arena.manager, at=now)
        return close_visit(visit=row, actor=self.cashier, at=now, extra_told=True)

    def waive(self, visit: int, percent: int) -> object:
        """Waive a part, or take a waiver back."""
        row, actor = self._visit(visit), self.arena.manager
        result = current_result(row)
        if result is not None and (standing := standing_waivers(result)):
            waiver = get_waiver(actor.facility, standing[0].pk)
            return cancel_waiver(waiver=waiver, reason=WHY, actor=actor, at=timezone.now())
        reason = Reason(FeeWaiver.Reason.HARDSHIP, WHY)
        return grant_waiver(
            visit=row, percent=Decimal(percent), reason=reason, actor=actor, at=timezone.now(), idempotency_key=self.key
        )

    def count(self) -> object:
        """Count the own drawer and open the next one; one that was killed in between only opens."""
        session = ledger.open_session_of(self.cashier.facility, self.cashier.user.pk)
        if session is not None:
            close_session(session=session, denominations={}, note=WHY, actor=self.cashier, at=timezone.now())
        return open_session(opening_float=ZERO, actor=self.cashier, at=timezone.now())

    def _visit(self, pk: int) -> Visit:
        return get_visit(self.cashier.facility, pk)

    def _entry(self, pk: int) -> CashEntry:
        if not pk:
            raise Refusal("no_entry", "")
        return ledger.get_entry(self.cashier.facility, pk)


def bench_cashiers(*, facility_code: str, clients: int, seconds: float, say: Callable[[str], None]) -> Entry:
    """Let so many cashiers work and be killed for so long, then settle everything. All of the last figures must be 0
    (`cash_checks`); `busy` says how often a client had to repeat a request, after a wait that was too long or a
    deadlock, and `deadlocks` how many the database found."""
    prepared(facility_code)
    place, mark = load_places()[facility_code], uuid4().hex[:8].upper()
    with TemporaryDirectory() as folder:
        visits = tuple(_to_be_paid(place, name) for name in NAMES)
        cashiers = tuple(_cashier(place, f"thu.{mark}.{number}") for number in range(clients))
        arena = Arena(cashiers, place.actor("manager"), visits, mark, Path(folder))
        rows = CashEntry.objects.for_facility(place.facility).order_by("pk")
        first, deadlocks = getattr(rows.last(), "pk", 0), _deadlocks()
        kills = torture(arena, clients=clients, seconds=seconds)
        done, busy = told(answers(arena), say)
    last, found = getattr(rows.last(), "pk", 0), _deadlocks() - deadlocks
    _settle(arena)
    figures = {"clients": clients, "seconds": seconds, "killed": kills, "done": len(done), "busy": busy}
    figures["entries"] = rows.filter(pk__gt=first).count()
    checks = cash_checks(place.facility, visits=visits, after=first, until=last, done=done)
    return figures | {"deadlocks": found} | checks


def _to_be_paid(place: Place, name: str) -> int:
    """Somebody who pays alone, examined and measured; the visit waits for the cashier."""
    reception, doctor, now = place.actor("reception"), place.actor("doctor"), timezone.now()
    birth = BirthDate(date(1985, 1, 1), "year")
    patient = register_patient(full_name=name, birth=birth, sex="2", actor=reception, at=now)
    visit = open_visit(patient=patient, room=place.rooms["PK1"], actor=reception, at=now)
    exam = start_exam(visit=visit, actor=doctor, at=now)
    set_diagnoses(exam=exam, main="J06.9", actor=doctor, at=now)
    services = PricedService.objects.for_facility(place.facility).on(local(now).date())
    test = services.filter(group_code="1").order_by("pk")[0]
    order = order_service(exam=exam, service=test, extra_told=True, actor=doctor, at=now)
    result = ResultInput(indicator_code="WBC", value="6,1")
    record_result(order=order, results=[result], actor=place.actor("technician"), at=now)
    record_vitals(visit=visit, weight_kg=Decimal(50), actor=doctor, at=now)
    sign_exam(exam=exam, actor=doctor, at=now)
    return visit.pk


def _cashier(place: Place, username: str) -> Actor:
    """A cashier of the invented facility with an open drawer."""
    user = User.objects.create(username=username, first_name=username)
    Membership.objects.create(facility=place.facility, user=user, role="cashier")
    actor = actor_for(user, place.facility)
    open_session(opening_float=ZERO, actor=actor, at=timezone.now())
    return actor


def _settle(arena: Arena) -> None:
    """Close what is open, take what is due, give back what is too much, and count every drawer."""
    for cashier in arena.cashiers:  # one that was killed between two drawers has none
        if ledger.open_session_of(cashier.facility, cashier.user.pk) is None:
            open_session(opening_float=ZERO, actor=cashier, at=timezone.now())
    for pk in arena.visits:
        desk = _Desk(arena, arena.cashiers[0], "")
        if get_visit(desk.cashier.facility, pk).state != Visit.State.CLOSED:
            desk.turn(pk)
        visit = get_visit(desk.cashier.facility, pk)
        if ledger.account_of(visit).to_use:
            desk.settle(pk)
        if (due := ledger.amount_due(visit)) > 0:
            desk.pay(pk, str(due), "cash", "")
        for entry in sorted(ledger.entries_of(visit), key=lambda entry: entry.kind != CashEntry.Kind.DEPOSIT):
            back = min(entry.left, -ledger.amount_due(visit))  # type: ignore[attr-defined]
            if back > 0:
                owner = next((one for one in arena.cashiers if one.user.pk == entry.by_id), desk.cashier)
                own = _Desk(arena, owner, "")
                refund(entry=ledger.get_entry(owner.facility, entry.pk), amount=back, reason=WHY, **own._how)
    for cashier in arena.cashiers:
        session = ledger.open_session_of(cashier.facility, cashier.user.pk)
        assert session is not None
        close_session(session=session, denominations={}, note=WHY, actor=cashier, at=timezone.now())


def _deadlocks() -> int:
    """How many deadlocks the database has found so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
