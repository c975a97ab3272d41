"""`manage.py bench stock`: many client processes issue one unit of one lot again and again, with durable commits.

Three ways in turn over the same rows, so that a noisy machine disturbs them alike: a plain one with
`select_for_update`, the ledger's call, and the whole service with permission, key, audit and commit. Then one client
alone tells the processor time of each.
"""

import multiprocessing
from collections.abc import Callable
from decimal import Decimal
from math import inf
from os import sysconf
from pathlib import Path
from time import monotonic, perf_counter, process_time
from typing import Any, Final
from uuid import uuid4

from django.db import connection, transaction
from django.utils import timezone

from his.core.errors import Refusal
from his.demo.volume.measure import Timings
from his.demo.volume.stock_clients import Shelf, new_shelf, start
from his.locks import short_locks
from his.service import busy_as_refusal
from patients.services.counters import next_number
from pharmacy.models import LotBalance, MovementKind, StockDocument, StockDocumentLine, StockMovement
from pharmacy.queries import balance_differences
from pharmacy.services import ledger
from pharmacy.services.stock import LotLine, record_loss

ONE = Decimal(1)
PLENTY = Decimal(100_000_000)
ROUNDS = 3
LEFT_FOR_EACH = 5
WARM_UP, ALONE = 20, 300
"""Issues of one client alone, whose processor time is told."""


def plain(shelf: Shelf) -> None:
    """What one would write first: read the balance for update, check, save, then number, document, line, movement."""
    now = timezone.now()
    with transaction.atomic():
        balance = LotBalance.objects.select_for_update().get(store=shelf.store, lot=shelf.lots[0])
        if balance.on_hand - balance.reserved < ONE:
            raise Refusal("shortage", "Không đủ tồn kho")
        balance.on_hand -= ONE
        balance.save(update_fields=["on_hand"])
        number = next_number(facility=shelf.actor.facility, series=f"stock-loss-{now.year}")
        facility = shelf.actor.facility
        document = StockDocument.objects.create(
            facility=facility,
            kind=StockDocument.Kind.LOSS,
            number=f"HH{now.year % 100:02d}-{number:06d}",
            store=shelf.store,
            reason="Đo tốc độ",
            posted_at=now,
            posted_by=shelf.actor.user,
        )
        line = StockDocumentLine.objects.create(
            facility=facility, document=document, position=1, lot=shelf.lots[0], quantity=ONE
        )
        StockMovement.objects.create(
            facility=facility,
            line=line,
            kind=MovementKind.LOSS,
            store=shelf.store,
            lot=shelf.lots[0],
            quantity=-ONE,
            at=now,
        )


def statement(shelf: Shelf) -> None:
    """The same rows by the ledger: what `pharmacy.services.ledger.post` sends, in a transaction like a service's."""
    with busy_as_refusal(), short_locks():
        draft = ledger.draft(
            kind=StockDocument.Kind.LOSS,
            store=shelf.store,
            actor=shelf.actor,
            at=timezone.now(),
            reason="Đo tốc độ",
        )
        draft.add(lot=shelf.lots[0], quantity=ONE)
        ledger.write(draft)


def whole(shelf: Shelf) -> None:
    """The service as a screen calls it: more rows than the others, a key of the request and two audit entries."""
    record_loss(
        store=shelf.store,
        lines=[LotLine(shelf.lots[0], ONE)],
        reason="Đo tốc độ",
        actor=shelf.actor,
        at=timezone.now(),
        idempotency_key=uuid4().hex,
    )


WAYS: Final[dict[str, Callable[[Shelf], None]]] = {"plain": plain, "": statement, "service": whole}


