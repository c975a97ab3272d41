"""Many client processes at one store: what the benchmark of stock and its torture share."""

import multiprocessing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import connections
from django.utils import timezone

from his.accounts.actor import Actor, system_actor
from his.catalogs.models import Drug
from his.core.dates import local
from his.demo.volume.measure import prepared
from pharmacy.models import Lot, Store
from pharmacy.services.stock import GoodsLine, receive_goods
from pharmacy.services.stores import create_store

LIFE = timedelta(days=700)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A store of its own at an invented facility, with new lots of one drug."""

    actor: Actor
    store: Store
    other: Store
    lots: tuple[Lot, ...]


def new_shelf(facility_code: str, quantity: Decimal, lots: int = 1) -> Shelf:
    """Two new stores, and in the first one so much of each new lot; founds the facility in an empty database."""
    facility = prepared(facility_code)
    actor, mark = system_actor(facility), uuid4().hex[:8]
    store, other = (
        create_store(code=f"{letter}{mark}", name=f"Kho đo {letter}{mark}", kind=Store.Kind.MAIN, actor=actor)
        for letter in "AB"
    )
    now = timezone.now()
    drug = Drug.objects.for_facility(facility).on(local(now).date()).order_by("pk")[0]
    expires_on: date = local(now).date() + LIFE
    lines = [
        GoodsLine(drug, f"{mark}'{number}", expires_on, quantity, drug.price, "Công ty Dược phẩm Giả Định")
        for number in range(lots)
    ]
    document = receive_goods(store=store, lines=lines, actor=actor, at=now, confirm_unusual=True)
    rows = document.lines.select_related("lot__drug").order_by("position")
    return Shelf(actor, store, other, tuple(row.lot for row in rows))


def start(clients: Iterable[int], work: Callable[..., None], *arguments: Any) -> list[Any]:
    """Processes that each run `work(number, *arguments)` with a connection of their own; they share nothing else."""
    context = multiprocessing.get_context("fork")
    connections.close_all()  # a connection must not be used by two processes
    processes = [context.Process(target=_alone, args=(work, number, *arguments)) for number in clients]
    for process in processes:
        process.start()
    return processes


def _alone(work: Callable[..., None], number: int, *arguments: Any) -> None:
    connections.close_all()
    try:
        work(number, *arguments)
    finally:
        connections.close_all()
