"""Client processes that dispense, take back, transfer, count, lose and receive the same lots, and are killed meanwhile.

Each request has a key. A client notes in its own file that it begins a request and what came of it; one that was killed
is started again and first repeats what it had begun, with the same key, as a browser does.
"""

import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.demo.volume.stock_clients import start
from his.service import service
from patients.models import Prescription
from pharmacy.models import Dispense, Lot, StockDocument, Store
from pharmacy.services import ledger
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.stock import GoodsLine, LotLine, receive_goods, record_loss, reverse_document, transfer

Kind = StockDocument.Kind


@service(action="tests.count", permission="pharmacy.receive")
def count(
    *, store: Store, lines: list[LotLine], kind: StockDocument.Kind, actor: Actor, at: datetime, idempotency_key: str
) -> StockDocument:
    """What a stock-take posts: more or less than the book says."""
    draft = ledger.draft(kind=kind, store=store, actor=actor, at=at, reason="Kiểm kê")
    for line in lines:
        draft.add(lot=line.lot, quantity=line.quantity)
    return ledger.post(draft=draft, actor=actor, at=at)


@dataclass(frozen=True)
class Arena:
    """What the clients share; `began` is the monotonic time that `noon` stands for."""

    actor: Actor
    stores: tuple[Store, ...]
    lots: tuple[Lot, ...]
    prescriptions: tuple[Prescription, ...]
    folder: Path
    noon: datetime
    began: float

    def at(self) -> datetime:
        return self.noon + timedelta(seconds=monotonic() - self.began)


def requests(arena: Arena) -> dict[str, Callable[..., object]]:
    """What a client may ask for, each from plain values, so that it can be noted and repeated."""
    stores, lots = {s.pk: s for s in arena.stores}, {lot.pk: lot for lot in arena.lots}

    def common(key: str) -> dict:
        return {"actor": arena.actor, "at": arena.at(), "idempotency_key": key}

    def lines(wanted: list) -> list[LotLine]:
        return [LotLine(lots[pk], Decimal(quantity), "Thử") for pk, quantity in wanted]

    def goods(wanted: list) -> list[GoodsLine]:
        return [
            GoodsLine(lots[pk].drug, lots[pk].number, lots[pk].expires_on, Decimal(quantity), lots[pk].unit_cost)
            for pk, quantity in wanted
        ]

    def give(key, prescription, store):
        row = Prescription.objects.get(pk=prescription)
        return dispense(prescription=row, store=stores[store], **common(key))

    def take_back(key, prescription):
        row = Dispense.objects.filter(prescription=prescription, is_reversed=False).first()
        if row is None:
            raise Refusal("not_dispensed", "")
        return reverse_dispense(dispense=row, reason="Trả lại", actor=arena.actor, at=arena.at()).document.reversed_by

    def undo(key, kind):
        rows = StockDocument.objects.filter(kind=kind, reversed_by=None, store__in=stores)
        row = rows.order_by("-pk").first()
        if row is None:
            raise Refusal("no_document", "")
        return reverse_document(document=row, reason="Nhầm", actor=arena.actor, at=arena.at())

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


def chosen(arena: Arena, rng: random.Random) -> tuple[str, list]:
    """The next request of a client and its values."""
    store, target = rng.sample([store.pk for store in arena.stores], 2)
    lots = rng.sample([lot.pk for lot in arena.lots], rng.randint(1, 2))
    wanted = [[pk, rng.randint(1, 4)] for pk in lots]
    prescription = rng.choice(arena.prescriptions).pk
    return rng.choice(
        [
            ("give", [prescription, store]),
            ("give", [prescription, store]),
            ("take_back", [prescription]),
            ("move", [store, target, wanted]),
            ("undo", [rng.choice([Kind.TRANSFER, Kind.LOSS, Kind.COUNT_UP]).value]),
            ("count", [store, rng.choice([Kind.COUNT_UP, Kind.COUNT_DOWN]).value, wanted]),
            ("lose", [store, wanted]),
            ("receive", [store, wanted]),
        ]
    )


def client(number: int, arena: Arena, until: float) -> None:
    """One process: what was begun and not answered first, then one request after the other."""
    journal = arena.folder / f"{number}.jsonl"
    repeat_unanswered(arena, journal)
    rng = random.Random(f"{number}:{monotonic()}")
    while monotonic() < until:
        what, values = chosen(arena, rng)
        key = uuid4().hex
        note(journal, key=key, what=what, values=values)
        ask(arena, journal, key, what, values)


def repeat_unanswered(arena: Arena, journal: Path) -> None:
    begun: dict[str, dict] = {}
    for entry in entries(journal):
        if "what" in entry:
            begun[entry["key"]] = entry
        else:
            begun.pop(entry["key"])
    for key, entry in begun.items():
        ask(arena, journal, key, entry["what"], entry["values"])


def ask(arena: Arena, journal: Path, key: str, what: str, values: list) -> None:
    while True:
        try:
            row = requests(arena)[what](key, *values)
        except Refusal as refusal:
            if refusal.code == "busy":
                continue
            note(journal, key=key, refused=refusal.code)
        else:
            document = row.document if isinstance(row, Dispense) else row
            note(journal, key=key, done=document.pk, asked=what)
        return


def note(journal: Path, **entry: object) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write("\n" + json.dumps(entry) + "\n")


def entries(journal: Path) -> Iterator[dict]:
    """Whole lines only: a client may have been killed while it wrote one."""
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def run(arena: Arena, *, clients: int, seconds: float) -> int:
    """All of them for so long, one killed about every fifth of a second; answers how many were killed."""
    until, rng, kills = monotonic() + seconds, random.Random(1), 0
    processes = dict(enumerate(start(range(clients), client, arena, until)))
    while monotonic() < until:
        sleep(rng.uniform(0.1, 0.3))
        number = rng.randrange(clients)
        os.kill(processes[number].pid, signal.SIGKILL)
        processes[number].join()
        kills += processes[number].exitcode == -signal.SIGKILL
        (processes[number],) = start([number], client, arena, until)
    for process in processes.values():
        process.join()
        assert process.exitcode == 0
    for number in range(clients):
        repeat_unanswered(arena, arena.folder / f"{number}.jsonl")
    return kills
