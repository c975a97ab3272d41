"""32 connections at the same few visits: nothing is taken twice, nothing is lost, nobody waits for ever."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection

from his.accounts.actor import Actor, actor_for
from his.accounts.models import Membership, User
from his.audit.record import broken_positions
from his.core.errors import Refusal
from his.demo.places import Place
from insurance.billing import ledger
from insurance.billing.books import missing_numbers
from insurance.billing.cash import collect, refund, take_deposit, use_deposits, void_entry
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.drawers import close_day, close_session, open_session
from insurance.models import BenefitResult, CashDay, CashEntry, CashSession, ReceiptBook
from patients.models import Visit
from tests.cast import World, at
from tests.insurance import walk

pytestmark = pytest.mark.django_db(transaction=True)
THREADS, ROUNDS = 32, 16
ALLOWED = {
    "busy", "nothing_due", "covered", "too_much", "not_closed", "closed", "already_closed", "nothing_held",
    "no_session", "session_open", "not_whole_any_more", "not_voidable", "drawer_closed", "not_yours", "day_closed",
    "drawers_open", "approval_needed", "transfer_recorded", "not_positive",
}  # fmt: skip


class Desk:
    """One cashier with a connection of their own, doing what cashiers do, as fast as possible."""

    def __init__(self, place: Place, number: int, visits: list[int], gate: threading.Barrier) -> None:
        self.place, self.rng, self.visits, self.gate = place, random.Random(number), visits, gate
        self.actor, self.manager = cashier(place, number), place.actor("manager")
        self.accountant = place.actor("accountant")
        open_session(opening_float=Decimal(0), actor=self.actor, at=at(7))
        self.moves = [
            self.pay,
            self.pay,
            self.pay,
            self.give_back,
            self.give_back,
            self.void,
            self.deposit,
            self.settle,
            self.turn,
            self.day,
        ]
        self.heard: Counter[str] = Counter()
        self.made: list[str] = []

    def work(self) -> "Desk":
        try:
            self.gate.wait(timeout=60)
            for _ in range(ROUNDS):
                self.attempt(
                    self.rng.choice(
                        [self.pay, self.pay, self.give_back, self.void, self.deposit, self.settle, self.turn, self.day]
                    )
                )
            return self
        finally:
            connection.close()

    def attempt(self, move: Callable[[], object]) -> None:
        try:
            answer = move()
        except Refusal as refusal:
            self.heard[refusal.code] += 1
            return
        self.heard[move.__name__] += 1
        if isinstance(answer, CashEntry):
            self.made.append(answer.number)

    def visit(self) -> Visit:
        return Visit.objects.get(pk=self.rng.choice(self.visits))

    def pay(self) -> CashEntry:
        visit, way = self.visit(), {}
        if self.rng.random() < 0.3:  # eight bank transactions for all: most are tried by several desks
            way = {"method": "transfer", "bank_reference": f"FT{self.rng.randrange(8)}"}
        due = ledger.amount_due(visit)
        amount = max(due if self.rng.random() < 0.3 else due // 3, Decimal(1000))
        return collect(visit=visit, amount=amount, actor=self.actor, at=at(9), **way)

    def deposit(self) -> CashEntry:
        return take_deposit(visit=self.visit(), amount=Decimal(150_000), actor=self.actor, at=at(9))

    def settle(self) -> CashEntry:
        return use_deposits(visit=self.visit(), actor=self.actor, at=at(9))

    def entry(self) -> CashEntry:
        found = list(CashEntry.objects.filter(kind__in=["receipt", "deposit", "deposit_use"]))
        mine = [entry for entry in found if entry.by_id == self.actor.user.pk]
        found = mine if mine and self.rng.random() < 0.8 else found
        if not found:
            raise Refusal("nothing_due", "Chưa có phiếu")
        return self.rng.choice(found)

    def give_back(self) -> CashEntry:
        entry = self.entry()
        return refund(entry=entry, amount=ledger.refundable_amount(entry), reason="Trả", actor=self.actor, at=at(9))

    def void(self) -> CashEntry:
        mine = list(CashEntry.objects.filter(kind__in=["receipt", "deposit"], by=self.actor.user))
        entry = self.rng.choice(mine) if mine else self.entry()
        return void_entry(entry=entry, reason="Nhầm", actor=self.actor, at=at(9))

    def turn(self) -> object:
        visit = self.visit()
        if visit.state == Visit.State.CLOSED and self.rng.random() < 0.5:
            return reopen_visit(visit=visit, reason="Sửa", actor=self.manager, at=at(9))
        return close_visit(visit=visit, actor=self.actor, at=at(9))

    def day(self) -> object:
        """Count the own drawer and open the next one; one in three tries to close the day."""
        if self.rng.random() < 0.3:
            return close_day(day=at().date(), actor=self.accountant, at=at(9))
        session = CashSession.objects.get(cashier=self.actor.user, closed_at__isnull=True)
        close_session(session=session, denominations={}, note="Đếm sau", actor=self.actor, at=at(9))
        return open_session(opening_float=Decimal(0), actor=self.actor, at=at(9))


def cashier(place: Place, number: int) -> Actor:
    user = User.objects.create(username=f"cashier.{number}", first_name=f"Thu ngân {number}")
    Membership.objects.create(facility=place.facility, user=user, role="cashier")
    return actor_for(user, place.facility)


def test_thirty_two_cashiers_at_the_same_visits(world: World) -> None:
    place = world.hospital
    first = walk.lan_full(world, place)
    second = walk.hung(world, place).examine("J06.9").order(walk.ULTRASOUND).sign()
    patient, card = walk.someone(place, "Lê Thị Mẫu", card="GD4999912345688")
    third = walk.visit_of(world, place, patient, card).examine("I10").order(walk.CBC).sign()
    for step in (first, third):
        step.close()
    gate = threading.Barrier(THREADS)
    pks = [step.visit.pk for step in (first, second, third)]
    desks = [Desk(place, number, pks, gate) for number in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        assert len(list(pool.map(Desk.work, desks))) == THREADS
    heard = sum((desk.heard for desk in desks), Counter())
    assert set(heard) <= ALLOWED | {"pay", "give_back", "void", "deposit", "settle", "turn", "day"}
    assert heard["busy"] < THREADS * ROUNDS / 4, heard
    for move in ("pay", "give_back", "deposit", "turn"):
        assert heard[move] > 0, heard
    numbers = [number for desk in desks for number in desk.made]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) <= set(CashEntry.objects.values_list("number", flat=True))
    identities_hold(place, pks)


def identities_hold(place: Place, pks: list[int]) -> None:
    facility = place.facility
    for visit in Visit.objects.filter(pk__in=pks).select_related("facility"):
        account, entries = ledger.account_of(visit), ledger.entries_of(visit)
        assert all(entry.left >= 0 for entry in entries)
        assert account.held == sum(entry.left for entry in entries if entry.kind == "deposit") >= 0
        assert account.paid == sum(entry.left for entry in entries if entry.kind in {"receipt", "deposit_use"}) >= 0
        most = max(ledger.payable_amount(result) for result in BenefitResult.objects.filter(visit=visit))
        assert account.paid <= most
        if account.payable is not None:
            assert account.due == account.payable - account.paid - account.held
    kinds = Counter()
    for entry in CashEntry.objects.for_facility(facility):
        kinds[entry.kind] += entry.amount
    used = kinds["deposit_use"] - kinds["deposit_release"]
    given_back = kinds["deposit_return"] + kinds["deposit_void"]
    assert kinds["deposit"] - used - given_back == ledger.held_total(facility)
    for session in CashSession.objects.for_facility(facility).filter(closed_at__isnull=False):
        assert session.expected_amount == ledger.expected_cash(session)
    for series in ReceiptBook.objects.values_list("series", flat=True).distinct():
        assert missing_numbers(facility, series) == []
    transfers = [
        row.bank_reference
        for row in CashEntry.objects.filter(method="transfer", kind__in=["receipt", "deposit"])
        if not row.refunds.filter(kind__in=["receipt_void", "deposit_void"]).exists()
    ]
    assert len(transfers) == len(set(transfers))
    assert not CashDay.objects.exists() or not CashSession.objects.filter(closed_at__isnull=True).exists()
    assert broken_positions(facility, at().date().replace(day=1)) == []


def test_a_repeated_key_at_two_desks_gives_the_same_receipt(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    actor, gate = walk.drawer(place), threading.Barrier(8)

    def take(_n: int) -> int | str:
        try:
            gate.wait(timeout=30)
            how = {"actor": actor, "at": at(12), "idempotency_key": "same"}
            return collect(visit=step.visit, amount=Decimal(100_000), **how).pk
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(take, range(8)))
    assert len(answers) == 1
    assert CashEntry.objects.get().amount == 100_000


def test_a_drawer_cannot_open_on_a_day_that_is_being_closed(world: World) -> None:
    place = world.hospital
    gate = threading.Barrier(2)

    def run(task: Callable[[], object]) -> str:
        try:
            gate.wait(timeout=30)
            task()
        except Refusal as refusal:
            return refusal.code
        else:
            return "done"
        finally:
            connection.close()

    def shut() -> object:
        return close_day(day=at().date(), actor=place.actor("accountant"), at=at(17))

    def start() -> object:
        return open_session(opening_float=Decimal(0), actor=place.actor("cashier"), at=at(17))

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(run, [shut, start]))
    assert answers in (["done", "day_closed"], ["drawers_open", "done"])
