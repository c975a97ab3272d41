"""A week of money and invoices lived at random: each day is level in the end, whatever the provider does."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from pytest_django import Settings

from his.core.errors import Refusal
from insurance.billing.cash import collect, take_deposit, use_deposits, void_entry
from insurance.billing.effects import paid_of
from insurance.billing.invoices import queries
from insurance.billing.invoices.queue import send_waiting
from insurance.billing.invoices.services import (
    aggregate_day,
    correct_due,
    issue_invoice,
)
from insurance.billing.ledger import account_of, amount_due, refundable_amount
from insurance.gateway.invoice_stand_in import StandIn
from insurance.gateway.providers import stand_in_of
from insurance.models import CashEntry, Invoice
from patients.models import Visit
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.insurance.invoicing import LAN, declared, give_back

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_each_day_is_level_in_the_end(
    world: World, settings: Settings, tmp_path: Path, seed: int
) -> None:
    settings.VAR_DIR = tmp_path
    provider = stand_in_of(declared(world, "C26MYY" if seed % 2 else "C26TYY"))
    week = Week(world, provider, Random(seed))
    week.live()
    week.end()
    facility, entries = world.hospital.facility, list(CashEntry.objects.all())
    assert len(entries) > 20
    assert Invoice.objects.filter(kind=Invoice.Kind.SINGLE).exists()
    assert Invoice.objects.exclude(relation=Invoice.Relation.ORIGINAL).exists()
    for day in {DAY + timedelta(days=n) for n in range(8)}:
        assert queries.day_balance(facility, day).open == 0
    entries = [entry for entry in entries if paid_of(entry)]
    assert {"receipt", "refund", "deposit_use"} <= {entry.kind for entry in entries}
    assert all(entry.invoiced.amount == paid_of(entry) for entry in entries)
    chains = [queries.chain_of(root) for root in Invoice.objects.filter(root__isnull=True)]
    assert sum(chain.amount for chain in chains) == sum(map(paid_of, entries))
    for chain in chains:
        assert chain.amount == sum(row.amount for row in queries.entries_of_chain(chain)) >= 0
        assert len({row.relation for row in chain.documents} - {Invoice.Relation.ORIGINAL}) <= 1
        for row in chain.documents:
            assert sum(line.amount for line in row.lines.all()) == row.amount
    assert not Invoice.objects.filter(state=Invoice.State.WAITING).exists()
    numbers = Invoice.objects.filter(state=Invoice.State.ISSUED).values_list("number", flat=True)
    assert sorted(map(int, numbers)) == list(range(1, provider.count() + 1))


class Week:
    """A week of deposits, money in and out, invoices on request, days gathered late, and a provider that fails."""

    def __init__(self, world: World, provider: StandIn, rng: Random) -> None:
        self.world, self.provider, self.rng = world, provider, rng
        self.facility, self.actor = world.hospital.facility, walk.drawer(world.hospital)
        self.visits = [self._closed(n) for n in range(5)]
        self.now = at(10)

    def _closed(self, n: int) -> Visit:
        patient, _ = walk.someone(self.world.hospital, f"Người {n}", citizen_id=f"09915400010{n}")
        step = walk.visit_of(self.world, self.world.hospital, patient, None, is_insured=False)
        step.examine("J06.9").order(walk.CBC).sign()
        if n % 2:
            take_deposit(visit=step.visit, amount=Decimal(60_000), actor=self.actor, at=at(9))
        step.close()
        return step.visit

    def live(self) -> None:
        """90 things half an hour apart, in working time."""
        acts = [self.collect] * 3 + [self.give_back] * 2 + [self.use, self.void]
        acts += [self.invoice, self.send, self.gather, self.correct, self.fail]
        for n in range(90):
            day, step = divmod(n, 14)
            self.now = at(10, day=DAY + timedelta(days=day)) + timedelta(minutes=30 * step)
            self.rng.choice(acts)()

    def end(self) -> None:
        """Every day gathered, everything sent."""
        while queries.first_open_day(self.facility) is not None:
            self.gather()
        self.correct()
        for _ in range(20):
            self.send()

    def collect(self) -> None:
        visit = self.rng.choice(self.visits)
        if (due := amount_due(visit)) > 0:
            amount, method = Decimal(self.rng.randint(1, int(due))), self.rng.choice(["cash", "card"])
            collect(visit=visit, amount=amount, method=method, actor=self.actor, at=self.now)

    def give_back(self) -> None:
        receipts = [e for e in CashEntry.objects.filter(kind__in=["receipt", "deposit_use"]) if refundable_amount(e)]
        if receipts:
            entry = self.rng.choice(receipts)
            give_back(self.world, entry, self.rng.randint(1, int(refundable_amount(entry))), self.now)

    def use(self) -> None:
        visit = self.rng.choice(self.visits)
        if account_of(visit).to_use:
            use_deposits(visit=visit, actor=self.actor, at=self.now)

    def void(self) -> None:
        """The last receipt, when that is still allowed."""
        if entry := CashEntry.objects.filter(kind="receipt").order_by("pk").last():
            with suppress(Refusal):
                void_entry(entry=entry, reason="Gõ nhầm", actor=self.actor, at=self.now)

    def invoice(self) -> None:
        for visit in self.visits:
            if sum(map(paid_of, queries.to_invoice(self.facility, visit=visit))):
                issue_invoice(visit=visit, buyer=LAN, actor=self.actor, at=self.now)
                return

    def send(self) -> None:
        send_waiting(actor=self.actor, at=self.now, is_forced=True)

    def gather(self) -> None:
        if day := queries.first_open_day(self.facility):
            aggregate_day(day=day, actor=self.actor, at=self.now)

    def correct(self) -> None:
        correct_due(actor=self.actor, at=self.now)

    def fail(self) -> None:
        self.provider.fail_next(self.rng.choice(["unavailable", "lost_answer"]))
