"""A busy evening at the cash desks: two cashiers at once correct, refund, void and settle what a load made.

Everything goes through the services, each cashier with a thread and a connection of their own, often at the same visit.
What they do depends on the seed, in which order they come on the machine. Afterwards the month must still reconcile.
"""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

from django.db import connection

from his.core.dates import month_range, vn_datetime
from his.core.errors import Refusal
from his.core.money import ZERO
from his.demo.places import Place
from insurance.billing import ledger
from insurance.billing.cash import collect, refund, take_deposit, use_deposits, void_entry
from insurance.billing.charges import find_sources
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.drawers import close_session, open_session
from insurance.billing.fee_waivers import Reason, cancel_waiver, grant_waiver
from insurance.billing.queries import standing_waivers
from insurance.billing.self_pay import choosable, choose_self_pay
from insurance.models import CashEntry, FeeWaiver
from patients.models import Visit

OPENS = time(20)
REASON = "Rà soát cuối tháng"
TICK = timedelta(milliseconds=50)


def stir_month(*, place: Place, month: date, acts: int, seed: int) -> Counter[str]:
    """Do about `acts` things with visits of the month, in the evening of its last day; answers how often each was done.

    Refusals are counted as `refused: code`. At the end every visit is closed again and every drawer counted. Only for
    the invented facilities.
    """
    visits = list(Visit.objects.for_facility(place.facility).filter(claim_month=month).values_list("pk", flat=True))
    started = vn_datetime(month_range(month.year, month.month)[1] - timedelta(days=1), OPENS)
    clock = count(1)
    names = ["cashier", "cashier2"]
    desks = [_Desk(place, name, visits, f"{seed}:{name}", lambda: started + TICK * next(clock)) for name in names]
    with ThreadPoolExecutor(len(desks)) as pool:
        done = sum(pool.map(lambda desk: desk.work(acts // len(desks)), desks), Counter[str]())
    desks[0].close_all()
    for desk in desks:
        desk.count_drawer()
    return done + desks[0].done


class _Desk:
    """One cashier."""

    def __init__(self, place: Place, name: str, visits: list[int], seed: str, now: Callable[[], datetime]) -> None:
        self.place, self.visits, self.now = place, visits, now
        self.rng = random.Random(seed)
        self.cashier, self.manager = place.actor(name), place.actor("manager")
        self.done = Counter[str]()
        self.drawer = open_session(opening_float=ZERO, actor=self.cashier, at=now())

    def work(self, acts: int) -> Counter[str]:
        """One thing after the other with visits at random; the connection of the thread is closed at the end."""
        moves = (
            self.correct,
            self.correct,
            self.give_back,
            self.void,
            self.waive,
            self.deposit,
            self.settle,
            self.settle,
        )
        try:
            for _ in range(acts):
                visit = Visit.objects.select_related("facility", "patient", "card").get(pk=self.rng.choice(self.visits))
                self.attempt(self.rng.choice(moves), visit)
        finally:
            connection.close()
        done, self.done = self.done, Counter[str]()
        return done

    def attempt(self, move: Callable[[Visit], None], visit: Visit) -> None:
        """Do it, or count why it was refused, as when the other desk was first."""
        try:
            move(visit)
        except Refusal as refusal:
            self.done[f"refused: {refusal.code}"] += 1

    def correct(self, visit: Visit) -> None:
        """Open again, let the patient pay one thing alone, close, and settle."""
        visit = reopen_visit(visit=visit, reason=REASON, actor=self.manager, at=self.now())
        self.done["reopened"] += 1
        if choices := choosable(visit, find_sources(visit)[0]):
            one = self.rng.choice(choices)
            choose_self_pay(
                visit=visit, source_kind=one.kind, source_id=one.id, reason=REASON, actor=self.cashier, at=self.now()
            )
            self.done["moved to self-pay"] += 1
        if self.rng.random() < 0.5:
            self.deposit(visit)
        self.close(visit)
        self.settle(visit)

    def close(self, visit: Visit) -> None:
        close_visit(visit=visit, actor=self.cashier, at=self.now(), drugs_declined_reason=REASON, extra_told=True)
        self.done["closed again"] += 1

    def deposit(self, visit: Visit) -> None:
        take_deposit(visit=visit, amount=self._thousands(200), actor=self.cashier, at=self.now())
        self.done["deposit"] += 1

    def settle(self, visit: Visit) -> None:
        """Use what is held, take what is due, or give back what is too much."""
        account = ledger.account_of(visit)
        if account.to_use:
            use_deposits(visit=visit, actor=self.cashier, at=self.now())
            self.done["deposit used"] += 1
        due = ledger.amount_due(visit)
        if due > 0:
            part = due if self.rng.random() < 0.8 else max(Decimal(1), due // 2)
            collect(visit=visit, amount=part, actor=self.cashier, at=self.now(), method=self._method())
            self.done["collected"] += 1
        elif due < 0:
            self.give_back(visit)

    def give_back(self, visit: Visit) -> None:
        """A part of an entry of which something is left, or what is too much."""
        if entry := self._left(visit):
            amount = min(entry.left, max(Decimal(1), -ledger.amount_due(visit)))  # type: ignore[attr-defined]
            refund(entry=entry, amount=amount, reason=REASON, actor=self.cashier, at=self.now())
            self.done["refunded"] += 1

    def void(self, visit: Visit) -> None:
        mine = CashEntry.objects.filter(by=self.cashier.user, session=self.drawer, kind__in=("receipt", "deposit"))
        if (entry := mine.order_by("-pk").first()) is not None:
            void_entry(entry=entry, reason=REASON, actor=self.cashier, at=self.now())
            self.done["voided"] += 1

    def waive(self, visit: Visit) -> None:
        """Waive a part, or take a waiver back."""
        result = visit.benefit_results.filter(is_current=True).first()
        if result is not None and (standing := standing_waivers(result)):
            cancel_waiver(waiver=standing[0], reason=REASON, actor=self.manager, at=self.now())
            self.done["waiver cancelled"] += 1
        else:
            percent, reason = Decimal(self.rng.choice([5, 20, 100])), Reason(FeeWaiver.Reason.HARDSHIP, REASON)
            grant_waiver(visit=visit, percent=percent, reason=reason, actor=self.manager, at=self.now())
            self.done["waived"] += 1

    def close_all(self) -> None:
        """Close what was left open because the other desk came between."""
        for visit in (
            Visit.objects.for_facility(self.place.facility)
            .filter(pk__in=self.visits)
            .exclude(state__in=(Visit.State.CLOSED, Visit.State.CANCELLED))
        ):
            self.close(visit)

    def count_drawer(self) -> None:
        """Count what should be there; the note says that nobody looked."""
        close_session(session=self.drawer, denominations={}, actor=self.cashier, at=self.now(), note=REASON)

    def _left(self, visit: Visit) -> CashEntry | None:
        entries = [e for e in ledger.entries_of(visit) if e.left > 0]  # type: ignore[attr-defined]
        return self.rng.choice(entries) if entries else None

    def _method(self) -> str:
        return self.rng.choice([CashEntry.Method.CASH, CashEntry.Method.CASH, CashEntry.Method.CARD])

    def _thousands(self, most: int) -> Decimal:
        return Decimal(self.rng.randint(1, most) * 1000)