def bench_stock(*, facility_code: str, clients: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Issues a second and milliseconds of each way, over `seconds` each; then each way sells a lot out.

    `oversold` is how many units went out that were not there, of all ways together; 0 unless there is a defect.
    """
    shelf = new_shelf(facility_code, PLENTY)
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    spent = dict.fromkeys(WAYS, 0.0)
    for turn in range(ROUNDS):
        for name in WAYS:
            times, lasted = _race(shelf, name, clients, seconds / ROUNDS)
            found[name] += times
            spent[name] += lasted
            say(f"  {turn + 1}/{ROUNDS} {name or 'ledger'}: {len(times) / lasted:.0f}/s")
    figures: dict[str, Any] = {"clients": clients, "is_durable": _is_durable()}
    for name in ("", "plain", "service"):
        timings, prefix = Timings(tuple(sorted(found[name]))), f"{name}_" if name else ""
        figures[f"{prefix}tps"] = round(len(timings.seconds) / spent[name], 1)
        figures[f"{prefix}p95_ms"] = round(timings.percentile(0.95) * 1000, 1)
        figures |= _cost(shelf, name, prefix)
    figures["over_plain"] = round(figures["tps"] / figures["plain_tps"], 2)
    figures["service_over_plain"] = round(figures["service_tps"] / figures["plain_tps"], 2)
    figures["oversold"] = sum(_oversold(facility_code, name, clients) for name in WAYS)
    figures["stock_differences"] = len(balance_differences(shelf.actor.facility))
    return figures


def _cost(shelf: Shelf, way: str, prefix: str) -> dict[str, float]:
    """Milliseconds of processor that one issue of one client takes, in Python and in its PostgreSQL process; the latter
    only where the database runs on this machine."""
    issue = WAYS[way]
    for _ in range(WARM_UP):
        issue(shelf)
    known, begun = _backend_seconds(), process_time()
    for _ in range(ALONE):
        issue(shelf)
    figures = {f"{prefix}python_ms": round((process_time() - begun) * 1000 / ALONE, 2)}
    if known is not None and (now := _backend_seconds()) is not None:
        figures[f"{prefix}postgres_ms"] = round((now - known) * 1000 / ALONE, 2)
    return figures


def _backend_seconds() -> float | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists() or "postgres" not in (text := stat.read_text(encoding="utf-8")):
        return None
    fields = text.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")


def _oversold(facility_code: str, way: str, clients: int) -> int:
    """All clients issue until nothing is left: how much more went out than came in."""
    stock = clients * LEFT_FOR_EACH
    shelf = new_shelf(facility_code, Decimal(stock))
    times, _ = _race(shelf, way, clients, None)
    moved = StockMovement.objects.for_facility(shelf.actor.facility).filter(lot=shelf.lots[0], quantity__lt=0)
    if len(times) != moved.count():
        raise RuntimeError(f"{len(times)} issues were answered, {moved.count()} are in the ledger")
    return max(0, len(times) - stock)


def _race(shelf: Shelf, way: str, clients: int, seconds: float | None) -> tuple[list[float], float]:
    """Seconds of each issue and of all; without `seconds` until the lot is sold out."""
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(clients + 1), context.SimpleQueue()
    processes = start(range(clients), _issue, shelf, way, seconds, gate, results)
    gate.wait()
    started = monotonic()
    answers = [results.get() for _ in processes]
    lasted = max(ended for _, ended in answers) - started
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a client ended with {process.exitcode}")
    return [one for times, _ in answers for one in times], lasted


def _issue(_number: int, shelf: Shelf, way: str, seconds: float | None, gate: Any, results: Any) -> None:
    issue, times = WAYS[way], []
    connection.ensure_connection()
    gate.wait()
    ends = monotonic() + seconds if seconds is not None else inf
    try:
        while monotonic() < ends:
            begun = perf_counter()
            if not _issued(issue, shelf):
                break
            times.append(perf_counter() - begun)
    finally:  # who waits for the answers must not wait for ever
        results.put((times, monotonic()))


def _issued(issue: Callable[[Shelf], None], shelf: Shelf) -> bool:
    """Issue once, again while the answer is "busy"; False when nothing is left."""
    while True:
        try:
            issue(shelf)
        except Refusal as refusal:
            if refusal.code == "shortage":
                return False
            if refusal.code != "busy":
                raise
        else:
            return True


def _is_durable() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off'")
        return bool(cursor.fetchone()[0])
