"""Random walks over the cash ledger, next to a plain model of it that shares no code with the product."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from his.catalogs.models import Drug
from his.core.errors import Refusal
from insurance.billing import ledger
from insurance.billing.books import book_of, book_uses, missing_numbers
from insurance.billing.cash import collect, refund, take_deposit, use_deposits, void_entry
from insurance.billing.cash_rules import set_cash_rules
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.drawers import close_day, close_session, open_session
from insurance.models import CashDay, CashEntry, CashSession, ReceiptBook
from patients.models import Visit
from tests.cast import World, at
from tests.insurance import walk

pytestmark = pytest.mark.django_db
CASHIERS = ("cashier", "cashier2")


@dataclass
class Paper:
    """A receipt, deposit or use in the model, with what is left of it."""

    kind: str
    amount: int
    left: int
    who: str
    drawer: int
    day: int
    method: str
    deposit: "Paper | None" = None


@dataclass
class Bill:
    """What the model knows of a visit."""

    payable: int | None = None
    paid: int = 0
    held: int = 0
    taken: int = 0
    used: int = 0
    returned: int = 0
    papers: dict[int, Paper] = field(default_factory=dict)


def left_over(bill: Bill) -> list[int]:
    return [paper.left for paper in bill.papers.values()]


class Model:
    """The desk, the product's answers on one side and the plain model's on the other."""

    def __init__(self, world: World, seed: int) -> None:
        self.place, self.rng = world.hospital, random.Random(seed)
        self.steps = [walk.lan_full(world, world.hospital), walk.hung(world, world.hospital)]
        self.steps[1].examine("J06.9").sign()
        self.visits = [step.visit for step in self.steps]
        self.bills = [Bill() for _ in self.visits]
        self.now: datetime = at(10)
        self.day = 0
        self.drawers: dict[str, int] = {}
        self.cash: dict[int, int] = defaultdict(int)
        self.drawer_count = 0
        self.closed_days: set[int] = set()
        self.bank = 0
        self.done: dict[str, int] = defaultdict(int)

    def walk(self, length: int) -> None:
        moves = [self.deposit, self.collect, self.use, self.give_back, self.void, self.close, self.reopen, self.drawer]
        weights = [5, 8, 4, 7, 6, 4, 2, 1]
        for who in CASHIERS:
            self.drawer(who, 0)
        for _ in range(length):
            self.now += timedelta(minutes=1)
            move = self.rng.choices([*moves, self.next_day], [*weights, 0.4])[0]
            move(self.rng.choice(CASHIERS), self.rng.randrange(len(self.visits)))
            self.compare()

    def attempt(self, name: str, expected: bool, action) -> object | None:
        """Run a service; whether it is done must be what the model says."""
        answer, refusal = None, None
        try:
            answer = action()
        except Refusal as heard:
            refusal = heard
        assert (refusal is None) == expected, f"{name}: {refusal!r}"
        self.done[name if expected else f"{name} refused"] += 1
        return answer

    # The moves

    def amount(self, near: int) -> int:
        return max(1, self.rng.choice([near, near, near - 1, near + 1, near // 2, 1, 10_000]))

    def way(self) -> dict[str, str]:
        method = self.rng.choice(["cash", "cash", "transfer", "card"])
        self.bank += 1
        return {"method": method, "bank_reference": f"FT{self.bank}" if method == "transfer" else ""}

    def deposit(self, who: str, n: int) -> None:
        bill, amount, way = self.bills[n], self.amount(200_000), self.way()
        expected = who in self.drawers and bill.payable is None
        actor = self.place.actor(who)
        entry = self.attempt(
            "deposit",
            expected,
            lambda: take_deposit(visit=self.visits[n], amount=Decimal(amount), actor=actor, at=self.now, **way),
        )
        if entry is not None:
            self.put(bill, entry, "deposit", amount, who, way["method"])
            bill.held, bill.taken = bill.held + amount, bill.taken + amount
            self.move(who, way["method"], amount)

    def collect(self, who: str, n: int) -> None:
        bill, way = self.bills[n], self.way()
        due = (bill.payable or 0) - bill.paid - bill.held
        amount = self.amount(due)
        expected = who in self.drawers and bill.payable is not None and 0 < amount <= due
        actor = self.place.actor(who)
        entry = self.attempt(
            "collect",
            expected,
            lambda: collect(visit=self.visits[n], amount=Decimal(amount), actor=actor, at=self.now, **way),
        )
        if entry is not None:
            self.take_up(bill, n, who)
            self.put(bill, entry, "receipt", amount, who, way["method"])
            bill.paid += amount
            self.move(who, way["method"], amount)

    def use(self, who: str, n: int) -> None:
        bill = self.bills[n]
        owed = (bill.payable or 0) - bill.paid
        expected = who in self.drawers and bill.payable is not None and bill.held > 0 and owed > 0
        actor = self.place.actor(who)
        if self.attempt("use", expected, lambda: use_deposits(visit=self.visits[n], actor=actor, at=self.now)):
            self.take_up(bill, n, who)

    def take_up(self, bill: Bill, n: int, who: str) -> None:
        """Deposits pay what is owed, the oldest first."""
        owed = (bill.payable or 0) - bill.paid
        fresh = [e for e in CashEntry.objects.filter(visit=self.visits[n]).order_by("pk") if e.pk not in bill.papers]
        uses = {e.reverses_id: e for e in fresh if e.kind == "deposit_use"}
        for pk, paper in list(bill.papers.items()):
            part = min(owed, paper.left) if paper.kind == "deposit" else 0
            if part > 0:
                paper.left, owed = paper.left - part, owed - part
                bill.paid, bill.held, bill.used = bill.paid + part, bill.held - part, bill.used + part
                entry = uses.pop(pk)
                assert entry.amount == part
                self.put(bill, entry, "use", part, who, paper.method, deposit=paper)
        assert not uses

    def give_back(self, who: str, n: int) -> None:
        bill = self.bills[n]
        if not bill.papers:
            return
        pk = self.rng.choice(list(bill.papers))
        paper = bill.papers[pk]
        amount, entry = self.amount(paper.left), CashEntry.objects.get(pk=pk)
        others = paper.kind == "receipt" and paper.who != who
        expected = who in self.drawers and 0 < amount <= paper.left and not others
        actor = self.place.actor(who)
        back = self.attempt(
            "refund",
            expected,
            lambda: refund(entry=entry, amount=Decimal(amount), reason="Trả lại", actor=actor, at=self.now),
        )
        if back is None:
            return
        paper.left -= amount
        if paper.kind == "receipt":
            bill.paid -= amount
        elif paper.kind == "deposit":
            bill.held, bill.returned = bill.held - amount, bill.returned + amount
        else:  # released, then returned: what its deposit holds does not change
            bill.paid, bill.used, bill.returned = bill.paid - amount, bill.used - amount, bill.returned + amount
        self.move(who, paper.method, -amount)

    def void(self, who: str, n: int) -> None:
        bill = self.bills[n]
        if not bill.papers:
            return
        mine = [pk for pk, paper in bill.papers.items() if paper.who == who and paper.kind != "use"]
        pk = self.rng.choice(mine[-2:] or list(bill.papers))
        paper, entry = bill.papers[pk], CashEntry.objects.get(pk=pk)
        expected = (
            paper.kind in {"receipt", "deposit"}
            and paper.who == who
            and paper.drawer == self.drawers.get(who)
            and paper.day == self.day
            and paper.left == paper.amount
        )
        actor = self.place.actor(who)
        if self.attempt("void", expected, lambda: void_entry(entry=entry, reason="Nhầm", actor=actor, at=self.now)):
            paper.left = 0
            if paper.kind == "receipt":
                bill.paid -= paper.amount
            else:
                bill.held, bill.taken = bill.held - paper.amount, bill.taken - paper.amount
            self.move(who, paper.method, -paper.amount)

    def close(self, who: str, n: int) -> None:
        price = self.rng.randrange(80_000, 200_000)
        Drug.objects.filter(code=walk.HALF_PAID).update(price=price, insured_price=price)
        bill, actor = self.bills[n], self.place.actor(who)
        expected = bill.payable is None
        result = self.attempt("close", expected, lambda: close_visit(visit=self.visits[n], actor=actor, at=self.now))
        if result is not None:
            result.refresh_from_db()
            exact = result.copay_amount + result.self_paid_amount
            bill.payable = int(exact.quantize(Decimal(1), rounding="ROUND_HALF_UP"))

    def reopen(self, _who: str, n: int) -> None:
        bill, manager = self.bills[n], self.place.actor("manager")
        visit = Visit.objects.get(pk=self.visits[n].pk)
        if self.attempt(
            "reopen",
            bill.payable is not None,
            lambda: reopen_visit(visit=visit, reason="Sửa", actor=manager, at=self.now),
        ):
            bill.payable = None

    def drawer(self, who: str, _n: int) -> None:
        actor = self.place.actor(who)
        if who not in self.drawers:
            expected = self.day not in self.closed_days
            session = self.attempt(
                "open drawer", expected, lambda: open_session(opening_float=Decimal(50_000), actor=actor, at=self.now)
            )
            if session is not None:
                self.drawers[who] = session.pk
                self.cash[session.pk] = 50_000
        elif self.rng.random() < 0.3:
            self.count(who)

    def count(self, who: str) -> None:
        pk = self.drawers.pop(who)
        session, actor = CashSession.objects.get(pk=pk), self.place.actor(who)
        assert ledger.expected_cash(session) == self.cash[pk]
        closed = close_session(session=session, denominations={}, note="Đếm sau", actor=actor, at=self.now)
        assert closed.expected_amount == self.cash[pk]

    def next_day(self, who: str, _n: int) -> None:
        """The day is closed as soon as no drawer is open, then the next one begins."""
        accountant, day = self.place.actor("accountant"), self.now.date()
        expected = not self.drawers and self.day not in self.closed_days
        if self.attempt("close day", expected, lambda: close_day(day=day, actor=accountant, at=self.now)) is None:
            for cashier in list(self.drawers):
                self.count(cashier)
            if self.day not in self.closed_days:
                close_day(day=day, actor=accountant, at=self.now)
        self.closed_days.add(self.day)
        if self.rng.random() < 0.7:
            self.day += 1
            self.now = at(8) + timedelta(days=self.day)
            for cashier in CASHIERS:
                self.drawer(cashier, 0)

    # The model's own book-keeping, and the comparison

    def put(self, bill: Bill, entry: CashEntry, kind: str, amount: int, who: str, method: str, **more: Paper) -> None:
        bill.papers[entry.pk] = Paper(kind, amount, amount, who, self.drawers[who], self.day, method, **more)

    def move(self, who: str, method: str, amount: int) -> None:
        if method == "cash":
            self.cash[self.drawers[who]] += amount

    def compare(self) -> None:
        held = 0
        for visit, bill in zip(self.visits, self.bills, strict=True):
            visit.refresh_from_db()
            account = ledger.account_of(visit)
            assert (account.payable, account.paid, account.held) == (bill.payable, bill.paid, bill.held)
            assert min(bill.paid, bill.held, *left_over(bill)) >= 0
            assert bill.taken - bill.used - bill.returned == bill.held
            due = 0 if bill.payable is None else bill.payable - bill.paid - bill.held
            assert ledger.amount_due(visit) == due
            left = {entry.pk: entry.left for entry in ledger.entries_of(visit)}
            assert {pk: left[pk] for pk in bill.papers} == {pk: paper.left for pk, paper in bill.papers.items()}
            held += bill.held
        assert ledger.held_total(self.place.facility) == held

    def finish(self) -> None:
        facility = self.place.facility
        rows = {row.pk: row for row in ledger.held_deposits(facility)}
        for visit, bill in zip(self.visits, self.bills, strict=True):
            if bill.held:
                row = rows.pop(visit.pk)
                assert (row.deposited, row.used, row.returned) == (bill.taken, bill.used, bill.returned)
                assert row.held == bill.held
        assert not rows
        unsettled = {row.visit_id: (row.due, row.held) for row in ledger.unsettled_results(facility)}
        assert unsettled == {
            visit.pk: (bill.payable - bill.paid - bill.held, bill.held)
            for visit, bill in zip(self.visits, self.bills, strict=True)
            if bill.payable is not None and (bill.payable != bill.paid or bill.held)
        }
        for session in CashSession.objects.all():
            assert ledger.expected_cash(session) == self.cash[session.pk]
        for series in set(ReceiptBook.objects.values_list("series", flat=True)):
            assert missing_numbers(facility, series) == []
        assert sum(use.used for use in book_uses(facility, 2026)) == CashEntry.objects.count()
        assert all(book_of(entry) for entry in CashEntry.objects.all())
        cash = sum(row.cash_amount for row in CashDay.objects.all())
        entries = CashEntry.objects.filter(method="cash", at__lt=at(0) + timedelta(days=self.day))
        moved = sum(ledger.EFFECTS[entry.kind].cash * entry.amount for entry in entries)
        if self.day not in self.closed_days:
            assert cash == moved


@pytest.mark.parametrize("seed", range(3))
def test_the_ledger_does_what_a_plain_model_does(world: World, seed: int) -> None:
    accountant = world.hospital.actor("accountant")
    set_cash_rules(since=at().date(), refund_limit=None, book_size=7, actor=accountant)
    model = Model(world, seed)
    model.walk(200)
    model.finish()
    wanted = {"deposit", "collect", "refund", "void", "close", "reopen"}
    assert wanted <= set(model.done)
